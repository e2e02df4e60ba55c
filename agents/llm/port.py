"""The port to language models: what is asked, what comes back, and what a client that asks must do."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from adiuva.api.errors import Problem
from agents.llm.messages import Message, ToolCall

# What a call is for; the metrics tell them apart.
Role = Literal["answer", "router"]
# credentials: the key is wrong or may not do this. busy: the provider says so, or nobody answers there.
FailureKind = Literal["timeout", "busy", "credentials", "too_long", "refused_content", "failed"]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call. ``schema`` asks for JSON of that shape; ``timeout`` (seconds) is for connecting and for each read."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]]
    schema: Mapping[str, Any] | None
    timeout: float


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with a provider, in our words.

    ``transient``: the same call may well succeed a moment later. ``retry_after``: seconds, if the provider named them.
    ``kind`` is for the operator.
    """

    problem: Problem
    transient: bool
    retry_after: float | None = None
    kind: FailureKind = "failed"


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0

    def as_dict(self) -> dict[str, int]:
        """``{input_tokens, output_tokens}`` as docs/api.md § 5 has it."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}


@dataclass(frozen=True, slots=True)
class Reply:
    """One finished model call."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()


@dataclass(slots=True)
class _OpenCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ReplyAssembler:
    """Collects the pieces of a stream; joined once at its end, since joining at each piece is quadratic."""

    _texts: list[str] = field(default_factory=list)
    _calls: list[_OpenCall] = field(default_factory=list)
    _by_index: dict[int, _OpenCall] = field(default_factory=dict)

    def add_text(self, text: str) -> None:
        self._texts.append(text)

    def add_call_pieces(self, pieces: Iterable[Any]) -> None:
        """``pieces`` are mappings ``{id, name, args, index}``, each of which but one may be null.

        A piece belongs to the call of its index. Some providers number every call 0, so an id that differs from the
        open call's begins another; a piece without an index goes to the latest call unless it brings a new id.
        """
        for piece in pieces:
            call = self._call_for(piece.get("index"), piece.get("id") or "")
            call.id = call.id or piece.get("id") or ""
            call.name = call.name or piece.get("name") or ""
            if piece.get("args"):
                call.arguments.append(piece["args"])

    def _call_for(self, index: int | None, call_id: str) -> _OpenCall:
        latest = self._calls[-1] if self._calls else None
        call = latest if index is None else self._by_index.get(index)
        if call is None or (call_id and call.id and call_id != call.id):
            call = _OpenCall()
            self._calls.append(call)
            if index is not None:
                self._by_index[index] = call
        return call

    def finish(self, usage: Usage) -> Reply:
        calls = tuple(ToolCall(call.id, call.name, "".join(call.arguments)) for call in self._calls)
        return Reply("".join(self._texts), calls, usage)

    @property
    def text_length(self) -> int:
        """Characters of text and arguments so far, what an estimate of the output tokens starts from."""
        return sum(map(len, self._texts)) + sum(len(part) for call in self._calls for part in call.arguments)


class LanguageClient(Protocol):
    """What asks a provider: ``agents.llm.litellm``."""

    def stream(self, name: str, request: ModelRequest, assembler: ReplyAssembler) -> AsyncGenerator[str | Reply, None]:
        """Ask the model ``name`` once: pieces of text, then the ``Reply``. Raises what its SDK raises.

        ``assembler`` is a new one: it holds what came back, also when the stream is closed or breaks.
        """
        ...

    def translate(self, error: Exception) -> Failure:
        """The problem to show for anything that ``stream`` raises; nothing of the error's own text is in it."""
        ...
