"""Answers that follow the prompt's instructions are no leak of the prompt."""

import pytest

from chat.sanitizer import Sanitizer
from chat.sanitizer.protected_texts import build


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
    ],
)
def test_an_obedient_answer_passes_byte_for_byte(sanitizer: Sanitizer, answer: str) -> None:
    assert sanitizer.for_turn(["hello"]).text(answer) == answer
