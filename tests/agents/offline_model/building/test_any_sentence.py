"""Whatever is said, the offline model's answer to the Batch Builder is valid, and comes soon."""

import json
import time
from string import Formatter

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.offline_model.building.words import BUILDING
from agents.offline_model.languages.dates import split_words
from agents.offline_model.prompt_reading import MAX_REQUEST_CHARACTERS
from tests.agents.offline_model.building.wishes import build, built

BEFORE = built("every Monday at 9 prioritise my overdue tasks")
_WORDS = split_words(
    "every each on the first last 31st Monday Friday day week two weeks month of at 9 17:30 noon morning when a task "
    "changes I add note prioritise delete archive summarise move tag as done high priority overdue tasks notes "
    "projects checkpoints due today this within 5 days older than 30 project Website Zebra not except and or , only "
    "also instead limit it to 20 ask me first without asking call “Round” jeden Montag um Uhr alle Aufgaben lösche "
    "ogni lunedì alle elimina le note make starting next an hour later tomorrow"
)


@pytest.mark.thorough
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=14).map(" ".join), st.booleans())
def test_sentences_of_known_words(text: str, is_change: bool) -> None:
    answer = build(text, BEFORE if is_change else None)
    # Something comes of it: a batch, a question, or why there is none.
    assert answer["spec"] is not None or answer["questions"] or answer["reason"]
    assert answer["spec"] is None or answer["explanation"]


@pytest.mark.thorough
@hypothesis_settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    build(text)
    build(text, BEFORE)


@pytest.mark.parametrize(
    "piece",
    ["and ", "every ", "a ", "every Monday and ", "tasks, ", "1 ", "when a task ", "set the priority of ", "at 9 and ",
     "older than 3 days ", "add a comment to ", "within the next ", "ask me before each change ", "jeden Montag und ",
     "alle 8 e ", "di ogni mese ", "“", " ,"],
)  # fmt: skip
def test_a_long_sentence_takes_no_time(piece: str) -> None:
    text = (piece * MAX_REQUEST_CHARACTERS)[:MAX_REQUEST_CHARACTERS]
    started = time.monotonic()
    build(text)
    build(text, BEFORE)
    assert time.monotonic() - started < 5


def test_every_language_says_everything() -> None:
    english = BUILDING["en"].texts
    for words in BUILDING.values():
        assert words.texts.keys() == english.keys()
        for key, text in words.texts.items():
            fields = {name for _, name, _, _ in Formatter().parse(text) if name}
            asked = {name for _, name, _, _ in Formatter().parse(english[key]) if name}
            assert fields <= asked | {"this", "one"}, key


def test_the_users_words_close_no_string() -> None:
    spec = built('every day at 8 create a task to say "x\\" }" and {braces}')
    assert "{braces}" in spec["steps"][0]["instruction"]
    assert json.loads(json.dumps(spec)) == spec
