"""What a validator is given and what it answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from adiuva.api.multipart import SpooledFile
from marketplace.submissions.validators.contents import Contents, scan
from marketplace.submissions.zip_archives import Archive, ArchiveError

MAX_EVIDENCE = 20  # items; each is short


class Outcome(NamedTuple):
    """``message`` and ``evidence`` are for the author and the reviewer, and quote no secret."""

    passed: bool
    message: str
    evidence: tuple[str, ...] = ()


class InconclusiveError(Exception):
    """A validator cannot tell, because of what another one, which says why, has found."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """``manifest`` is any JSON object, ``package`` are any bytes. ``is_update``: of a plugin of the author's."""

    author_id: UUID
    manifest: dict[str, Any]
    package: SpooledFile = field(repr=False)
    is_update: bool = False

    @cached_property
    def _opened(self) -> Archive | ArchiveError:
        try:
            return Archive(self.package.file, size_bytes=self.package.size_bytes)
        except ArchiveError as error:
            return error

    def open_archive(self) -> Archive:
        """Raises ``ArchiveError``: each time, it is read once."""
        if isinstance(self._opened, ArchiveError):
            raise self._opened
        return self._opened

    @property
    def archive(self) -> Archive:
        """Raises ``InconclusiveError`` where there is none that can be read."""
        if isinstance(self._opened, ArchiveError):
            raise InconclusiveError
        return self._opened

    @cached_property
    def contents(self) -> Contents:
        """What the scan of every file has found; empty where the archive is not fit to be unpacked."""
        return scan(self.archive)


def judge(faults: Iterable[str], *, ok: str, wrong: str) -> Outcome:
    """Passed where there are no faults; else they are the evidence, the first ones of many."""
    evidence = tuple(islice(faults, MAX_EVIDENCE))
    return Outcome(passed=not evidence, message=wrong if evidence else ok, evidence=evidence)


Validate = Callable[[Submission], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """``is_required``: one of docs/api.md, always enforced; the others may run in shadow mode."""

    code: str
    validate: Validate
    is_required: bool = False
