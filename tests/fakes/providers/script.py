"""What a fake provider is told to answer, whichever protocol it speaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.fakes.llm_server import Call

Body = dict[str, Any]
# filtered: the provider's filter cut the answer off. refused: the model or its guard declined.
End = Literal["stop", "length", "filtered", "refused"]
# What happens instead of an end: an error event of the protocol, a TCP reset, a body that ends too early, silence.
Break = Literal["error", "reset", "cut", "stall"]
# What is said instead of an answer. hang: nothing at all.
# bad_call: the model wrote a call that the provider could not read.
TroubleKind = Literal[
    "bad_call", "rate_limited", "overloaded", "failed", "unauthorized", "filtered_prompt", "too_long", "hang"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``delay`` (seconds) comes before each event; ``usage`` is (input, output) tokens. ``reason`` is the provider's
    own word for how it ended, instead of its word for ``end``.
    """

    text: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    reasoning: tuple[str, ...] = ()
    usage: tuple[int, int] = (7, 9)
    end: End = "stop"
    reason: str = ""
    breaks: Break | None = None
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """``retry_after``: seconds, said in the provider's own way."""

    kind: TroubleKind
    retry_after: int = 0


Scripted = Answer | Trouble | Callable[[Body], "Answer | Trouble"]


def say(*text: str, **options: Any) -> Answer:
    return Answer(text=text, **options)


def use(*calls: Call, text: tuple[str, ...] = (), **options: Any) -> Answer:
    """Tool calls, all in one answer."""
    return Answer(calls=calls, text=text, **options)


class Refused(Exception):  # noqa: N818 - what the provider does, not a fault of the fake
    """The provider does not accept the request: status, body as the vendor writes it, and headers."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}
