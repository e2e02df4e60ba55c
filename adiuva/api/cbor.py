"""CBOR (RFC 8949) as far as bodies need it: what JSON has, and byte strings.

A reader of our own, because of what a library's would make of a body before anybody could look at it: an empty array is
one byte on the wire and 56 in memory, and tags make regular expressions, fractions and references. Here the values
are counted while they are read, and tags, indefinite lengths, ``undefined`` and other simple values are refused.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NoReturn

from adiuva.api.errors import ValidationFailed

MAX_DEPTH: Final = 16
_NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(1, 8)  # the major types, but unsigned integers
_INDEFINITE: Final = 31
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_CONSTANTS: Final = {20: False, 21: True, 22: None}
_WRITTEN: Final = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}

SEQUENCE: Final = "application/cbor-seq"  # RFC 8742


def read_sequence(data: bytes, *, most_values: int) -> Iterator[Any]:
    """The items of a CBOR sequence (RFC 8742), one after the other as they are asked for.

    Maps have texts for keys, none of them twice. ``most_values``: of all items together, each number of an array
    counted.

    Raises ``ValidationFailed`` (field ``non_field_errors``), with the byte at which it went wrong.
    """
    reader = _Reader(data, most_values)
    while not reader.is_at_end():
        yield reader.read()


def read_arriving(parts: Iterable[bytes], *, most_values: int) -> Iterator[Any]:
    """``read_sequence`` of a body that is still on its way: no more of it is held than the item that is being read."""
    reader = _ArrivingReader(parts, most_values)
    while not reader.is_at_end():
        yield reader.read()
        reader.drop_read()


def write(value: Any) -> bytes:
    """None, a truth value, an integer, a text, bytes, or a list or map (with texts for keys) of such, in the shortest
    form (RFC 8949 § 4.2.1, but that maps keep their order).

    Raises ``TypeError`` for anything else.
    """
    match value:
        case str():
            text = value.encode()
            return write_head(_TEXT, len(text)) + text
        case bool() | None:
            return _WRITTEN[value]
        case int():
            return write_head(0, value) if value >= 0 else write_head(_NEGATIVE, -1 - value)
        case bytes():
            return write_head(_BYTES, len(value)) + value
        case list():
            return write_head(_ARRAY, len(value)) + b"".join(map(write, value))
        case Mapping():
            return write_map_head(len(value)) + write_members(value)
    raise TypeError(type(value))


def write_members(members: Mapping[str, Any]) -> bytes:
    """What stands in a map after its head."""
    written: list[bytes] = []
    for key, value in members.items():
        written += (_write_key(key), write(value))
    return b"".join(written)


def write_map_head(size: int) -> bytes:
    return write_head(_MAP, size)


def write_bytes_head(size: int) -> bytes:
    """Of a byte string whose ``size`` bytes follow."""
    return write_head(_BYTES, size)


@cache
def _write_key(key: str) -> bytes:
    return write(key)


def write_head(major: int, argument: int) -> bytes:
    if argument < 24:  # noqa: PLR2004 - RFC 8949 § 3
        return bytes((major * 32 + argument,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes((major * 32 + extra,)) + argument.to_bytes(size, "big")
    raise TypeError("an integer has at most 64 bits")


class _Reader:
    def __init__(self, data: bytes | bytearray, most_values: int) -> None:
        self._data = data
        self._dropped = 0  # bytes that stood before ``data``
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
        with memoryview(self._data) as view:
            taken = bytes(view[self._at : self._at + size])
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
        message = f"The body is not the CBOR that is taken here: {what} (byte {self._dropped + at})."
        raise ValidationFailed({"non_field_errors": [message]})


class _ArrivingReader(_Reader):
    def __init__(self, parts: Iterable[bytes], most_values: int) -> None:
        self._held = bytearray()
        super().__init__(self._held, most_values)
        self._parts = iter(parts)

    def is_at_end(self) -> bool:
        return not self._fill(1)

    def drop_read(self) -> None:
        """Between two items."""
        del self._held[: self._at]
        self._dropped += self._at
        self._at = 0

    def _fill(self, size: int) -> bool:
        """Whether ``size`` bytes that are not read yet are here, or come."""
        while len(self._held) - self._at < size:
            part = next(self._parts, None)
            if part is None:
                return False
            self._held += part
        return True

    def _require(self, size: int, at: int) -> None:
        self._fill(size)
        super()._require(size, at)
