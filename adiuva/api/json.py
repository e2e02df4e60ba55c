"""JSON as RFC 8259 means it, for request bodies and WebSocket frames.

Python's parser takes more than JSON (``NaN``, lone surrogates that no UTF-8 encoder can write again) and dies of less
(``RecursionError`` on deep nesting, which DRF turns into a 500); PostgreSQL refuses NUL in text. All of that is
the sender's mistake and is answered with 400.
"""

import json
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from adiuva.api.errors import ValidationFailed

MAX_DEPTH = 64
MAX_INTEGER_CHARACTERS = 309  # the largest double, 1.8e308, written out
# Possessive, and a string may end with the text: nothing is scanned twice, or an open string would cost a square.
_OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def loads(data: bytes | str, *, checks_text: bool = True) -> Any:
    """The value ``data`` encodes.

    Raises ``ValidationFailed`` (field ``non_field_errors``) for text that is not UTF-8 or not JSON, ``NaN`` and
    ``Infinity``, numbers no double can hold, more than 64 levels, and what ``check_text`` does. Without ``checks_text``
    that is the caller's to ask, of a part at a time.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        _refuse("The body is not UTF-8.")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        _refuse(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).")
    if checks_text:
        check_text(value)
    return value


def _check_depth(text: str) -> None:
    """Counts brackets outside strings, before the recursive parser sees them."""
    depth = 0
    for match in _OUTSIDE_STRINGS.finditer(text):
        if match.group(1):
            depth += 1
            if depth > MAX_DEPTH:
                _refuse(f"The body is nested more than {MAX_DEPTH} levels deep.")
        elif match.group(2):
            depth -= 1


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON.")


def _finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        _refuse("The body holds a number that is too large.")
    return number


def _whole(literal: str) -> int:
    """JavaScript, which is the other side, knows no integer that a double cannot hold."""
    if len(literal) > MAX_INTEGER_CHARACTERS:
        _refuse("The body holds a number that is too large.")
    return int(literal)


def check_text(value: Any) -> None:
    """Raises ``ValidationFailed`` for NUL characters and lone surrogates, in names as well."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            _check_string(item)
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())


def _check_string(text: str) -> None:
    if "\x00" in text:
        _refuse("The body holds a NUL character.")
    if _SURROGATE.search(text):
        _refuse("The body holds a lone surrogate.")


def _refuse(message: str) -> NoReturn:
    raise ValidationFailed({"non_field_errors": [message]})


class StrictJSONParser(BaseParser):
    """DRF's door to ``loads``: the body must be an object, which is what every JSON route takes."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        value = loads(stream.read())
        if not isinstance(value, dict):
            _refuse("The body must be a JSON object.")
        return value
