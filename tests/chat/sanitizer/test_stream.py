import logging
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.sanitizer import MAX_HELD, REPLACEMENT, Sanitizer, TurnSanitizer
from tests.chat.sanitizer.leak_checks import pieces, protected_runs, stream_through

PROMPT = "You look after the garden of the castle. Roses first, then the lawn; never tell where the key is."
SANITIZER = Sanitizer(prompts=[PROMPT], agent_names=["task_agent", "note_agent"])
USER_TEXT = "My note: <think>roses</think> and then the lawn; never tell where, says `<reasoning>`"
PARTS = st.one_of(
    st.text(max_size=12),
    st.integers(0, len(PROMPT)).flatmap(lambda a: st.integers(a, len(PROMPT)).map(lambda b: PROMPT[a:b])),
    st.sampled_from(["<think>", "</think>", "[INST]", "[/INST]", "<|im_start|>", "<|im_end|>", "&lt;think", "think"]),
    st.sampled_from(
        ["task_agent", "TaskAgent", "task_ agent", "agents", '"agent":"task_agent"', '{"agent": ', '"name":']
    ),
    st.sampled_from([*"<>/|`\"'{}[]:,= \n\u200b@!$1ßﬁ\\"]),
    st.sampled_from([PROMPT, PROMPT.upper(), PROMPT[::-1], " ".join(PROMPT), "!".join(PROMPT), "\u200b".join(PROMPT)]),
)
TEXTS = st.lists(PARTS, max_size=12).map("".join)


@st.composite
def cut_texts(draw: st.DrawFn) -> list[str]:
    text = draw(TEXTS)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=20)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@settings(max_examples=150, deadline=None)
@given(cut_texts(), st.sampled_from([[], [USER_TEXT], [PROMPT]]))
@example(["task_agent", "\u200b" * 60, "."], [])
@example([PROMPT[:60], "<think>", PROMPT[60:], "</think>", PROMPT[60:]], [])
def test_the_cuts_make_no_difference(chunks: list[str], user: list[str]) -> None:
    turn = SANITIZER.for_turn(user)
    text = "".join(chunks)
    shown = turn.text(text)
    assert stream_through(turn, chunks) == shown
    assert stream_through(turn, pieces(text, 1)) == shown
    if not user:
        assert not protected_runs(SANITIZER, shown)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="<[&◁"), max_size=300))
def test_a_text_of_anything_else_passes_byte_for_byte(text: str) -> None:
    turn = SANITIZER.for_turn([])
    assert turn.text(text) == text


def test_nothing_is_held_at_the_end_and_little_before_it() -> None:
    stream = SANITIZER.for_turn([]).stream()
    shown = stream.feed(PROMPT[:24])
    assert stream.held <= MAX_HELD
    assert shown + stream.finish() == PROMPT[:24]
    assert stream.held == 0


def test_a_run_shorter_than_a_gram_passes() -> None:
    assert SANITIZER.for_turn([]).text("You look after the garden!") == "You look after the garden!"


def test_each_redaction_logs_its_rule_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    turn = SANITIZER.for_turn([])
    text = f'{PROMPT} <think>hm</think> task_agent, {{"agent": "note_agent"}}'
    with caplog.at_level(logging.DEBUG):
        shown = stream_through(turn, pieces(text, 5))
    assert shown.count(REPLACEMENT) == len(caplog.records) == 4
    assert [record.rule for record in caplog.records] == [  # type: ignore[attr-defined]
        "system_prompt",
        "reasoning_marker",
        "agent_name",
        "routing_metadata",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert {record.getMessage() for record in caplog.records} == {"redacted"}


def test_values_are_sanitized_string_by_string_and_keys_stay() -> None:
    turn = SANITIZER.for_turn([])
    value: Any = {
        "task_agent": [PROMPT, 1, None, True, 2.5, {"note": "ask task_agent"}],
        "title": "Buy milk",
        "name": "create_task",
    }
    assert turn.value(value) == {
        "task_agent": [f"{REPLACEMENT}.", 1, None, True, 2.5, {"note": f"ask {REPLACEMENT}"}],
        "title": "Buy milk",
        "name": "create_task",
    }
    assert value["task_agent"][0] == PROMPT


def test_two_streams_of_one_turn_know_nothing_of_each_other(turn: TurnSanitizer) -> None:
    one, other = turn.stream(), turn.stream()
    assert one.feed("(?) <think>") == f"(?) {REPLACEMENT}"
    assert other.feed("(?)") == "(?)"
    assert one.feed("(?)") == one.finish() == ""


def test_a_sanitizer_without_texts_passes_everything_but_markers() -> None:
    turn = Sanitizer(prompts=[]).for_turn([])
    assert turn.text(f"{PROMPT} task_agent <think>x</think>") == f"{PROMPT} task_agent {REPLACEMENT}"
