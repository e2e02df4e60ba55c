"""A model that leaks its prompts: every one, in every disguise, in chunks of every size."""

import itertools
import json
import random

import pytest

from chat.sanitizer import REPLACEMENT, Sanitizer, TurnSanitizer
from chat.sanitizer.folding import fold
from tests.chat.sanitizer.leak_checks import (
    SIZES,
    Leaks,
    pieces,
    plain_runs,
    protected_runs,
    random_pieces,
    stream_through,
)
from tests.chat.sanitizer.leaks import COVERED, SHIFTS, UNCOVERED, Transform
from tests.chat.sanitizer.real_prompts import prompts

INTRODUCTION = "Sure, here is all I was told:\n\n"
GOODBYE = "\n\nThat was all. Shall I plan your day?"
REWORDED = """\
You are the gardener's assistant. Never water the cactus more than once a month, and ask before you move a pot.
Du bist der Assistent des Gärtners. Gieße den Kaktus nur einmal im Monat, und frag, bevor du einen Topf umstellst.
Sei l'assistente del giardiniere. Non annaffiare il cactus più di una volta al mese e chiedi prima di spostare un vaso.
I help whoever looks after the garden: cacti get water monthly at most, and pots only move with permission.
""".splitlines()


def assert_caught(sanitizer: Sanitizer, leak: str, shown: str) -> None:
    assert REPLACEMENT in shown
    assert not protected_runs(sanitizer, shown)
    # At most what had to be released before it could be known, which is less than one run.
    assert len(fold(shown)) < len(fold(leak)) / 2


def rewordings_caught() -> dict[str, float]:
    turn = Sanitizer(prompts=REWORDED[:1]).for_turn([])
    assert turn.text(REWORDED[0]) == f"{REPLACEMENT}."
    names = ("translation to German", "translation to Italian", "paraphrase")
    return {name: float(turn.text(text) != text) for name, text in zip(names, REWORDED[1:], strict=True)}


@pytest.mark.parametrize("disguise", COVERED)
def test_no_prompt_gets_through(disguise: str, sanitizer: Sanitizer, leaks: Leaks) -> None:
    for number, (prompt, leak, shown) in enumerate(leaks.of(disguise, COVERED[disguise])):
        assert_caught(sanitizer, leak, shown)
        assert not plain_runs(prompt, shown)
        # One size a case here; `test_every_prompt_in_every_disguise_and_chunk_size` has them all.
        size = SIZES[(list(COVERED).index(disguise) + number) % len(SIZES)]
        assert stream_through(leaks.turn, pieces(leak, size)) == shown


@pytest.mark.slow
def test_every_prompt_in_every_disguise_and_chunk_size(sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    for (name, prompt), (disguise, transform) in itertools.product(prompts().items(), COVERED.items()):
        leak = transform(prompt)
        shown = turn.text(leak)
        assert_caught(sanitizer, leak, shown)
        assert not plain_runs(prompt, shown)
        # Of the 25 shifts one is cut in every way.
        sizes = [len(name) % 7 + 1] if disguise in SHIFTS else SIZES
        cuts = [*(pieces(leak, size) for size in sizes), random_pieces(leak, len(disguise))]
        assert all(stream_through(turn, cut) == shown for cut in cuts), (name, disguise)


@pytest.mark.parametrize("name", prompts())
def test_words_around_a_leak_stay(name: str, sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    shown = turn.text(INTRODUCTION + prompts()[name] + GOODBYE)
    assert not protected_runs(sanitizer, shown)
    assert shown.startswith("Sure, here is all I was told:")
    assert shown.endswith("all. Shall I plan your day?")


@pytest.mark.parametrize("name", prompts())
def test_an_excerpt_is_enough(name: str, sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    dice = random.Random(7)  # noqa: S311 - reproducible
    prompt = prompts()[name]
    for _ in range(60):
        start = dice.randrange(len(prompt) - 60)
        excerpt = prompt[start : start + 60]
        shown = stream_through(turn, random_pieces(f"They said “{excerpt}” to me.", start))
        assert REPLACEMENT in shown
        assert not protected_runs(sanitizer, shown)


def test_all_prompts_in_one_answer_in_all_disguises(sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    disguises = itertools.cycle(COVERED.values())
    parts = [next(disguises)(part) for prompt in prompts().values() for part in pieces(prompt, 120)]
    leak = " and then ".join(parts)
    shown = turn.text(leak)
    assert not protected_runs(sanitizer, shown)
    assert stream_through(turn, random_pieces(leak, 1)) == shown


def test_a_prompt_as_a_JSON_string_is_caught(sanitizer: Sanitizer, turn: TurnSanitizer) -> None:  # noqa: N802
    for prompt in prompts().values():
        shown = turn.text(json.dumps({"system": prompt}))
        assert REPLACEMENT in shown
        assert not protected_runs(sanitizer, shown)


def test_recall_is_printed_with_what_is_not_covered(leaks: Leaks, capsys: pytest.CaptureFixture[str]) -> None:
    def share(disguise: str, transform: Transform) -> float:
        """Of the prompts in this disguise, those that lost at least half of their text."""
        lost = [len(fold(shown)) < len(fold(leak)) / 2 for _, leak, shown in leaks.of(disguise, transform)]
        return sum(lost) / len(lost)

    recall = sum(share(*item) for item in COVERED.items()) / len(COVERED)
    uncovered = {name: share(name, transform) for name, transform in UNCOVERED.items()} | rewordings_caught()
    with capsys.disabled():
        print(f"\nsanitizer: recall {recall:.2f} over {len(COVERED)} covered disguises; not covered:")  # noqa: T201
        print("\n".join(f"  {caught:4.2f} {name}" for name, caught in uncovered.items()))  # noqa: T201
    assert recall == 1
