"""Range requests for bytes: RFC 9110 § 14."""

import re
from dataclasses import dataclass

from adiuva.api.errors import RangeNotSatisfiable

_RANGES = re.compile(r"[ \t]*bytes[ \t]*=(.*)", re.IGNORECASE)  # § 14.1: names of units have no case
_ONE_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_DIGITS = 18  # more of them are beyond every size, and ``int`` refuses thousands


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from ``start`` up to, and without, ``end``, of ``size_bytes``. Never empty."""

    start: int
    end: int
    size_bytes: int

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """The header's value; its last number is the last byte's."""
        return f"bytes {self.start}-{self.end - 1}/{self.size_bytes}"


def requested_range(header: str | None, *, size_bytes: int) -> ByteRange | None:
    """What a ``Range`` header asks of ``size_bytes`` bytes; None where it is to be ignored and all of them are sent.

    Ignored are: a unit other than bytes and what is malformed, ``bytes=9-2`` included (§ 14.2 asks for it: a new unit
    or a proxy's slip must break no download); several ranges (a server may, § 14.2: a multipart answer costs a client
    a parser, and ranges that overlap multiply the bytes sent); and the last n bytes of an empty body, which § 14.1.2
    calls satisfiable and no ``Content-Range`` can express.

    Raises:
        RangeNotSatisfiable: the range begins behind the last byte, or it asks for the last 0 bytes.
    """
    ranges = _RANGES.fullmatch(header or "")
    if ranges is None:
        return None
    # § 5.6.1.2: empty list elements count for nothing
    parts = [part for part in (part.strip(" \t") for part in ranges.group(1).split(",")) if part]
    one = _ONE_RANGE.fullmatch(parts[0]) if len(parts) == 1 else None
    if one is None or one.group() == "-":
        return None
    first, last = (_number(digits) for digits in one.groups())
    if first is None:
        return _the_last(last or 0, size_bytes=size_bytes)
    if last is not None and _is_less(one.group(2), one.group(1)):
        return None
    if first >= size_bytes:
        raise RangeNotSatisfiable(size_bytes=size_bytes)
    return ByteRange(first, size_bytes if last is None else min(last + 1, size_bytes), size_bytes)


def _the_last(count: int, *, size_bytes: int) -> ByteRange | None:
    if count == 0:
        raise RangeNotSatisfiable(size_bytes=size_bytes)
    return ByteRange(max(0, size_bytes - count), size_bytes, size_bytes) if size_bytes else None


def _number(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _DIGITS else 10**_DIGITS


def _is_less(one: str, other: str) -> bool:
    """As numbers of any length."""
    one, other = one.lstrip("0"), other.lstrip("0")
    return (len(one), one) < (len(other), other)
