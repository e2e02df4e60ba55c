"""The sanitizer of a process, and what a turn makes of it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from chat.sanitizer.disguises import descriptions, folded_views, introductions, schema_stretches
from chat.sanitizer.folding import fold
from chat.sanitizer.ngrams import GramIndex
from chat.sanitizer.redactor import StreamRedactor
from chat.sanitizer.user_texts import UserTexts
from chat.sanitizer.vocabulary import ROUTING_KEYS, Vocabulary, tool_name


class Sanitizer:
    """Knows what must not be said. Building it takes about a second, so it is built once; it never changes."""

    def __init__(
        self,
        *,
        prompts: Sequence[str],
        agent_names: Sequence[str] = (),
        tool_schemas: Sequence[Mapping[str, Any]] = (),
        routing_keys: Sequence[str] = ROUTING_KEYS,
        public_texts: Sequence[str] = (),
    ) -> None:
        """``prompts``: every instruction a model gets, agents' descriptions included; runs of them under 24 letters and
        digits are not recognised. ``tool_schemas`` as the ``tools`` of a chat completion. ``routing_keys``: what the
        router's JSON calls an agent. ``public_texts`` may be said though a prompt says them too.
        """
        prose = dict.fromkeys([*prompts, *chain.from_iterable(map(descriptions, tool_schemas))])
        self.index = GramIndex(
            chain(
                chain.from_iterable(map(folded_views, prose)),
                chain.from_iterable(map(schema_stretches, tool_schemas)),
                chain.from_iterable(map(introductions, tool_schemas)),
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
    """Everything a turn says goes through one of these. Each redaction logs a WARNING with its rule, never the text."""

    def __init__(self, index: GramIndex, vocabulary: Vocabulary, user: UserTexts) -> None:
        self._index = index
        self._vocabulary = vocabulary
        self._user = user

    def allow(self, texts: Iterable[str]) -> None:
        """What the user's device answered to a tool call: it may be said back from now on."""
        self._user.add(texts)

    def prepare(self) -> None:
        """Work out now, in whatever thread this is, what a long text of the user's would cost at a redaction."""
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
