"""A JSON object that is read while it arrives, for bodies that are long because one list in them is."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from adiuva.api.errors import ValidationFailed
from adiuva.api.json import loads

_SPACE = re.compile(rb"[ \t\n\r]*")
_MARK = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_AFTER_SCALAR = re.compile(rb"[ \t\n\r,\]}]")
# What is small on the wire and large in memory: an empty list is two bytes here and 56 there. Base64 holds none of it.
_DIVIDERS = re.compile(rb"[,\[{]")
MOST_DIVIDERS = 100  # of one value


class ObjectReader:
    """``listed`` is the member whose elements are given one by one. No more of the body is held than one value."""

    def __init__(self, parts: Iterable[bytes], *, listed: str) -> None:
        self._parts = iter(parts)
        self._listed = listed
        self._held = bytearray()
        self._at = 0

    def members(self) -> Iterator[tuple[str, Any]]:
        """Key and value of each, as ``adiuva.api.json`` reads them; each element of the list under the list's key, and
        before the first of them that key with None.

        Raises:
            ValidationFailed: it is no JSON object, ``listed`` is no list or there twice, or a value has more parts than
                ``MOST_DIVIDERS``.
        """
        self._expect(b"{")
        seen: set[str] = set()
        for key in self._items(b"}", self._key):
            if key == self._listed:
                if key in seen:
                    raise ValidationFailed({key: ["This is there twice."]})
                if self._peek() != b"[":
                    raise ValidationFailed({key: ["This must be a list."]})
                self._expect(b"[")
                yield key, None
                for element in self._items(b"]", self._value):
                    yield key, element
            else:
                yield key, self._value()
            seen.add(key)
        if self._peek():
            self._refuse("it goes on after its end")

    def _items(self, closing: bytes, read: Any) -> Iterator[Any]:
        """What ``read`` reads, with commas between, up to ``closing``."""
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            yield read()
            after = self._peek()
            self._at += 1
            if after == closing:
                return
            if after != b",":
                self._refuse("a comma is missing" if after else "it ends too early")

    def _key(self) -> str:
        if self._peek() != b'"':
            self._refuse("a key is missing")
        key: str = self._value()
        self._expect(b":")
        return key

    def _expect(self, mark: bytes) -> None:
        if self._peek() != mark:
            self._refuse("it must be an object" if mark == b"{" else f"{mark.decode()} is missing")
        self._at += 1

    def _peek(self) -> bytes:
        """The next byte that is no white space; none at the end."""
        while True:
            found = _SPACE.match(self._held, self._at)
            assert found is not None  # noqa: S101 - it matches nothing at least
            self._at = found.end()
            if self._at < len(self._held) or not self._fill():
                return bytes(self._held[self._at : self._at + 1])

    def _value(self) -> Any:
        begin = self._peek()
        del self._held[: self._at]
        self._at = 0
        if not begin:
            self._refuse("it ends too early")
        end = self._end_of_value(begin)
        with memoryview(self._held) as view:
            value = bytes(view[:end])
        del self._held[:end]
        if sum(1 for _ in _DIVIDERS.finditer(value)) > MOST_DIVIDERS:
            self._refuse("a value has more parts than a request can need")
        return loads(value)

    def _end_of_value(self, begin: bytes) -> int:
        if begin not in {b'"', b"{", b"["}:
            return self._find(_AFTER_SCALAR, 0).start()
        depth, at = 0, 0
        while True:
            found = self._find(_MARK, at)
            at = found.end()
            match found.group():
                case b'"':
                    at = self._end_of_string(at)
                case b"{" | b"[":
                    depth += 1
                case _:
                    depth -= 1
            if depth <= 0:
                return at

    def _end_of_string(self, at: int) -> int:
        while True:
            found = self._find(_IN_STRING, at)
            if found.group() == b'"':
                return found.end()
            at = found.end() + 1  # whatever is escaped

    def _find(self, pattern: re.Pattern[bytes], at: int) -> re.Match[bytes]:
        while True:
            found = pattern.search(self._held, at)
            if found is not None:
                return found
            at = max(at, len(self._held))
            if not self._fill():
                self._refuse("it ends too early")

    def _fill(self) -> bool:
        part = next(self._parts, None)
        if part is not None:
            self._held += part
        return part is not None

    def _refuse(self, what: str) -> NoReturn:
        raise ValidationFailed({"non_field_errors": [f"The body is not JSON as it is taken here: {what}."]})
