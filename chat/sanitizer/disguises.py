"""What a protected text may be dressed up as: every way of writing it that the index knows."""

import base64
import json
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from chat.sanitizer.folding import fold
from chat.sanitizer.ngrams import GRAM
from chat.sanitizer.vocabulary import tool_name

_BASE64_ALIGNMENTS = 3
_SMALL, _LARGE = string.ascii_lowercase, string.ascii_uppercase
_ATBASH = str.maketrans(_SMALL + _LARGE, _SMALL[::-1] + _LARGE[::-1])
# Of a schema's JSON, only what stands around a name like this is ours; the rest is JSON Schema's own vocabulary.
_OWN_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")
_MIN_OWN_NAME = 6
_ENOUGH_OF_A_NAME = 8
_ENOUGH_OF_A_DESCRIPTION = 10


def folded_views(text: str) -> Iterator[str]:
    """``text`` as it is, backwards, by words or lines backwards, in simple ciphers, hex, base64, and inside a URL."""
    words_back = _words_back(text)
    lines = text.splitlines()
    yield fold(text)
    yield fold(text[::-1])
    yield fold(words_back)
    yield fold(words_back[::-1])
    yield fold("\n".join(line[::-1] for line in lines))
    yield fold("\n".join(_words_back(line) for line in lines))
    for shift in range(1, len(_SMALL)):
        yield fold(text.translate(_caesar(shift)))
    data = text.encode()
    yield fold(text.translate(_ATBASH))
    # In a link's query each blank is "%20", whose digits fold to letters.
    yield fold(quote(text))
    yield fold(data.hex())
    for start in range(_BASE64_ALIGNMENTS):
        yield fold(base64.b64encode(data[start:]).decode())


def descriptions(schema: Any) -> Iterator[str]:
    """The prose in a tool schema."""
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            if name == "description" and isinstance(value, str):
                yield value
            else:
                yield from descriptions(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from descriptions(value)


def introductions(schema: Mapping[str, Any]) -> Iterator[str]:
    """A tool's name with its description, as JSON and as prose have it: the description alone may be too short to tell.

    Each run holds enough of the description; a tool of that name with another one is none of ours.
    """
    name, described = tool_name(schema), fold(str(schema.get("function", schema).get("description", "")))
    for before in (fold(name), fold(f"{name} description")):
        yield before[_ENOUGH_OF_A_DESCRIPTION - GRAM :] + described


def schema_stretches(schema: Mapping[str, Any]) -> Iterator[str]:
    """The stretches of a schema's folded JSON whose every gram holds (most of) a name of our own, like ``due_date``.

    The rest, such as ``"anyOf": [{"type": "string"}, {"type": "null"}]``, is in everybody's schemas, and tools' names
    are no secret: actions carry them.
    """
    text = json.dumps(schema, ensure_ascii=False)
    folded = fold(text)
    common = {"in_progress", tool_name(schema)}
    for found in _OWN_NAME.finditer(text):
        name = fold(found[0])
        if len(name) < _MIN_OWN_NAME or found[0] in common:
            continue
        start = len(fold(text[: found.start()]))
        around = GRAM - min(len(name), _ENOUGH_OF_A_NAME)
        yield folded[max(start - around, 0) : start + len(name) + around]


def _words_back(text: str) -> str:
    return " ".join(reversed(text.split()))


def _caesar(shift: int) -> dict[int, int]:
    return str.maketrans(_SMALL + _LARGE, _SMALL[shift:] + _SMALL[:shift] + _LARGE[shift:] + _LARGE[:shift])
