"""What the maintenance jobs share: batches, pages of ids, and a tally of what was done and what went wrong."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

Item = TypeVar("Item")

BATCH = 500  # keys or users a query


def batches(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    """Lists of at most ``size``; none is empty."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch


def pages_of_ids(rows: Callable[[], QuerySet[Any, Any]], column: str) -> Iterator[list[UUID]]:
    """The values of ``column`` (ordered, distinct), a page a query."""
    last: UUID | None = None
    while True:
        beyond = rows() if last is None else rows().filter(**{f"{column}__gt": last})
        page = list(beyond.values_list(column, flat=True)[:BATCH])
        if page:
            yield page
        if len(page) < BATCH:
            return
        last = page[-1]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one run. ``say`` gets a line for whatever wants somebody's attention, as it is found."""

    say: Callable[[str], None]
    step: Callable[[int], None]
    failures: int = 0
    unknown_keys: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    uploads: int = 0
    tombstones: int = 0
    counters: int = 0

    def note_failure(self, line: str) -> None:
        """Something that was to be done and could not be: the run goes on, and its exit code tells."""
        self.failures += 1
        self.say(line)


def seconds(text: str) -> int:
    """For ``argparse``, which makes a usage error of the ValueError: a whole number from 0 to a hundred years."""
    value = int(text)
    if not 0 <= value <= 100 * 365 * 24 * 3600:
        raise ValueError(text)
    return value
