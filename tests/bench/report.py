"""The one table that `make bench` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """``most``: of the ratio ours / baseline, or of our own figure; ``least`` likewise. One of the four is set."""

    most_ratio: float | None = None
    least_ratio: float | None = None
    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        if self.most_ratio is not None:
            return f"≤ {self.most_ratio:g}×"
        if self.least_ratio is not None:
            return f"≥ {self.least_ratio:g}×"
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"

    def missed_by(self, ours: float, ratio: float | None) -> float:
        """The part of the goal that is missing; 0 where it is met."""
        figure = ours if self.most is not None or self.least is not None else (ratio or 0.0)
        if (most := self.most if self.most is not None else self.most_ratio) is not None:
            return max(0.0, figure / most - 1)
        least = self.least if self.least is not None else self.least_ratio
        return max(0.0, 1 - figure / (least or 1.0))


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ``beside`` says what ``base`` was measured on, in the same run; both may be absent."""

    what: str
    unit: str
    ours: float
    base: float | None = None
    beside: str = ""
    goal: Goal | None = None

    def __str__(self) -> str:
        ratio = self.ours / self.base if self.base else None
        cells = (
            f"{self.what + ', ' + self.unit:<47}{self.ours:>10.2f}",
            f"{self.base:>10.2f}" if self.base is not None else f"{'':>10}",
            f"{ratio:>7.2f}" if ratio is not None else f"{'':>7}",
            f"  {self.goal or ''!s:<8}",
            f"{self._verdict(ratio):<16}",
            self.beside,
        )
        return "".join(cells).rstrip()

    def _verdict(self, ratio: float | None) -> str:
        if self.goal is None:
            return ""
        missed = self.goal.missed_by(self.ours, ratio)
        if missed >= 10:
            return f"missed, {missed + 1:.0f}×"
        return f"missed by {missed:.0%}" if missed else "met"


HEADER = f"{'':<47}{'ours':>10}{'baseline':>10}{'ratio':>7}  {'goal':<8}{'verdict':<16}the baseline"
