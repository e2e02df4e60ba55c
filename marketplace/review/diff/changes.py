"""All that a version changes in its package, as the reviewer's page shows it: what was found comes first."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from marketplace.models import PluginStatus, PluginVersion
from marketplace.review.diff.file_texts import FileText, Kind, TextReader
from marketplace.review.diff.findings import Finding, by_file, findings_of, reported_name
from marketplace.review.diff.line_diff import Block, Effort, diff_lines
from marketplace.review.diff.package_diff import (
    FileChange,
    Status,
    compare_packages,
    open_package,
    stored_package,
)
from marketplace.review.diff.rows import Room, Sides, changed_lines, render
from marketplace.review.page import visible

MAX_HITS: Final = 200
MAX_NEEDLE: Final = 100
MAX_SHOWN: Final = 200  # characters of a line that was searched for
_NOTES: Final = {
    Kind.BINARY: "Binary: there are no lines to compare.",
    Kind.LARGE: "Too large to compare line by line: read it as a whole.",
    Kind.UNREAD: "Not compared: the texts of other files fill this page.",
    Kind.ENCRYPTED: "Encrypted: it cannot be read.",
}
_ORDER: Final = {Status.CHANGED: 0, Status.ADDED: 1, Status.RENAMED: 2, Status.REMOVED: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of a comparison: how many files there are of each status, and those that differ."""

    files: Sequence[FileChange]

    @property
    def counts(self) -> Counter[str]:
        return Counter(str(one.status) for one in self.files)

    @property
    def different(self) -> list[FileChange]:
        return [one for one in self.files if one.status != Status.SAME]

    @property
    def words(self) -> str:
        """``"12 of 40 files changed, 3 added, 1 binary"``."""
        counts = self.counts
        total = sum(counts.values()) - counts[Status.REMOVED]
        if counts[Status.ADDED] == len(self.files):
            parts = [f"{total} files, all of them new" if total > 1 else "1 file, which is new"]
        else:
            parts = [f"{counts[Status.CHANGED]} of {total} files changed"]
            parts += [f"{counts[one]} {one}" for one in (Status.ADDED, Status.REMOVED, Status.RENAMED) if counts[one]]
        binary = sum(one.is_binary for one in self.different)
        return ", ".join([*parts, f"{binary} binary"] if binary else parts)


@dataclass(slots=True, kw_only=True)
class ChangedFile:
    """One file that differs. ``rows`` is empty where ``note`` says why, or where the page is full (``unshown``)."""

    change: FileChange
    old: FileText
    new: FileText
    blocks: list[Block] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    note: str = ""
    rows: SafeString = field(default_factory=SafeString)
    unshown: int = 0
    link: str = ""

    @property
    def number(self) -> int:
        return self.change.number

    @property
    def name(self) -> str:
        return visible(self.change.name)

    @property
    def old_name(self) -> str:
        return visible(self.change.old_name or "")

    @property
    def kind(self) -> Kind:
        """What is there now, or was: something of which one cannot see what it does, before a text."""
        kinds = {self.old.kind, self.new.kind} - {Kind.TEXT}
        return next((one for one in Kind if one in kinds), Kind.TEXT)

    @property
    def added(self) -> int:
        return sum(block.new_end - block.new_start for block in self.blocks if not block.is_same)

    @property
    def removed(self) -> int:
        return sum(block.old_end - block.old_start for block in self.blocks if not block.is_same)

    @property
    def one_sided(self) -> bool:
        return not self.old.lines or not self.new.lines

    @property
    def is_unread(self) -> bool:
        return Kind.UNREAD in {self.old.kind, self.new.kind}

    @property
    def has_anchors(self) -> bool:
        """Its changed lines are rows of the page."""
        return bool(self.blocks) and self.new.kind.has_lines

    @property
    def worst(self) -> str:
        return self.findings[0].severity if self.findings else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A line to go to: of a search, or of what was found."""

    file: str
    line: int
    text: str
    link: str
    tone: str


@dataclass(slots=True, kw_only=True)
class Changes:
    summary: Summary
    files: list[ChangedFile]
    found: list[Place] = field(default_factory=list)
    hits: list[Place] = field(default_factory=list)
    hit_count: int = 0
    hit_files: int = 0

    @property
    def unsearched(self) -> int:
        """Files without lines that could be compared."""
        return sum(not (one.old.kind.has_lines and one.new.kind.has_lines) for one in self.files)


def base_of(version: PluginVersion, live: PluginVersion | None) -> PluginVersion | None:
    """What it is compared with: the live version, or for one that is live or was, the one approved before it."""
    if live is not None and live.pk != version.pk and version.status != PluginStatus.APPROVED:
        return live
    approved = PluginVersion.objects.filter(plugin=version.plugin_id, status=PluginStatus.APPROVED)
    if version.decided_at is not None:
        approved = approved.filter(decided_at__lt=version.decided_at)
    return approved.exclude(pk=version.pk).order_by("-decided_at").first()


def summarize(version: PluginVersion, base: PluginVersion | None) -> Summary:
    """Raises ``PackageUnreadableError``."""
    return Summary(files=compare_packages(stored_package(version), stored_package(base) if base else None))


def find_changes(
    version: PluginVersion,
    base: PluginVersion | None,
    *,
    query: str = "",
    only: int | None = None,
    against: str = "",
    carried: Mapping[str, str] | None = None,
) -> Changes:
    """The files that differ, with their rows as far as one page has room; ``only`` gives all of it to one of them.
    ``carried`` are parameters that its links pass on.

    Raises:
        PackageUnreadableError: one of the two packages cannot be read.
    """
    summary = summarize(version, base)
    found = by_file(findings_of(version))
    # What is asked for alone, and what was found, is read before the rest fills the page.
    wanted = sorted(
        summary.different,
        key=lambda one: (one.number != only, reported_name(one.name) not in found, _ORDER[one.status], one.number),
    )
    files = _read_files(version, base, wanted, found)
    files.sort(key=lambda file: (not file.findings, file.findings[0].rank[0] if file.findings else 0))
    needle = query[:MAX_NEEDLE].lower()
    keep = {name: value for name, value in {"against": against, "q": query, **(carried or {})}.items() if value}
    room = Room()
    for file in files:
        if only is None or file.number == only:
            _render(file, room, needle)
        shown_here = (only is None or file.number == only) and not file.unshown and not file.is_unread
        file.link = "" if shown_here else "?" + urlencode({**keep, "file": file.number})
    changes = Changes(summary=summary, files=files)
    changes.found = [
        Place(file.name, one.line, one.shown, _link_to(file, one), one.severity)
        for file in files
        for one in file.findings
    ]
    if needle:
        _search(changes, needle)
    return changes


def _read_files(
    version: PluginVersion,
    base: PluginVersion | None,
    wanted: Sequence[FileChange],
    found: Mapping[str, list[Finding]],
) -> list[ChangedFile]:
    reader, effort = TextReader(), Effort()
    known = {(one.file, one.line, one.kind) for one in findings_of(base)} if base else set()
    nothing = FileText(Kind.TEXT)
    with ExitStack() as stack:
        new = stack.enter_context(open_package(stored_package(version)))
        old = stack.enter_context(open_package(stored_package(base))) if base else None
        files = []
        for change in wanted:
            moved = change.status == Status.RENAMED
            after = reader.read(new, change.new_index) if change.new_index is not None else nothing
            before = nothing
            if old is not None and change.old_index is not None:
                before = after if moved else reader.read(old, change.old_index)
            file = _compare_texts(change, before, after, effort)
            file.findings = _new_findings(file, found.get(reported_name(change.name), []), known)
            files.append(file)
    return files


def _compare_texts(change: FileChange, old: FileText, new: FileText, effort: Effort) -> ChangedFile:
    """A side without lines counts as empty: what the other one has is shown all the same."""
    file = ChangedFile(change=change, old=old, new=new)
    if change.status == Status.RENAMED:
        file.note = "The same bytes under another name."
        return file
    file.blocks = diff_lines(old.lines, new.lines, effort)
    if new.kind in _NOTES:
        file.note = _NOTES[new.kind]
    elif old.kind in _NOTES:
        file.note = f"Before: {_NOTES[old.kind]}"
    elif not old.lines and not new.lines:
        file.note = "It is empty."
    elif all(block.is_same for block in file.blocks):
        file.note = "No line differs: only the ends of lines, or a byte order mark at the beginning."
    return file


def _new_findings(
    file: ChangedFile, findings: Sequence[Finding], known: Collection[tuple[str, int, str]]
) -> list[Finding]:
    """On lines that are added or changed; in a file without lines any.

    In one that has another name now, what was not found under the old one: text that nobody runs may become code.
    """
    if file.change.status == Status.RENAMED:
        before = reported_name(file.change.old_name or "")
        return [one for one in findings if (before, one.line, one.kind) not in known]
    added = set(changed_lines(file.blocks)[1])
    return [one for one in findings if not file.new.kind.has_lines or one.line - 1 in added]


def _render(file: ChangedFile, room: Room, needle: str) -> None:
    if all(block.is_same for block in file.blocks):
        return
    findings: dict[int, list[Finding]] = {}
    for one in file.findings:
        findings.setdefault(one.line - 1, []).append(one)
    sides = Sides(
        number=file.number,
        name=file.change.name,
        old=file.old.lines,
        new=file.new.lines,
        blocks=file.blocks,
        findings=findings,
        needle=needle,
    )
    file.rows, file.unshown = render(sides, room)


def _link_to(file: ChangedFile, finding: Finding) -> str:
    return f"{file.link}#f{file.number}-L{finding.line}" if file.has_anchors else f"{file.link}#f{file.number}"


def _search(changes: Changes, needle: str) -> None:
    """Among changed lines, as they are: a name of a sign that hides is not what the author wrote."""
    matching: set[int] = set()
    for file in changes.files:
        for side, mark, lines, places in (
            ("O", "removed", file.old.lines, changed_lines(file.blocks)[0]),
            ("L", "added", file.new.lines, changed_lines(file.blocks)[1]),
        ):
            for place in places:
                at = lines[place].lower().find(needle)
                if at < 0:
                    continue
                matching.add(file.number)
                changes.hit_count += 1
                if len(changes.hits) < MAX_HITS:
                    start = max(0, at - MAX_SHOWN // 4)
                    text = visible(lines[place][start : start + MAX_SHOWN])
                    link = f"{file.link}#f{file.number}-{side}{place + 1}"
                    changes.hits.append(Place(file.name, place + 1, text, link, mark))
    changes.hit_files = len(matching)
