"""The sanitizer of a process, built from every variant of the protected texts, and the one of a turn."""

import base64
import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

from chat.sanitizer.character_redactor import Protected
from chat.sanitizer.folding import fold
from chat.sanitizer.identifiers import ROUTING_KEYS, Vocabulary, tool_name
from chat.sanitizer.ngrams import GRAM, GramIndex
from chat.sanitizer.plain_pieces import PlainPieces
from chat.sanitizer.slices import ProtectedWords
from chat.sanitizer.stream_redactor import StreamRedactor
from chat.sanitizer.turn_memory import Leaf, TurnMemory, leaves_of
from chat.sanitizer.user_texts import UserTexts

_BASE64_ALIGNMENTS = 3
_SMALL, _LARGE = string.ascii_lowercase, string.ascii_uppercase
_ATBASH = str.maketrans(_SMALL + _LARGE, _SMALL[::-1] + _LARGE[::-1])
# The names of models, like `NoteRecord`; what JSON Schema calls its own begins with a small letter.
_OWN_NAME = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+")
_ENOUGH_OF_A_DESCRIPTION = 10


def list_folded_variants(text: str) -> Iterator[str]:
    """``text`` as it is, backwards, by words or lines backwards, in simple ciphers, hex, base64, and inside a URL."""
    words_reversed = _reverse_words(text)
    lines = text.splitlines()
    yield fold(text)
    yield fold(re.sub(r"\d", "", text))
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


def fold_schema(schema: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """A schema's JSON with the names in it that are nobody else's.

    Neither a few words of it are specific, such as ``"anyOf": [{"type": "string"}, {"type": "null"}]``, nor a name like
    ``due_date``; the index says how many in a row are.
    """
    text = json.dumps(schema, ensure_ascii=False)
    return fold(text), tuple(dict.fromkeys(map(fold, _OWN_NAME.findall(text))))


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
        ordinary_phrases: Sequence[str] = (),
    ) -> None:
        """``prompts``: every instruction to a model, agents' descriptions included; runs of fewer than 24 letters and
        digits are not recognised. ``tool_schemas`` as the ``tools`` of a chat completion. ``routing_keys``: the keys of
        an agent in the router's JSON. ``public_texts`` may be shown although they are in a prompt, and so may
        ``ordinary_phrases`` where no more of it is around them.
        """
        prose = dict.fromkeys([*prompts, *chain.from_iterable(map(tool_descriptions, tool_schemas))])
        self.index = GramIndex(
            chain(
                chain.from_iterable(map(list_folded_variants, prose)),
                chain.from_iterable(map(tool_introductions, tool_schemas)),
            ),
            public=map(fold, [*public_texts, *ordinary_phrases]),
            schemas=map(fold_schema, tool_schemas),
        )
        vocabulary = Vocabulary(
            agent_names=agent_names,
            routing_keys=routing_keys,
            tool_names=map(tool_name, tool_schemas),
        )
        words = ProtectedWords(prose, public=public_texts, ordinary=ordinary_phrases)
        self._protected = Protected(self.index, vocabulary, words, PlainPieces(vocabulary))

    def for_turn(self, user_texts: Iterable[str]) -> "TurnSanitizer":
        """``user_texts``: the message and every string of the context (``strings_in``)."""
        return TurnSanitizer(self._protected, UserTexts(user_texts, self.index))


class TurnSanitizer:
    """The sanitizer of all output of one turn. Each redaction logs a WARNING with its rule, never the text."""

    def __init__(self, protected: Protected, user: UserTexts) -> None:
        self._protected = protected
        self._user = user
        self._memory = TurnMemory(protected.index, protected.words, user)

    def allow(self, texts: Iterable[str]) -> None:
        """Texts from the user's device, such as the answer to a tool call: they may be repeated from now on."""
        self._user.add(texts)

    def prepare(self) -> None:
        """Compute now, in the current thread, what a redaction needs of the user's texts, which may be long."""
        self._user.prepare()

    def stream(self, *, whole: bool = False) -> StreamRedactor:
        """For the text deltas of the whole turn; with ``whole`` nothing is shown before the end."""
        return StreamRedactor(self._protected, self._user, slices=self._memory.slices, whole=whole)

    def text(self, text: str) -> str:
        shown: str = self.value(text)
        return shown

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it sanitized; the names of its fields stay.

        Markers and metadata are looked for in each string, prompts in all that the turn has told.
        """
        leaves = list(leaves_of(value))
        shown = map(self._redact, leaves, self._memory.find(leaves))
        return _put_back(value, shown)

    def _redact(self, leaf: Leaf, told: Iterable[tuple[int, int]]) -> str:
        stream = StreamRedactor(self._protected, self._user, whole=True)
        shown = stream.feed(leaf.text)
        stream.redact(sorted(told), "system_prompt")
        return shown + stream.finish()


def _put_back(value: Any, strings: Iterator[str]) -> Any:
    """``value`` with its strings, in their order, replaced by ``strings``."""
    if isinstance(value, str):
        return next(strings)
    if isinstance(value, Mapping):
        return {name: _put_back(item, strings) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_put_back(item, strings) for item in value]
    return value
