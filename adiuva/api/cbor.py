"""CBOR (RFC 8949) as far as request bodies need it: what JSON has, and byte strings.

A reader of our own, because of what a library's would make of a body before anybody could look at it: an empty array is
one byte on the wire and 56 in memory, and tags make regular expressions, fractions and references. Here the values
are counted while they are read, and tags, indefinite lengths, ``undefined`` and other simple values are refused.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from adiuva.api.errors import ValidationFailed

MAX_DEPTH: Final = 16
_NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(1, 8)  # the major types, but unsigned integers
_INDEFINITE: Final = 31
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_CONSTANTS: Final = {20: False, 21: True, 22: None}


def read_sequence(data: bytes, *, most_values: int) -> Iterator[Any]:
    """The items of a CBOR sequence (RFC 8742), one after the other as they are asked for.

    Maps have texts for keys, none of them twice. ``most_values``: of all items together, each number of an array
    counted.

    Raises ``ValidationFailed`` (field ``non_field_errors``), with the byte at which it went wrong.
    """
    reader = _Reader(data, most_values)
    while not reader.is_at_end():
        yield reader.read()


class _Reader:
    def __init__(self, data: bytes, most_values: int) -> None:
        self._data = data
        self._at = 0
        self._left = most_values

    def is_at_end(self) -> bool:
        return self._at >= len(self._data)

    def read(self, depth: int = 1) -> Any:
        self._count(1)
        start = self._at
        major, extra = divmod(self._take(1)[0], 32)
        if major == _SIMPLE:
            return self._read_simple(extra, start)
        if major == _TAG:
            self._refuse("tags are not taken", start)
        argument = self._read_argument(extra, start)
        if major in {_ARRAY, _MAP}:
            if depth == MAX_DEPTH:
                self._refuse(f"items are nested more than {MAX_DEPTH} levels deep", start)
            return (self._read_array if major == _ARRAY else self._read_map)(argument, depth, start)
        if major in {_BYTES, _TEXT}:
            return self._take(argument) if major == _BYTES else self._read_text(argument, start)
        return -1 - argument if major == _NEGATIVE else argument

    def _read_argument(self, extra: int, start: int) -> int:
        if extra < 24:  # noqa: PLR2004 - RFC 8949 § 3
            return extra
        if extra > 27:  # noqa: PLR2004
            self._refuse("indefinite lengths are not taken" if extra == _INDEFINITE else "this is no CBOR", start)
        return int.from_bytes(self._take(1 << (extra - 24)), "big")

    def _read_simple(self, extra: int, start: int) -> Any:
        if extra in _FLOATS:
            return struct.unpack(_FLOATS[extra], self._take(1 << (extra - 24)))[0]
        if extra not in _CONSTANTS:
            self._refuse("only false, true, null and floats are taken of the simple values", start)
        return _CONSTANTS[extra]

    def _read_text(self, size: int, start: int) -> str:
        try:
            return self._take(size).decode()
        except UnicodeDecodeError:
            self._refuse("a text is not UTF-8", start)

    def _read_array(self, size: int, depth: int, start: int) -> list[Any]:
        self._require(size, start)  # each item has a byte at least
        floats = self._read_floats(size)
        return [self.read(depth + 1) for _ in range(size)] if floats is None else floats

    def _read_floats(self, size: int) -> list[float] | None:
        """An array of floats of one width at once, which is what vectors are; None, and nothing read, for any other."""
        if not size or self.is_at_end():
            return None
        head = self._data[self._at]
        code, width = {0xFA: ("xf", 5), 0xFB: ("xd", 9)}.get(head, ("", 0))
        end = self._at + size * width
        if not width or end > len(self._data):
            return None
        if self._data[self._at : end : width] != bytes([head]) * size:
            return None
        self._count(size)
        floats = list(struct.unpack_from(">" + code * size, self._data, self._at))
        self._at = end
        return floats

    def _read_map(self, size: int, depth: int, start: int) -> dict[str, Any]:
        self._require(2 * size, start)
        found: dict[str, Any] = {}
        for _ in range(size):
            at = self._at
            key = self.read(depth + 1)
            if not isinstance(key, str):
                self._refuse("a map's keys are texts", at)
            if key in found:
                self._refuse("a map has a key twice", at)
            found[key] = self.read(depth + 1)
        return found

    def _take(self, size: int) -> bytes:
        self._require(size, self._at)
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def _require(self, size: int, at: int) -> None:
        if size > len(self._data) - self._at:
            self._refuse("the body ends in the middle of an item", at)

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            self._refuse("there are more values than a request can need", self._at)

    def _refuse(self, what: str, at: int) -> NoReturn:
        message = f"The body is not the CBOR that is taken here: {what} (byte {at})."
        raise ValidationFailed({"non_field_errors": [message]})
