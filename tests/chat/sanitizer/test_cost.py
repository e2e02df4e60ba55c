"""What the sanitizer costs. CPU time of this process, best of a few runs: other processes do not count."""

import itertools
import time

import pytest

from chat.sanitizer import Sanitizer
from tests.chat.sanitizer.answers import answers
from tests.chat.sanitizer.leak_checks import pieces
from tests.chat.sanitizer.real_prompts import real_sanitizer

CHARACTERS_A_TOKEN = 4
MOST_MICROSECONDS_A_TOKEN = 20
MOST_BYTES = 16_000_000


def test_a_token_of_a_long_benign_stream_costs_little(sanitizer: Sanitizer, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = list(itertools.islice(pieces("\n\n".join(answers(400)), CHARACTERS_A_TOKEN), 20_000))
    costs = []
    for _ in range(3):
        stream = sanitizer.for_turn(["hello"]).stream()
        started = time.process_time()
        for token in tokens:
            stream.feed(token)
        costs.append((time.process_time() - started) / len(tokens) * 1_000_000)
    with capsys.disabled():
        print(f"\nsanitizer: {min(costs):.1f} µs a token")  # noqa: T201
    assert min(costs) < MOST_MICROSECONDS_A_TOKEN


def test_the_index_is_small_and_quickly_built(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.process_time()
    index = real_sanitizer().index
    seconds = time.process_time() - started
    with capsys.disabled():
        print(f"\nsanitizer: {len(index):,} runs, {index.bytes / 1e6:.1f} MB, {seconds:.2f} s")  # noqa: T201
    assert index.bytes < MOST_BYTES
    assert seconds < 5
