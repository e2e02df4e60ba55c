"""Counts what a turn costs, also where it is cancelled or fails: whoever starts the turn holds the meter."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents import prompts
from agents.llm.messages import Message
from agents.llm.port import FinishReason, Usage

# English and JSON come to about four characters a token with every current tokenizer.
_CHARACTERS_A_TOKEN = 4
# Of ``bound_input``. Providers wrap every message and describe tools in words of their own.
_TOKENS_A_MESSAGE = 8
_TOKENS_FOR_TOOLS = 400  # Anthropic's come to 346
# Of prompts, tools and schemas there are 4.05 to 4.6 by o200k and cl100k.
_OWN_CHARACTERS_A_TOKEN = 3.5
_LOWER = f"{string.ascii_lowercase} ".encode()
_UPPER = string.ascii_uppercase.encode()


@dataclass(frozen=True, slots=True)
class Grant:
    """What one call may cost: the tokens that it reads, and the most that it may write."""

    input_tokens: int
    output_tokens: int


class Allowance(Protocol):
    """What a turn may spend where tokens are limited. Several calls of a turn may run at once."""

    async def reserve(self, *, input_tokens: int, seconds: float) -> Grant:
        """Before a call is made that reads so many and is over in ``seconds``. Raises ``QuotaExceeded``."""
        ...

    def settle(self, grant: Grant, spent: Usage) -> None:
        """The call is over, whatever became of it. Not async: it is told while a turn is being cancelled."""
        ...


class Meter:
    """Adds up model calls, and knows how the latest answer ended. Used from one event loop.

    Without an ``allowance`` calls cost what they cost. ``own_key``: it is the user's own account that pays for them.
    """

    __slots__ = ("allowance", "calls", "finish_reason", "input_tokens", "output_tokens", "own_key")

    def __init__(self, allowance: Allowance | None = None, *, own_key: bool = False) -> None:
        self.allowance = allowance
        self.own_key = own_key
        self.finish_reason: FinishReason = "stop"
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0

    async def reserve(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any] | None,
        *,
        seconds: float,
    ) -> Grant | None:
        """Before a call is made, which is over in ``seconds``. Raises ``QuotaExceeded``."""
        if self.allowance is None:
            return None
        return await self.allowance.reserve(input_tokens=bound_input(messages, tools, schema), seconds=seconds)

    def release(self, grant: Grant | None) -> None:
        """For a call that was not made after all."""
        if self.allowance is not None and grant is not None:
            self.allowance.settle(grant, Usage())

    def count(self, usage: Usage, grant: Grant | None = None) -> None:
        """One call, finished or not."""
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        if self.allowance is not None and grant is not None:
            self.allowance.settle(grant, usage)

    @property
    def usage(self) -> Usage:
        return Usage(self.input_tokens, self.output_tokens)


def estimate(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], characters: int) -> Usage:
    """What a call has cost whose provider did not say: the whole input, and the ``characters`` that came back."""
    return Usage(_tokens(len(str(messages)) + len(str(tools))), _tokens(characters))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_A_TOKEN)


def bound_input(
    messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None = None
) -> int:
    """The most tokens that a call reads. Our own words (prompts, tools, schemas) are known; of a user's it is the bound
    of any text, to which prose comes to half.
    """
    said = "\n".join(value if isinstance(value, str) else _json(value) for one in messages for value in one.values())
    ours = len(_json([tools, schema])) if tools or schema else 0
    for prompt in prompts.loaded():
        if prompt in said:
            said = said.replace(prompt, "", 1)
            ours += len(prompt)
    framing = _TOKENS_A_MESSAGE * len(messages) + (_TOKENS_FOR_TOOLS if tools else 0)
    return bound_tokens(said) + int(ours / _OWN_CHARACTERS_A_TOKEN) + framing


def bound_tokens(text: str) -> int:
    """At least as many tokens as ``text`` has with any byte-level tokenizer, in 0.6 ms for 512 KiB.

    Measured (tokens a byte, the most of o200k, cl100k and Anthropic's): prose 0.29, Chinese 0.32, random letters 0.55,
    capitals 0.6, base64 0.72, emoji 0.72, Amharic 0.99.
    """
    data = text.encode(errors="surrogatepass")
    others = data.translate(None, _LOWER)
    neither = others.translate(None, _UPPER)
    lower, upper = len(data) - len(others), len(others) - len(neither)
    return (11 * lower + 16 * upper + 21 * len(neither)) // 20 + 1


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
