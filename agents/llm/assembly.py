"""Puts a model's reply together from the pieces of its stream, whatever way the provider cuts them."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.llm.messages import ToolCall
from agents.llm.port import FinishReason, Reply, Usage

# LiteLLM asks for an answer of a given shape by a tool of this name where a provider has no better way.
_SHAPE_TOOL = "json_tool_call"
_SURROGATE = re.compile("[\ud800-\udfff]")


# Of one reply, text, arguments and reasoning together: twenty times what the largest models may write.
MAX_CHARACTERS = 16_000_000
MAX_CALLS = 500
# Of what is kept as it is: empty objects take twenty times the memory of their text. A long reasoning, cut into tokens
# and told with all its fields, comes to 400,000.
MAX_NODES = 500_000


class ReplyTooLongError(Exception):
    """The model, or a server in its place, writes without end."""


@dataclass(slots=True)
class _OpenCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    _seen: int = 0
    _depth: int = 0
    _in_string: bool = False
    _escaped: bool = False
    _opened: bool = False

    @property
    def is_whole(self) -> bool:
        """Every bracket of the arguments so far is closed: nothing more can belong to them. Reads each piece once."""
        for piece in self.arguments[self._seen :]:
            for character in piece:
                self._read(character)
        self._seen = len(self.arguments)
        return self._opened and self._depth <= 0 and not self._in_string

    def _read(self, character: str) -> None:
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self._in_string = False
        elif character == '"':
            self._in_string = True
        elif character in "{[":
            self._depth += 1
            self._opened = True
        elif character in "}]":
            self._depth -= 1


@dataclass(slots=True)
class ReplyAssembler:
    """Collects the pieces of a stream; joined once at its end, since joining at each piece is quadratic."""

    _texts: list[str] = field(default_factory=list)
    _calls: list[_OpenCall] = field(default_factory=list)
    _by_index: dict[int, _OpenCall] = field(default_factory=dict)
    _reasoning: list[str] = field(default_factory=list)
    _details: list[Any] = field(default_factory=list)
    _thinking: list[dict[str, Any]] = field(default_factory=list)
    _half: str = ""
    _size: int = 0
    _nodes: int = 0

    def _grow(self, characters: int) -> None:
        self._size += characters
        if self._size > MAX_CHARACTERS or len(self._calls) > MAX_CALLS:
            raise ReplyTooLongError

    def _grow_by(self, value: Any) -> None:
        """For a JSON value that is kept. Counted before anything else looks at it: that would take seconds."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            self._nodes += 1
            if isinstance(one, Mapping):
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
            if self._nodes + len(waiting) > MAX_NODES:
                raise ReplyTooLongError
        self._grow(len(str(value)))

    def add_text(self, text: str) -> str:
        """What of ``text`` may be shown now: half of a surrogate pair waits for the other half, or is replaced.

        Providers cut between the two escapes of one emoji; a lone half cannot be sent to anyone (RFC 3629). Raises
        ``ReplyTooLongError``, as everything does that adds.
        """
        self._grow(len(text))
        if self._half or not _is_utf8(text):
            text, self._half = _join_surrogates(self._half + text)
        if text:
            self._texts.append(text)
        return text

    def end_text(self) -> str:
        """What still waited at the end of the stream."""
        rest, self._half = ("\ufffd" if self._half else ""), ""
        if rest:
            self._texts.append(rest)
        return rest

    def add_state(self, delta: Mapping[str, Any]) -> None:
        """The parts of an OpenAI-shaped ``delta`` that the provider wants back word for word, and nobody else may see.

        DeepSeek's reasoning (it refuses to go on in a tool loop without it), Anthropic's signed thinking blocks and
        OpenRouter's details.
        """
        text = delta.get("reasoning_content")
        if isinstance(text, str) and text:
            self._grow(len(text))
            self._reasoning.append(text)
        details = delta.get("reasoning_details")
        if isinstance(details, list):
            self._grow_by(details)
            self._details.extend(_clean(details))
        for block in delta.get("thinking_blocks") or ():
            self._grow_by(block)
            self._add_thinking(_clean(dict(block)))

    def _add_thinking(self, block: dict[str, Any]) -> None:
        """Pieces of thinking, ended by the piece with the signature."""
        last = self._thinking[-1] if self._thinking else None
        if block.get("type") != "thinking" or last is None or last.get("type") != "thinking" or last.get("signature"):
            self._thinking.append(block)
            return
        last["thinking"] = (last.get("thinking") or "") + (block.get("thinking") or "")
        if block.get("signature"):
            last["signature"] = block["signature"]

    def add_call_pieces(self, pieces: Iterable[Any]) -> None:
        """``pieces`` are mappings ``{id, name, args, index, extra}``, each of which but one may be null.

        A piece belongs to the call of its index, without one to the latest. A name begins a call, unless the open call
        has the same name and either the same id or arguments that are not whole yet: some servers repeat both in each
        piece. A new id alone begins none: some servers make one up for each piece.
        """
        for piece in pieces:
            name, call_id = piece.get("name") or "", piece.get("id") or ""
            args = piece.get("args")
            text = args if isinstance(args, str) else (json.dumps(args) if args else "")
            call = self._call_for(piece.get("index"), name, call_id, text)
            if call is None:
                continue
            call.id = call.id or call_id
            call.name = call.name or name
            if text:
                call.arguments.append(text)
            if piece.get("extra"):
                self._grow_by(piece["extra"])
                call.extra.update(piece["extra"])
            self._grow(len(text) + 1)

    def _call_for(self, index: int | None, name: str, call_id: str, text: str) -> _OpenCall | None:
        """Null for a call that is sent again as it was."""
        call = self._by_index.get(index) if index is not None else (self._calls[-1] if self._calls else None)
        if call is not None and not (name and call.name):
            return call
        if call is not None and name == call.name:
            if call_id and call_id == call.id:
                return None if text and call.is_whole else call
            if not (text and call.is_whole) and not (call_id and call.id and call.is_whole):
                return call
        call = _OpenCall()
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    @property
    def shape(self) -> str | None:
        """The JSON asked for, where it came as the arguments of LiteLLM's own tool."""
        return next(("".join(call.arguments) for call in self._calls if call.name == _SHAPE_TOOL), None)

    def finish(self, model: str, usage: Usage, finish_reason: FinishReason) -> Reply:
        calls = tuple(
            ToolCall(
                _without_surrogates(call.id),
                _without_surrogates(call.name),
                _without_surrogates("".join(call.arguments)),
                extra=_clean(call.extra) or None,
            )
            for call in self._calls
        )
        return Reply("".join(self._texts), calls, usage, finish_reason, self._state(), model)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        if self._reasoning:
            state["reasoning_content"] = _without_surrogates("".join(self._reasoning))
        if self._thinking:
            state["thinking_blocks"] = self._thinking
        if self._details:
            state["reasoning_details"] = self._details
        return state

    @property
    def has_text(self) -> bool:
        return bool(self._texts)

    @property
    def text_length(self) -> int:
        """Characters of text and arguments so far, what an estimate of the output tokens starts from."""
        return sum(map(len, self._texts)) + sum(len(part) for call in self._calls for part in call.arguments)


def _is_utf8(text: str) -> bool:
    return text.isascii() or _SURROGATE.search(text) is None


def _join_surrogates(text: str) -> tuple[str, str]:
    """The text with its pairs joined and its lone halves replaced; a high half at its end, which may yet be joined."""
    half = ""
    if text and "\ud800" <= text[-1] <= "\udbff":
        text, half = text[:-1], text[-1]
    return _without_surrogates(text), half


def _without_surrogates(text: str) -> str:
    if _is_utf8(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _clean(value: Any) -> Any:
    """A JSON value that can be sent on: without lone surrogates in any text of it."""
    if isinstance(value, str):
        return _without_surrogates(value)
    if isinstance(value, Mapping):
        return {name: _clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
