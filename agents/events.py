"""What a running agent tells its caller, in the order in which it happens."""

from dataclasses import dataclass
from typing import Any

from agents.actions import Action


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ActionEmitted:
    action: Action


@dataclass(frozen=True, slots=True)
class ClientToolCall:
    """A read the client shall answer: its result is then awaited through ``ClientTools.result(id)``.

    ``id`` is a fresh UUID, so that a late answer to an earlier turn matches nothing.
    """

    id: str
    name: str
    arguments: dict[str, Any]


AgentEvent = TextDelta | ActionEmitted | ClientToolCall
