"""Counts what a turn costs, also where it is cancelled or fails: whoever starts the turn holds the meter."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.llm.messages import Message
from agents.llm.port import FinishReason, Usage

# English and JSON come to about four characters a token with every current tokenizer.
_CHARACTERS_A_TOKEN = 4


class Meter:
    """Adds up model calls, and knows how the latest answer ended. Used from one event loop."""

    __slots__ = ("calls", "finish_reason", "input_tokens", "output_tokens")

    def __init__(self) -> None:
        self.finish_reason: FinishReason = "stop"
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0

    def count(self, usage: Usage) -> None:
        """One call, finished or not."""
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens

    @property
    def usage(self) -> Usage:
        return Usage(self.input_tokens, self.output_tokens)


def estimate(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], characters: int) -> Usage:
    """What a call has cost whose provider did not say: the whole input, and the ``characters`` that came back."""
    return Usage(_tokens(len(str(messages)) + len(str(tools))), _tokens(characters))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_A_TOKEN)
