"""A turn: what a user asked, what happens while it is answered, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta, UsageReport
from agents.replies import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTurn:
    """A validated ChatRequest. ``model`` is None for the default; ``client_tools`` is set over the WebSocket only."""

    message: str
    context: Mapping[str, Any] = field(default_factory=dict)
    execution_mode: Literal["direct"] = "direct"
    model: str | None = None
    client_tools: bool = False


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The end of a turn. ``response`` is the concatenation of its text deltas."""

    response: str
    actions: tuple[Action, ...]
    usage: Usage

    def as_dict(self) -> dict[str, Any]:
        """The ChatResponse of the wire contract: ``{response, actions, usage}``."""
        return {
            "response": self.response,
            "actions": [action.as_dict() for action in self.actions],
            "usage": {"input_tokens": self.usage.input_tokens, "output_tokens": self.usage.output_tokens},
        }


TurnEvent = AgentEvent | TurnDone


class TurnSoFar:
    """Adds up the events of a turn, so that it can be told complete or, when cancelled, as far as it came."""

    __slots__ = ("_actions", "_input_tokens", "_output_tokens", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._actions: list[Action] = []
        self._input_tokens = 0
        self._output_tokens = 0

    def add(self, event: AgentEvent) -> None:
        match event:
            case TextDelta(text):
                self._texts.append(text)
            case ActionEmitted(action):
                self._actions.append(action)
            case UsageReport(input_tokens, output_tokens):
                self._input_tokens += input_tokens
                self._output_tokens += output_tokens
            case ClientToolCall():
                pass  # a question to the client, no part of the answer

    def done(self) -> TurnDone:
        return TurnDone(
            response="".join(self._texts),
            actions=tuple(self._actions),
            usage=Usage(self._input_tokens, self._output_tokens),
        )
