"""A turn: what a user asked, what happens while it is answered, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.llm.replies import Usage
from chat.plans.model import ExecutionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTurn:
    """A validated ChatRequest. ``model`` is None for the default; ``client_tools`` is set over the WebSocket only."""

    message: str
    context: Mapping[str, Any] = field(default_factory=dict)
    execution_mode: Literal["direct", "plan"] = "direct"
    model: str | None = None
    client_tools: bool = False


@dataclass(frozen=True, slots=True)
class PlanMade:
    """All that happens in plan mode."""

    plan: ExecutionPlan


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The end of a turn. ``response`` is the concatenation of its text deltas; ``plan`` is set in plan mode only."""

    response: str
    actions: tuple[Action, ...]
    usage: Usage
    plan: ExecutionPlan | None = None

    def as_dict(self) -> dict[str, Any]:
        """The ChatResponse of the wire contract: ``{response, actions, usage}``."""
        return {
            "response": self.response,
            "actions": [action.as_dict() for action in self.actions],
            "usage": self.usage.as_dict(),
        }


TurnEvent = AgentEvent | PlanMade | TurnDone


class TurnSoFar:
    """Adds up the events of a turn, so that it can be told complete or, when cancelled, as far as it came."""

    __slots__ = ("_actions", "_plan", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._actions: list[Action] = []
        self._plan: ExecutionPlan | None = None

    def add(self, event: AgentEvent | PlanMade) -> None:
        match event:
            case TextDelta(text):
                self._texts.append(text)
            case ActionEmitted(action):
                self._actions.append(action)
            case PlanMade(plan):
                self._plan = plan
            case ClientToolCall():
                pass  # a question to the client, no part of the answer

    def done(self, usage: Usage) -> TurnDone:
        return TurnDone("".join(self._texts), tuple(self._actions), usage, self._plan)
