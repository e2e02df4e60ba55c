"""What the sanitizer costs. CPU time of this process, best of a few runs, beside what it costs to fold the same text
one character at a time: machines differ, and one whose cores are shared differs from minute to minute.
"""

import itertools
import time
import unicodedata

import pytest

from chat.sanitizer import Sanitizer
from tests.chat.sanitizer.answers import answers
from tests.chat.sanitizer.leak_checks import pieces
from tests.chat.sanitizer.real_prompts import real_sanitizer

CHARACTERS_A_TOKEN = 4
MOST_TIMES_FOLDING = 45  # 23 to 30 measured on a busy machine
MOST_BYTES = 16_000_000


@pytest.mark.thorough
def test_a_token_of_a_long_benign_stream_costs_little(sanitizer: Sanitizer, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = list(itertools.islice(pieces("\n\n".join(answers(400)), CHARACTERS_A_TOKEN), 20_000))
    costs, foldings = [], []
    for _ in range(4):
        stream = sanitizer.for_turn(["hello"]).stream()
        started = time.process_time()
        for token in tokens:
            stream.feed(token)
        costs.append((time.process_time() - started) / len(tokens) * 1_000_000)
        started = time.process_time()
        for token in tokens:
            fold(token)
        foldings.append((time.process_time() - started) / len(tokens) * 1_000_000)
    # Of each round, whose halves follow each other closely.
    times = min(cost / folding for cost, folding in zip(costs, foldings, strict=True))
    with capsys.disabled():
        print(f"\nsanitizer: {min(costs):.1f} µs a token, {times:.1f} times folding it")  # noqa: T201
    assert times < MOST_TIMES_FOLDING


def fold(token: str) -> list[str]:
    return [unicodedata.normalize("NFKD", character).lower() for character in token]


@pytest.mark.thorough
def test_the_index_is_small_and_quickly_built(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.process_time()
    index = real_sanitizer().index
    seconds = time.process_time() - started
    with capsys.disabled():
        print(f"\nsanitizer: {len(index):,} runs, {index.bytes / 1e6:.1f} MB, {seconds:.2f} s")  # noqa: T201
    assert index.bytes < MOST_BYTES
    assert seconds < 5


def test_a_word_without_end_costs_no_more_with_each_piece(sanitizer: Sanitizer) -> None:
    stream = sanitizer.for_turn(["hello"]).stream()
    costs = []
    for _ in range(12):
        started = time.process_time()
        stream.feed("x" * 50_000)
        costs.append(time.process_time() - started)
    assert min(costs[-3:]) < 3 * max(costs[:3])
