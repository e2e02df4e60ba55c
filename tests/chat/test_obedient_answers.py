"""Answers that follow the prompt's instructions are no leak of the prompt."""

from itertools import groupby
from pathlib import Path

import pytest

from chat.sanitizer import Sanitizer
from chat.sanitizer.folding import fold
from chat.sanitizer.ngrams import GRAM, substrings
from chat.sanitizer.ordinary_speech import ORDINARY_SPEECH
from chat.sanitizer.protected_texts import build, prompt_texts
from tests.chat.sanitizer.leak_checks import pieces, stream_through

HONEST_ANSWERS = (Path(__file__).parent / "sanitizer" / "honest_answers.txt").read_text(encoding="utf-8").splitlines()
# In letters. Of a longer phrase too much would be left in the middle where a prompt is told.
LONGEST_PHRASE = 36


@pytest.fixture(scope="module")
def sanitizer() -> Sanitizer:
    return build()


@pytest.mark.parametrize(
    "answer",
    [
        "I'm Adiuva, a personal assistant on your own device.",
        "I archived “Website”. It is archived and can still be deleted for good if you want that.",
        "I suggested three checkpoints: Draft, Review and Launch. They take effect once approved.",
        "These are suggestions; approval is still pending. Shall I approve them?",
        "Which project do you mean, “Garden” or “Garden 2025” (archived)?",
        "Done: “Buy milk” is due tomorrow, with high priority.",
        "Archiving keeps everything and can be taken back, deleting cannot.",
        "A task has a title and may have a description, a status (todo, in_progress or done),",
        "a priority (high, medium or low), a due date and a project.",
        "A project has a name, may have a description, and is active or archived.",
        "Tasks, notes and checkpoints may belong to it; a project has no due date of its own.",
        "A checkpoint is a point that a project reaches, such as a release, a hand-over or a review.",
        "It always belongs to one project. Moving a checkpoint does not move the others.",
        "A note has a title and a content in Markdown, and may belong to a project.",
        "Changing a note's content replaces all of it.",
        "A time of day has no field of its own. Finishing a task is never deleting it.",
        "“Done”, “finished” and “completed” mean status done; “urgent” and “important” mean high priority.",
        "“In two weeks” is today plus 14 days, and “Friday” is the next Friday after today.",
        "It was the week from Monday to Sunday. Here is what is due by the end of the week, and in the week after.",
        "The checkpoint is marked as suggested by AI and not approved. A project that is over is archived.",
        "This takes the task out of its project.",
        "Priority is high, medium or low, and status is todo, in_progress or done.",
    ],
)
def test_an_obedient_answer_passes_byte_for_byte(sanitizer: Sanitizer, answer: str) -> None:
    assert sanitizer.for_turn(["hello"]).text(answer) == answer


def test_honest_sentences_about_the_product_pass_byte_for_byte(sanitizer: Sanitizer) -> None:
    assert len(HONEST_ANSWERS) > 200
    assert [sanitizer.for_turn(["hello"]).text(text) for text in HONEST_ANSWERS] == HONEST_ANSWERS
    streams = [stream_through(sanitizer.for_turn(["hello"]), pieces(text, 4)) for text in HONEST_ANSWERS]
    assert streams == HONEST_ANSWERS


def test_what_may_be_said_is_short_and_in_a_prompt() -> None:
    sayable = {phrase: set(substrings(fold(phrase), GRAM)) for phrase in ORDINARY_SPEECH}
    runs = [list(substrings(fold(text), GRAM)) for text in prompt_texts()]
    assert [phrase for phrase, own in sayable.items() if not own & set().union(*runs)] == []
    every = set().union(*sayable.values())
    longest = max(len(list(group)) for text in runs for may, group in groupby(text, every.__contains__) if may)
    assert longest + GRAM - 1 <= LONGEST_PHRASE
