"""The sanitizer of a process, built from every variant of the protected texts, and the one of a turn."""

import base64
import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

from chat.sanitizer.folding import fold
from chat.sanitizer.identifiers import ROUTING_KEYS, Vocabulary, tool_name
from chat.sanitizer.ngrams import GRAM, GramIndex
from chat.sanitizer.stream_redactor import StreamRedactor
from chat.sanitizer.user_texts import UserTexts

_BASE64_ALIGNMENTS = 3
_SMALL, _LARGE = string.ascii_lowercase, string.ascii_uppercase
_ATBASH = str.maketrans(_SMALL + _LARGE, _SMALL[::-1] + _LARGE[::-1])
# Of a schema's JSON only what is around a name like this is protected; the rest is JSON Schema's own vocabulary.
_OWN_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")
_MIN_OWN_NAME = 6
_ENOUGH_OF_A_NAME = 8
_ENOUGH_OF_A_DESCRIPTION = 10


def list_folded_variants(text: str) -> Iterator[str]:
    """``text`` as it is, backwards, by words or lines backwards, in simple ciphers, hex, base64, and inside a URL."""
    words_reversed = _reverse_words(text)
    lines = text.splitlines()
    yield fold(text)
    yield fold(text[::-1])
    yield fold(words_reversed)
    yield fold(words_reversed[::-1])
    yield fold("\n".join(line[::-1] for line in lines))
    yield fold("\n".join(_reverse_words(line) for line in lines))
    for shift in range(1, len(_SMALL)):
        yield fold(text.translate(_caesar(shift)))
    data = text.encode()
    yield fold(text.translate(_ATBASH))
    # In a link's query each blank is "%20", whose digits fold to letters.
    yield fold(quote(text))
    yield fold(data.hex())
    for start in range(_BASE64_ALIGNMENTS):
        yield fold(base64.b64encode(data[start:]).decode())


def tool_descriptions(schema: Any) -> Iterator[str]:
    """The descriptions in a tool schema."""
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            if name == "description" and isinstance(value, str):
                yield value
            else:
                yield from tool_descriptions(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from tool_descriptions(value)


def tool_introductions(schema: Mapping[str, Any]) -> Iterator[str]:
    """A tool's name with its description, as in JSON and in prose: the description alone may be too short to recognise.

    Each gram holds enough of the description, since another tool may have the same name with another description.
    """
    name, described = tool_name(schema), fold(str(schema.get("function", schema).get("description", "")))
    for before in (fold(name), fold(f"{name} description")):
        yield before[_ENOUGH_OF_A_DESCRIPTION - GRAM :] + described


def schema_excerpts(schema: Mapping[str, Any]) -> Iterator[str]:
    """The excerpts of a schema's folded JSON of which every gram holds (most of) a name of our own, like ``due_date``.

    The rest, such as ``"anyOf": [{"type": "string"}, {"type": "null"}]``, is in any schema, and tool names are
    not secret: actions carry them.
    """
    text = json.dumps(schema, ensure_ascii=False)
    folded = fold(text)
    common = {"in_progress", tool_name(schema)}
    for match in _OWN_NAME.finditer(text):
        name = fold(match[0])
        if len(name) < _MIN_OWN_NAME or match[0] in common:
            continue
        start = len(fold(text[: match.start()]))
        around = GRAM - min(len(name), _ENOUGH_OF_A_NAME)
        yield folded[max(start - around, 0) : start + len(name) + around]


def _reverse_words(text: str) -> str:
    return " ".join(reversed(text.split()))


def _caesar(shift: int) -> dict[int, int]:
    return str.maketrans(_SMALL + _LARGE, _SMALL[shift:] + _SMALL[:shift] + _LARGE[shift:] + _LARGE[:shift])


class Sanitizer:
    """Knows the protected texts. Building it takes about a second, so it is built once; it is immutable."""

    def __init__(
        self,
        *,
        prompts: Sequence[str],
        agent_names: Sequence[str] = (),
        tool_schemas: Sequence[Mapping[str, Any]] = (),
        routing_keys: Sequence[str] = ROUTING_KEYS,
        public_texts: Sequence[str] = (),
    ) -> None:
        """``prompts``: every instruction to a model, agents' descriptions included; runs of fewer than 24 letters and
        digits are not recognised. ``tool_schemas`` as the ``tools`` of a chat completion. ``routing_keys``: the keys of
        an agent in the router's JSON. ``public_texts`` may be shown although they are in a prompt.
        """
        prose = dict.fromkeys([*prompts, *chain.from_iterable(map(tool_descriptions, tool_schemas))])
        self.index = GramIndex(
            chain(
                chain.from_iterable(map(list_folded_variants, prose)),
                chain.from_iterable(map(schema_excerpts, tool_schemas)),
                chain.from_iterable(map(tool_introductions, tool_schemas)),
            ),
            public=map(fold, public_texts),
        )
        self._vocabulary = Vocabulary(
            agent_names=agent_names,
            routing_keys=routing_keys,
            tool_names=map(tool_name, tool_schemas),
        )

    def for_turn(self, user_texts: Iterable[str]) -> "TurnSanitizer":
        """``user_texts``: the message and every string of the context (``strings_in``)."""
        return TurnSanitizer(self.index, self._vocabulary, UserTexts(user_texts, self.index))


class TurnSanitizer:
    """The sanitizer of all output of one turn. Each redaction logs a WARNING with its rule, never the text."""

    def __init__(self, index: GramIndex, vocabulary: Vocabulary, user: UserTexts) -> None:
        self._index = index
        self._vocabulary = vocabulary
        self._user = user

    def allow(self, texts: Iterable[str]) -> None:
        """Texts from the user's device, such as the answer to a tool call: they may be repeated from now on."""
        self._user.add(texts)

    def prepare(self) -> None:
        """Compute now, in the current thread, what a redaction needs of the user's texts, which may be long."""
        self._user.prepare()

    def stream(self) -> StreamRedactor:
        """For the text deltas of the whole turn."""
        return StreamRedactor(self._index, self._vocabulary, self._user)

    def text(self, text: str) -> str:
        stream = self.stream()
        return stream.feed(text) + stream.finish()

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it sanitized by itself; the names of its fields stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value
