"""What came back from one model call, and how its stream is put together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """``arguments`` is the text the model wrote: JSON if it kept to the rules."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0

    def as_dict(self) -> dict[str, int]:
        """``{input_tokens, output_tokens}`` of the wire contract."""
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
