"""What ``agents.llm.factory`` and ``agents.llm.litellm`` say to each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adiuva.api.errors import Problem
from agents.llm.messages import Message

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
