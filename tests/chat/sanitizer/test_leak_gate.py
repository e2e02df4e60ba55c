"""A model that leaks its prompts: every one, in every disguise, in chunks of every size."""

import itertools
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from chat.sanitizer import REPLACEMENT, Sanitizer, TurnSanitizer, protected_texts
from chat.sanitizer.folding import fold, separate_words
from tests.chat.sanitizer.leak_checks import (
    SIZES,
    Leaks,
    pieces,
    plain_runs,
    protected_runs,
    random_pieces,
    stream_through,
    streamed,
)
from tests.chat.sanitizer.leaks import COVERED, FILLED, LACKING, NUMBERED, SHIFTS, UNCOVERED, VARIED, Transform, slices
from tests.chat.sanitizer.real_prompts import prompts
from tests.support.thorough import one_in

LONG = 4_000  # characters
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


@pytest.mark.parametrize("disguise", one_in(10, COVERED))
def test_no_prompt_gets_through(disguise: str, sanitizer: Sanitizer, leaks: Leaks) -> None:
    for number, (prompt, leak, shown) in enumerate(leaks.of(disguise, COVERED[disguise])):
        assert_caught(sanitizer, leak, shown)
        assert not plain_runs(prompt, shown)
        # One size a case here; `test_every_prompt_in_every_disguise_and_chunk_size` has them all.
        size = SIZES[(list(COVERED).index(disguise) + number) % len(SIZES)]
        assert stream_through(leaks.turn, pieces(leak, size)) == shown


def excerpts() -> list[str]:
    return [prompt[:900] for prompt in prompts().values()]


def count_told(prompt: str, shown: str) -> float:
    """The share of the prompt's words that came out in their order (by the longest common subsequence, roughly)."""
    said = iter(separate_words(shown).split())
    words = separate_words(prompt).split()
    remaining = list(said)
    told, place = 0, 0
    for word in words:
        if word in remaining[place : place + 12]:
            place = remaining.index(word, place) + 1
            told += 1
    return told / len(words)


@pytest.mark.parametrize("way", one_in(10, NUMBERED))
def test_no_prompt_gets_through_in_numbered_slices(way: str, sanitizer: Sanitizer) -> None:
    for prompt in excerpts():
        leak = NUMBERED[way](prompt)
        shown = stream_through(sanitizer.for_turn(["hello"]), pieces(leak, 4))
        assert count_told(prompt, shown) < 0.1
        assert count_told(prompt, sanitizer.for_turn(["hello"]).text(leak)) < 0.05


@pytest.mark.parametrize("way", one_in(10, FILLED))
def test_no_prompt_gets_through_with_words_between(way: str, sanitizer: Sanitizer) -> None:
    for prompt in excerpts():
        leak = FILLED[way](prompt)
        assert count_told(prompt, stream_through(sanitizer.for_turn(["hello"]), pieces(leak, 4))) < 0.5
        assert count_told(prompt, sanitizer.for_turn(["hello"]).text(leak)) < 0.35


@pytest.mark.parametrize("way", one_in(10, VARIED))
def test_no_prompt_gets_through_with_other_words_each_time(way: str, sanitizer: Sanitizer) -> None:
    for prompt in excerpts():
        leak = VARIED[way](prompt)
        assert count_told(prompt, stream_through(sanitizer.for_turn(["hello"]), pieces(leak, 4))) < 0.6
        assert count_told(prompt, sanitizer.for_turn(["hello"]).text(leak)) < 0.45


@pytest.mark.parametrize("way", one_in(10, LACKING))
def test_no_prompt_gets_through_with_words_left_out(way: str, sanitizer: Sanitizer) -> None:
    shares = []
    for prompt in excerpts():
        leak = LACKING[way](prompt)
        shares.append(count_told(prompt, stream_through(sanitizer.for_turn(["hello"]), pieces(leak, 4))))
        assert count_told(prompt, sanitizer.for_turn(["hello"]).text(leak)) < 0.4
    assert max(shares) < 0.6
    assert sum(shares) / len(shares) < 0.45


ACTIONS: dict[str, tuple[int, Callable[[int, str], dict[str, str]]]] = {
    "titles": (3, lambda _, part: {"title": part, "status": "todo", "priority": "high"}),
    "numbered titles": (3, lambda n, part: {"title": f"{n}. {part}"}),
    "titles with other descriptions": (
        3,
        lambda n, part: {"title": part, "description": f"The {n}th of many."},
    ),
    "a word a title": (1, lambda _, part: {"title": part, "project_id": "6e3a9dcb-1111-4222-8333-abcdefabcdef"}),
    "titles with a word before": (3, lambda n, part: {"title": f"Rule {n}: {part}"}),
    "titles without each fourth word": (4, lambda _, part: {"title": " ".join(part.split()[:3])}),
    "two fields in turn": (3, lambda n, part: {"title" if n % 2 else "content": part}),
}


@pytest.mark.parametrize("way", one_in(10, ACTIONS))
def test_no_prompt_gets_through_in_one_action_after_another(way: str, sanitizer: Sanitizer) -> None:
    size, make = ACTIONS[way]
    for prompt in excerpts():
        turn = sanitizer.for_turn(["hello"])
        parts = slices(prompt, size)
        told = [part in str(turn.value(make(number, part))) for number, part in enumerate(parts)]
        assert sum(told) < max(len(told) * 0.4, 8)
        records = [make(number, part) for number, part in enumerate(parts)]
        shown = str(sanitizer.for_turn(["hello"]).value(records))
        assert count_told(prompt, shown) < 0.35


def test_titles_and_text_in_turn_are_one_telling(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["hello"])
    stream = turn.stream()
    shown = []
    for number, part in enumerate(slices(prompts()["common.txt"], 3)):
        if number % 2:
            shown.append(turn.value({"title": part})["title"])
        else:
            shown.append(stream.feed(f"{part} "))
            stream.pause()
    assert count_told(prompts()["common.txt"], " ".join([*shown, stream.finish()])) < 0.5


def test_the_slices_of_ordinary_work_stay(turn: TurnSanitizer) -> None:
    titles = [
        "Call the dentist",
        "Buy milk",
        "1. Ask Anna",
        "2. Ask Jonas",
        "Read the user guide",
        "Set the due date",
    ] * 20
    values = [{"title": title, "status": "in_progress", "due_date": "2026-12-01"} for title in titles]
    assert [turn.value(value) for value in values] == values
    assert turn.value(values) == values


@pytest.mark.parametrize("schema", list(protected_texts.extraction_schemas()), ids=lambda schema: schema["name"])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_answer_schema_of_a_template_goes(schema: dict[str, Any], indent: int | None, turn: TurnSanitizer) -> None:
    parameters = schema["parameters"]
    for text in (json.dumps(parameters, indent=indent), json.dumps(parameters, separators=(",", ":"))):
        shown = turn.value([{"title": "Schema", "content": f"Here: {text}"}])
        assert shown[0]["title"] == "Schema"
        assert not re.search("Record|WeeklyNote|ExtractedTasks", str(shown))
        assert "properties" not in str(shown)
        assert REPLACEMENT in streamed(turn, text)


@pytest.mark.slow
@pytest.mark.parametrize("name", prompts())
def test_a_prompt_in_every_disguise_and_chunk_size(name: str, sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    prompt = prompts()[name]
    for disguise, transform in COVERED.items():
        leak = transform(prompt)
        shown = streamed(turn, leak)
        assert_caught(sanitizer, leak, shown)
        assert_caught(sanitizer, leak, turn.text(leak))
        assert not plain_runs(prompt, shown)
        # The 25 shifts, and what is long (escapes are, many times over the prompt), are cut in one way each.
        is_one_of_many = disguise in SHIFTS or len(leak) > min(2 * len(prompt), LONG)
        sizes = [len(name + disguise) % 7 + 1] if is_one_of_many else SIZES
        cuts = [*(pieces(leak, size) for size in sizes), random_pieces(leak, len(disguise))]
        assert all(stream_through(turn, cut) == shown for cut in cuts), disguise


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


@pytest.mark.thorough
def test_all_prompts_in_one_answer_in_all_disguises(sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    disguises = itertools.cycle(COVERED.values())
    parts = [next(disguises)(part) for prompt in prompts().values() for part in pieces(prompt, 120)]
    leak = " and then ".join(parts)
    shown = streamed(turn, leak)
    assert not protected_runs(sanitizer, shown)
    assert not protected_runs(sanitizer, turn.text(leak))
    assert stream_through(turn, random_pieces(leak, 1)) == shown


@pytest.mark.thorough
def test_a_prompt_as_a_JSON_string_is_caught(sanitizer: Sanitizer, turn: TurnSanitizer) -> None:  # noqa: N802
    for prompt in prompts().values():
        shown = turn.text(json.dumps({"system": prompt}))
        assert REPLACEMENT in shown
        assert not protected_runs(sanitizer, shown)


@pytest.mark.thorough
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
