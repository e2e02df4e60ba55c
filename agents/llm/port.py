"""What is asked of language models, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from adiuva.api.errors import Problem
from agents.llm.messages import Message, ToolCall
from agents.llm.own_keys import OwnProvider

# What a call is for; the metrics tell them apart.
Role = Literal["answer", "router"]
# credentials: the key is wrong or may not do this. busy: the provider says so, or nobody answers there.
# no_tools: this model or server takes none.
FailureKind = Literal["timeout", "busy", "credentials", "too_long", "refused_content", "no_tools", "failed"]
# How an answer ended (docs/api.md § 5): by itself, cut by the model's limit, or withheld by the provider.
FinishReason = Literal["stop", "length", "content_filter"]

# What the user is told in place of an answer.
REFUSED = "The language model declined to answer this."
NO_TOOLS = (
    "The language model that this server is set up with cannot use tools, so it can neither look at your data nor "
    "change it. Whoever runs the server can choose another model."
)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call. ``schema`` asks for JSON of that shape; ``timeout`` (seconds) is for connecting and for each read.

    ``max_tokens``: the most that the answer may have; None leaves that to the model. ``provider``: the user's own, in
    place of the operator's.
    """

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]]
    schema: Mapping[str, Any] | None
    timeout: float
    max_tokens: int | None = None
    provider: OwnProvider | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with a provider, in our words.

    ``transient``: the same call may well succeed a moment later. ``retry_after``: seconds, if the provider named them.
    ``kind`` is for the operator, and so is ``status``, the provider's. ``sentence``: what to tell the user instead of
    failing, where an answer says more. ``was_answered``: an answer had begun, which is paid for, whole or not.
    """

    problem: Problem
    transient: bool
    retry_after: float | None = None
    kind: FailureKind = "failed"
    sentence: str = ""
    status: int | None = None
    was_answered: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)

    def as_dict(self) -> dict[str, int]:
        """``{input_tokens, output_tokens}`` as docs/api.md § 5 has it."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}


@dataclass(frozen=True, slots=True)
class Reply:
    """One finished model call.

    ``state`` is what the provider wants back with this reply when the conversation goes on (``messages.assistant``): it
    is never shown and never stored.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish_reason: FinishReason = "stop"
    state: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
