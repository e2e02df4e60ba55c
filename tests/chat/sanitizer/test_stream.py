import logging
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.sanitizer import MAX_HELD, REPLACEMENT, Sanitizer, StreamRedactor, TurnSanitizer
from chat.sanitizer.escapes import decode
from tests.chat.sanitizer.leak_checks import pieces, protected_runs, stream_through, streamed

PROMPT = "You look after the garden of the castle. Roses first, then the lawn; never tell where the key is."
SANITIZER = Sanitizer(prompts=[PROMPT], agent_names=["task_agent", "note_agent"])
USER_TEXT = "My note: <think>roses</think> and then the lawn; never tell where, says `<reasoning>`"
# As tokens come: whole words with what is around them, of the prompt and of others.
TOKENS = (
    " the| key| lawn|lawn| never| garden|,|.| it|'s| don|’t|\n\n| a| caffè| für|ö|ß| l'|idea| «|»| „|**|1|2|. | 31|!"
    '| agent| task|_agent| name|:| "|"| route| <|think|>|</| Roses first|tell where the| <think>|</think>| [|INST|]'
    "|`|task_agent|\\n|&#116;he|&amp;| R&D| 50%|%6C|awn|\\u006c|\\x67|arden|"
    "&#x6c;| first,| um| um| um| Roses| then| lawn;| never| tell| where| is|@"
)
REFERENCES = "".join(f"&#{ord(sign)};" for sign in PROMPT[:40])
PROSE = st.lists(st.sampled_from([*TOKENS.split("|"), *PROMPT.split()]), max_size=90)
PARTS = st.one_of(
    st.text(max_size=12),
    st.integers(0, len(PROMPT)).flatmap(lambda a: st.integers(a, len(PROMPT)).map(lambda b: PROMPT[a:b])),
    st.sampled_from(["<think>", "</think>", "[INST]", "[/INST]", "<|im_start|>", "<|im_end|>", "&lt;think", "think"]),
    st.sampled_from(
        ["task_agent", "TaskAgent", "task_ agent", "agents", '"agent":"task_agent"', '{"agent": ', '"name":']
    ),
    st.sampled_from(["&#", "&#x6", "&amp;", "&nbsp;", "\\u00", "\\x6", "%6", REFERENCES]),
    st.sampled_from([*"<>/|`\"'{}[]:,= \n\u200b@!$1ßﬁ\\"]),
    st.sampled_from([PROMPT, PROMPT.upper(), PROMPT[::-1], " ".join(PROMPT), "!".join(PROMPT), "\u200b".join(PROMPT)]),
)
TEXTS = st.lists(PARTS, max_size=12).map("".join)


@st.composite
def cut_texts(draw: st.DrawFn) -> list[str]:
    text = draw(TEXTS)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=20)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(cut_texts(), st.sampled_from([[], [USER_TEXT], [PROMPT]]))
@example(["task_agent", "\u200b" * 60, "."], [])
@example([PROMPT[:60], "<think>", PROMPT[60:], "</think>", PROMPT[60:]], [])
def test_the_cuts_make_no_difference(chunks: list[str], user: list[str]) -> None:
    text = "".join(chunks)
    shown = streamed(SANITIZER.for_turn(user), text)
    assert stream_through(SANITIZER.for_turn(user), chunks) == shown
    assert stream_through(SANITIZER.for_turn(user), pieces(text, 1)) == shown
    if not user:
        assert not protected_runs(SANITIZER, shown)
        assert not protected_runs(SANITIZER, SANITIZER.for_turn(user).text(text))


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(PROSE, st.sampled_from([[], [USER_TEXT], [PROMPT]]))
@example([" garden"] * 30 + PROMPT.replace(" ", " um ").split(" "), [])
def test_words_that_are_read_at_once_make_no_difference(words: list[str], user: list[str]) -> None:
    """The fast way, in which most tokens are read, and the slow one, character by character."""
    turn = SANITIZER.for_turn(user)
    shown = stream_through(turn, words)
    assert streamed(SANITIZER.for_turn(user), "".join(words)) == shown
    assert stream_through(SANITIZER.for_turn(user), "".join(words)) == shown
    with mock.patch.object(StreamRedactor, "_is_calm", return_value=False):
        assert stream_through(SANITIZER.for_turn(user), words) == shown


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="<[&◁"), max_size=300))
def test_a_text_of_anything_else_passes_byte_for_byte(text: str) -> None:
    turn = SANITIZER.for_turn([])
    assert turn.text(text) == text


@pytest.mark.parametrize("pattern", ["&#{};", "&#{}", "&#x{:x};", "\\u{:04x}", "\\x{:02x}", "%{:02X}", "&amp;#{};"])
def test_what_is_around_escaped_letters_stays(pattern: str) -> None:
    """Only the run goes, from the first escape to the last one, and what is no escape passes."""
    code = "".join(pattern.format(ord(sign)) for sign in PROMPT[:60])
    before, behind = "R&D, 50% of C:\\users, &c. &amp; more: ", ", a&b; 7 %"
    assert SANITIZER.for_turn([]).text(f"{before}({code}){behind}") == f"{before}({REPLACEMENT}){behind}"
    assert SANITIZER.for_turn([PROMPT]).text(f"{before}({code}){behind}") == f"{before}({code}){behind}"
    assert SANITIZER.for_turn([code]).text(PROMPT[:60]) == PROMPT[:60]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&#89;&#x59;&#X59;&#0089 &Aacute;&amp;#89;", "YYYY ÁY"),
        (r"\u0059\x59\131\u{59}\U00000059\ud835\udc00\\u0059%59", "YYYYY\U0001d400\\YY"),
        (r"R&D &c. &; &#; &#x; \u00 \x5 \ud835 100 % &#99999999; &nosuch;", None),
    ],
)
def test_escapes_show_characters(text: str, shown: str | None) -> None:
    assert decode(text).rstrip("\n") == (text if shown is None else shown)


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
    assert one.feed("(?) <think>") == "(?) "
    assert other.feed("(?)") == "(?)"
    assert one.feed("(?)</think>") == REPLACEMENT
    assert one.finish() == other.finish() == ""


def test_a_sanitizer_without_texts_passes_everything_but_markers() -> None:
    turn = Sanitizer(prompts=[]).for_turn([])
    assert turn.text(f"{PROMPT} task_agent <think>x</think>") == f"{PROMPT} task_agent {REPLACEMENT}"
