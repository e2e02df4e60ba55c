"""When a schedule is due: local times of its zone, as moments in UTC.

A local time in a gap (the clocks go forward, or a country skips a day) moves forward by the gap, and of an ambiguous
one the first counts (RFC 5545 § 3.3.5). One that moves to less than an hour from another is left out, so that runs stay
an hour apart.
"""

import heapq
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from dateutil import rrule as dateutil_rrule

from agents.batches.spec.rrules import Frequency, Rule

MIN_DISTANCE = timedelta(hours=1)
# The longest gap there was: Samoa went without the 30th of December 2011.
_LONGEST_GAP = timedelta(hours=24)
# Before a moment by the local time of any zone (UTC-12 to UTC+14), with room for a gap.
_MARGIN = timedelta(days=3)
# Files of the operating system's that are no zones.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})
_FREQUENCIES: Mapping[Frequency, Literal[1, 2, 3]] = {"MONTHLY": 1, "WEEKLY": 2, "DAILY": 3}  # dateutil's


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


def zone_of(name: str) -> ZoneInfo:
    """An IANA zone: an offset such as ``+02:00`` does not know when clocks change. Raises ``ValueError``."""
    if name not in _zone_names():
        raise ValueError("must be an IANA time zone such as Europe/Rome")
    return ZoneInfo(name)


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """``local`` (naive) as a moment. With ``fold`` 0 a time in a gap is read with the offset before it."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def is_in_gap(local: datetime, zone: ZoneInfo) -> bool:
    return to_utc(local, zone).astimezone(zone).replace(tzinfo=None) != local


def due_after(rule: Rule, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments at which ``rule`` is due, in UTC and rising, from the first that is later than ``after`` (aware)."""
    # One that moved is left out where another is near, so both of its neighbours must be known.
    previous: tuple[datetime, bool] | None = None
    held: tuple[datetime, bool] | None = None
    for following in chain(_moments(rule, zone, after), [None]):
        if held is not None and following is not None and held[0] == following[0]:
            held = (held[0], held[1] and following[1])
            continue
        if held is not None:
            neighbours = [each for each in (previous, following) if each is not None and not each[1]]
            is_near = held[1] and any(abs(each[0] - held[0]) < MIN_DISTANCE for each in neighbours)
            if held[0] > after and not is_near:
                yield held[0]
        previous, held = held, following


def _moments(rule: Rule, zone: ZoneInfo, after: datetime) -> Iterator[tuple[datetime, bool]]:
    """In UTC and rising, with whether a gap has moved it. Some from before ``after`` come first."""
    waiting: list[tuple[datetime, bool]] = []
    for local in _local_times(rule, after):
        if local.year == MAXYEAR:  # west of Greenwich its last evening is no moment that there is a number for
            break
        moment = to_utc(local, zone)
        if rule.until is not None and (moment if rule.until.tzinfo else local) > rule.until:
            break
        heapq.heappush(waiting, (moment, is_in_gap(local, zone)))
        # Later ones may come to lie before one that has moved.
        while waiting and waiting[0][0] < moment - _LONGEST_GAP:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)


def _local_times(rule: Rule, after: datetime) -> Iterator[datetime]:
    start, skipped = _start(rule, after.astimezone(UTC).replace(tzinfo=None) - _MARGIN)
    found: Iterator[datetime] = iter(
        dateutil_rrule.rrule(
            _FREQUENCIES[rule.frequency],
            dtstart=start,
            interval=rule.interval,
            wkst=rule.week_start,
            count=rule.count,
            bymonth=rule.by_month or None,
            bymonthday=rule.by_month_day or None,
            byweekday=[dateutil_rrule.weekday(day, n=ordinal or None) for ordinal, day in rule.by_day] or None,
            bysetpos=rule.by_set_position or None,
            byhour=rule.hours,
            byminute=rule.minute,
            bysecond=0,
        )
    )
    return found if skipped else (local for local in found if local >= rule.anchor)


def _start(rule: Rule, earliest: datetime) -> tuple[datetime, bool]:
    """Where to count from: a whole number of intervals after the anchor, so that years gone by cost nothing.

    A rule says everything by itself (``Rule``), and does not look at the day it is counted from. With a COUNT each one
    must be counted from the anchor.
    """
    if rule.count is not None or earliest <= rule.anchor:
        return rule.anchor, False
    if rule.frequency == "MONTHLY":
        months = (earliest.year - rule.anchor.year) * 12 + earliest.month - rule.anchor.month
        whole = max(0, months // rule.interval) * rule.interval
        if not whole:
            return rule.anchor, False
        year, month = divmod(rule.anchor.year * 12 + rule.anchor.month - 1 + whole, 12)
        return datetime(year, month + 1, 1), True  # noqa: DTZ001 - local
    step = rule.interval * (7 if rule.frequency == "WEEKLY" else 1)
    whole = max(0, (earliest - rule.anchor).days // step - 1) * step
    if not whole:
        return rule.anchor, False
    return (rule.anchor + timedelta(days=whole)).replace(hour=0, minute=0), True


def next_runs(rule: Rule, zone: ZoneInfo, after: datetime, count: int = 3) -> list[datetime]:
    """The next ``count`` moments after ``after``, fewer where the rule ends."""
    found: list[datetime] = []
    for moment in due_after(rule, zone, after):
        found.append(moment)
        if len(found) == count:
            break
    return found
