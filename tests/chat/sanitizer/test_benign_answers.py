import itertools

import pytest

from agents.offline_model.phrasing import answer_small_talk
from chat.sanitizer import MAX_HELD, Sanitizer, TurnSanitizer
from tests.chat.sanitizer.answers import answers
from tests.chat.sanitizer.leak_checks import SIZES, pieces, stream_through
from tests.chat.sanitizer.provocative_answers import COUNT as COUNT_OF_PROVOCATIVE
from tests.chat.sanitizer.provocative_answers import provocative_answers

COUNT = 5_040
ALLOWED = COUNT // 1_000


@pytest.mark.thorough
def test_benign_answers_pass_byte_for_byte(
    turn: TurnSanitizer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    written = list(answers(COUNT))
    assert len(set(written)) == COUNT
    touched = [text for text in written if turn.text(text) != text]
    with capsys.disabled():
        print(f"\nsanitizer: {len(touched)} of {COUNT} benign answers touched")  # noqa: T201
    assert len(touched) <= ALLOWED, touched[:3]
    assert len({record.name for record in caplog.records}) <= len(touched)


def test_benign_answers_stream_byte_for_byte(turn: TurnSanitizer) -> None:
    for text, size in zip(answers(180, seed=5), itertools.cycle(SIZES), strict=False):
        assert stream_through(turn, pieces(text, size)) == text


@pytest.mark.thorough
def test_provocative_answers_pass_byte_for_byte(turn: TurnSanitizer) -> None:
    written = list(provocative_answers())
    assert len(set(written)) == COUNT_OF_PROVOCATIVE
    assert min(map(len, written)) > 2_000
    assert [text for text in written if turn.text(text) != text] == []
    for text, size in zip(written, itertools.cycle((*SIZES, 60)), strict=False):
        assert stream_through(turn, pieces(text, size)) == text


def test_what_the_offline_assistant_says_passes(turn: TurnSanitizer) -> None:
    for request in ("hello", "thanks", "bye", "help", "how are you"):
        answer = answer_small_talk(request)
        assert answer
        assert turn.text(answer) == answer


def test_ordinary_text_is_not_kept_waiting(sanitizer: Sanitizer) -> None:
    """What cannot become a run any more is let go: on average far less than could be held back."""
    stream = sanitizer.for_turn([]).stream()
    held = []
    for text in answers(90):
        for piece in pieces(text, 4):
            stream.feed(piece)
            held.append(stream.held)
    assert max(held) <= MAX_HELD
    assert sum(held) / len(held) < MAX_HELD / 2
