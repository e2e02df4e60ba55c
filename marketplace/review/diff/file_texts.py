"""The text of a file in a package, or why it has none to be compared line by line."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marketplace.submissions.zip_archives import Archive, Entry

MAX_TEXT_BYTES: Final = 1024 * 1024  # of one file; a larger one is offered as a whole
MAX_TEXT_LINES: Final = 20_000
MAX_PAGE_BYTES: Final = 8 * 1024 * 1024  # of all texts of one page, which are in memory together
# Nobody writes such lines by hand.
LONG_LINE: Final = 1000
LONG_ON_AVERAGE: Final = 200
_SOURCE_MAP: Final = re.compile(r'\A\s*\{\s*"(?:version|mappings|sources|file|names)"\s*:.*"mappings"', re.DOTALL)
_MAP_HEAD: Final = 4096


class Kind(StrEnum):
    """What kind of file a reviewer has before them, in the words of the page."""

    TEXT = "text"
    MINIFIED = "minified"
    SOURCE_MAP = "source map"
    BINARY = "binary"
    LARGE = "too large to compare line by line"
    UNREAD = "not compared"
    ENCRYPTED = "encrypted"

    @property
    def has_lines(self) -> bool:
        return self in {Kind.TEXT, Kind.MINIFIED, Kind.SOURCE_MAP}


@dataclass(frozen=True, slots=True)
class FileText:
    """``lines`` end where a line feed or CR LF was; the last one's line feed begins no line."""

    kind: Kind
    lines: tuple[str, ...] = ()


_LINE_COSTS: Final = 50  # bytes of a page's room: a file of line feeds makes as many rows as one of code


class TextReader:
    """Reads texts of packages until they fill a page."""

    def __init__(self) -> None:
        self._left = MAX_PAGE_BYTES

    def read(self, archive: Archive, index: int) -> FileText:
        """Raises ``ArchiveError`` for what is damaged."""
        entry = archive.entries[index]
        if entry.is_encrypted:
            return FileText(Kind.ENCRYPTED)
        if entry.size_bytes > min(MAX_TEXT_BYTES, self._left):
            kind = Kind.LARGE if entry.size_bytes > MAX_TEXT_BYTES else Kind.UNREAD
            return FileText(Kind.BINARY if is_binary(archive, entry) else kind)
        self._left -= entry.size_bytes
        text = _decode(archive.read(entry), is_cut=False)
        if text is None:
            return FileText(Kind.BINARY)
        lines = split_lines(text)
        self._left -= _LINE_COSTS * len(lines)
        return (
            FileText(Kind.LARGE) if len(lines) > MAX_TEXT_LINES else FileText(_kind_of(entry.name, text, lines), lines)
        )


def split_lines(text: str) -> tuple[str, ...]:
    """By line feeds and CR LF alone, as a scan of the code counts them."""
    return tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n")) if text else ()


def is_binary(archive: Archive, entry: Entry) -> bool:
    """By its beginning; what is encrypted is not known to be."""
    if entry.is_encrypted:
        return False
    head = next(archive.parts(entry), b"")
    return _decode(head, is_cut=len(head) < entry.size_bytes) is None


def _decode(content: bytes, *, is_cut: bool) -> str | None:
    """None for what is no UTF-8 text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not (is_cut and error.reason == "unexpected end of data"):
            return None
        text = content[: error.start].decode("utf-8-sig")
    return None if "\0" in text else text


def _kind_of(name: str, text: str, lines: tuple[str, ...]) -> Kind:
    if _SOURCE_MAP.match(text[:_MAP_HEAD]) or (name.endswith(".map") and '"mappings"' in text):
        return Kind.SOURCE_MAP
    longest = max(map(len, lines), default=0)
    if longest > LONG_LINE or (len(text) > LONG_LINE and len(text) / len(lines) > LONG_ON_AVERAGE):
        return Kind.MINIFIED
    return Kind.TEXT
