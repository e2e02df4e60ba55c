"""Finds protected text in what was let through, and cuts texts for streaming."""

import random
import re
import zlib
from collections.abc import Callable, Iterable, Iterator

from chat.sanitizer import MAX_ENCLOSED, MAX_HELD, REPLACEMENT, Sanitizer, TurnSanitizer
from chat.sanitizer.folding import fold
from chat.sanitizer.ngrams import GRAM, substrings

SIZES = range(1, 8)


def protected_runs(sanitizer: Sanitizer, shown: str) -> list[str]:
    """Indexed runs in what was shown between the replacements."""
    return [
        gram for piece in shown.split(REPLACEMENT) for gram in substrings(fold(piece), GRAM) if gram in sanitizer.index
    ]


def plain_runs(text: str, shown: str) -> set[str]:
    """Runs of ``text`` in what was shown, without any of our folding: lower-case letters and digits only."""
    ours, theirs = (re.sub(r"[^a-z0-9]", "", part.lower()) for part in (text, shown))
    return set(substrings(ours, GRAM)) & set(substrings(theirs, GRAM))


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def random_pieces(text: str, seed: int, most: int = 20) -> Iterator[str]:
    dice = random.Random(seed)  # noqa: S311 - reproducible
    start = 0
    while start < len(text):
        end = start + dice.randint(0, most)
        yield text[start:end]
        start = end


def stream_through(turn: TurnSanitizer, chunks: Iterable[str]) -> str:
    """All that a stream emits; asserts that it never holds back too much."""
    stream = turn.stream()
    shown = []
    for chunk in chunks:
        shown.append(stream.feed(chunk))
        assert stream.held <= MAX_HELD or stream.is_open
        assert stream.held <= MAX_ENCLOSED + 2 * MAX_HELD + len(chunk)
    return "".join([*shown, stream.finish()])


def streamed(turn: TurnSanitizer, text: str) -> str:
    """What a stream emits of ``text``, which comes at once."""
    return stream_through(turn, [text])


class Leaks:
    """What is shown of an excerpt of each prompt in each disguise, computed once; another excerpt for each disguise."""

    def __init__(self, turn: TurnSanitizer, prompts: dict[str, str], *, length: int) -> None:
        self.turn = turn
        self._prompts = prompts
        self._length = length
        self._shown: dict[str, list[tuple[str, str, str]]] = {}

    def of(self, disguise: str, transform: Callable[[str], str]) -> list[tuple[str, str, str]]:
        """``(excerpt, leak, shown)`` of each prompt."""
        if disguise not in self._shown:
            excerpts = [self._excerpt(disguise, prompt) for prompt in self._prompts.values()]
            self._shown[disguise] = [(text, leak := transform(text), streamed(self.turn, leak)) for text in excerpts]
        return self._shown[disguise]

    def _excerpt(self, disguise: str, prompt: str) -> str:
        start = zlib.crc32(disguise.encode()) % max(len(prompt) - self._length, 1)
        return prompt[start : start + self._length]
