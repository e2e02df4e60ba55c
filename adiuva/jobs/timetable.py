"""The schedule of the queue in memory; procrastinate follows the same expressions by itself."""

from collections.abc import Iterable

from croniter import croniter

from adiuva.jobs.port import Scheduled


class Timetable:
    """Times are seconds since the epoch. What was due several times meanwhile is due once."""

    def __init__(self, entries: Iterable[Scheduled], *, now: float) -> None:
        self._next = [(_next_time(entry.cron, after=now), entry) for entry in entries]

    def due(self, *, now: float) -> list[Scheduled]:
        """Those whose time has come since the last call."""
        due = [entry for at, entry in self._next if at <= now]
        self._next = [(_next_time(entry.cron, after=now) if at <= now else at, entry) for at, entry in self._next]
        return due

    def next_time(self) -> float | None:
        return min((at for at, _ in self._next), default=None)


def _next_time(cron: str, *, after: float) -> float:
    """ValueError for what is no expression."""
    return float(croniter(cron, after, ret_type=float).get_next())
