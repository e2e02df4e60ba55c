"""What a language brings for batches: how their parts are spoken of, and what is answered.

Patterns of several things come as pairs of a name and a pattern, what is more specific first; a name may stand several
times. Groups are named in the descriptions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Pattern = re.Pattern[str]
Patterns = tuple[tuple[str, Pattern], ...]
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerWords:
    """When a batch runs.

    ``frequencies``: "nth weekday" (``nth``, ``days``), "working day" (``nth``), "dates" (``dates``), "month end",
    "month start", "interval" (``count``, ``unit``, maybe ``days``), "days" (``days``), "workdays", "weekends", "daily",
    "weekly", "monthly", "quarterly", "yearly" (maybe ``day``), "hours" (``count``), "hourly", "window" (``first``,
    ``last``), "times", "often". ``on_days`` and ``on_dates``
    (``days``; ``dates`` or ``nth``) go with one that stands elsewhere. ``starting`` holds ``day``.

    ``times`` finds a list of times (``times`` or ``times_alone``), ``time`` one in it: ``hour``, ``minute``, ``half``
    ("am"), ``named`` (of ``named_times``). ``parts`` of the day lead to an hour.

    ``changes`` (``target``, ``deed``) is a trigger by a record, ``changed_to`` says what the deed makes of it.
    ``becomes_due`` (``target``) is what no change of a record tells, ``by_hand`` a trigger by the user.
    """

    frequencies: Patterns
    on_days: Pattern
    on_dates: Pattern
    nth: Mapping[str, int]
    counts: Mapping[str, int]
    starting: Pattern
    times: Pattern
    time: Pattern
    named_times: Mapping[str, str]
    parts: tuple[tuple[int, Pattern], ...]
    changes: Patterns
    changed_to: Patterns
    becomes_due: Pattern
    by_hand: Pattern
    skip_missed: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWords:
    """Which records it takes, beside what ``selection`` knows.

    ``ages`` hold ``count`` and ``unit``: "created", "updated" and "overdue" longer ago, "made" and "touched" since,
    "ahead" due until. ``vague_age`` are words such as "old", ``recent`` such as "new". ``empty``: fields by
    their names. ``what`` stands for records in "what I finished".
    """

    ages: Patterns
    vague_age: Pattern
    recent: Pattern
    empty: Patterns
    what: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedWords:
    """What it does.

    ``preface`` (maybe ``name``) leads to the wish and says nothing. ``verbs`` may begin a clause, ``joins`` stand
    before them. ``deeds`` are matched against whole clauses. ``beyond`` finds what no tool does.
    """

    preface: Pattern
    verbs: Pattern
    joins: Pattern
    deeds: Patterns
    pronoun: Pattern
    it_at_an_end: Pattern
    beyond: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundWords:
    """``approval``: "destructive", "always", "never". ``limit`` holds ``count`` and ``unit``, ``name`` a ``name``."""

    approval: Patterns
    limit: Pattern
    name: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionWords:
    """How a batch is changed.

    ``instead`` finds what shall no longer hold, ``change`` what leads to the new, ``later`` (``count`` or ``half``,
    ``way``) moves its time, ``bare_days`` (``days``) its days. ``only`` narrows what it takes, ``all`` widens it,
    ``exclude`` spares some, ``also`` adds.
    """

    instead: Pattern
    change: Pattern
    later: Pattern
    earlier: Pattern
    bare_days: Pattern
    also: Pattern
    only: Pattern
    all: Pattern
    exclude: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingWords:
    """The words of one language."""

    when: TriggerWords
    which: RecordWords
    what: DeedWords
    bounds: BoundWords
    revision: RevisionWords
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)

    def join(self, items: Iterable[str], by: str = "and") -> str:
        """As in "a, b and c"; ``by`` is the key of the last word that joins."""
        *rest, last = items
        return f"{', '.join(rest)} {self.texts[by]} {last}" if rest else last


def anywhere(pattern: str) -> Pattern:
    """``pattern`` as whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def all_anywhere(pairs: Pairs) -> Patterns:
    return tuple((name, anywhere(pattern)) for name, pattern in pairs)


def whole(pairs: Pairs) -> Patterns:
    """Patterns that are matched against a whole clause."""
    return tuple((name, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for name, pattern in pairs)
