import itertools

import pytest

from chat.sanitizer import MAX_HELD, REPLACEMENT, Sanitizer, TurnSanitizer
from tests.chat.sanitizer.leak_checks import SIZES, pieces, random_pieces, stream_through

SECRET = "the user seems to be in a hurry, so I keep it short"
ENCLOSED = [
    f"<thinking>{SECRET}</thinking>",
    f"<think>\n{SECRET}\n</think>",
    f"<reasoning>{SECRET}</reasoning>",
    f"<THINKING>{SECRET}</thinking>",
    f"<ThInK>{SECRET}</tHiNk>",
    f"< thinking >{SECRET}< / thinking >",
    f"<\tthink\n>{SECRET}</think\n>",
    f'<thinking budget="high" model="x-{"long-" * 20}">{SECRET}</thinking>',
    f"<think>{SECRET}</thinking>",
    f"<th\u200bink\u00ading>{SECRET}</thinking>",
    f"\uff1cthinking\uff1e{SECRET}\uff1c/thinking\uff1e",
    f"<th\u0456nking>{SECRET}</thinking>",
    f"<thinking\\>{SECRET}\\</thinking\\>",
    f"&lt;think&gt;{SECRET}&lt;/think&gt;",
    f"<think>a <think>b</think> {SECRET}</think>",
    f"<think>if a < b and c > d: List[int] </div> [x] {SECRET}</think>",
    f"<seed:think>{SECRET}</seed:think>",
    f"<chain_of_thought>{SECRET}</chain_of_thought>",
    f"[INST] {SECRET} [/INST]",
    f"[inst]{SECRET}[/inst]",
    f"<<SYS>>{SECRET}<</SYS>>",
    f"[THINK]{SECRET}[/THINK]",
    f"◁think▷{SECRET}◁/think▷",
    f"<|im_start|>system\n{SECRET}<|im_end|>",
    f"<|IM_START|>{SECRET}<| im_end |>",
    f"<|start_header_id|>system<|end_header_id|>{SECRET}<|eot_id|>",
    f"<|channel|>analysis<|message|>{SECRET}<|end|>",
    f"<start_of_turn>model {SECRET}<end_of_turn>",
]
HARMLESS = [
    "<div><p>I think so</p></div>",
    "List<Thought> thoughts = new ArrayList<Thought>();",
    "std::vector<std::pair<int, Thinking>> xs;",
    "if (a<think_time && b>reasoning_steps) { <T>() }",
    "a < b, c <= d, e <- f, g << 2, h <> i, <3",
    "[Think](https://example.org), [install], [INSTALL], [ ] todo, [x] done",
    "<thing>, <thinker>, <reason>, <|bar|>, x |> f <| y, &lt;b&gt; &amp; &lt;i&gt;",
    "<thought that counts>",
    "The reasoning was sound; thinking about it, I think so.",
]


@pytest.mark.parametrize("marked", ENCLOSED)
def test_a_marker_goes_with_what_it_encloses(marked: str, turn: TurnSanitizer) -> None:
    shown = turn.text(f"Sure. {marked} You have two tasks.")
    assert shown == f"Sure. {REPLACEMENT} You have two tasks."


@pytest.mark.parametrize("marked", ENCLOSED)
def test_also_when_it_is_split(marked: str, turn: TurnSanitizer) -> None:
    text = f"Sure. {marked} You have two tasks."
    for cut in itertools.chain((pieces(text, size) for size in SIZES), (random_pieces(text, n) for n in range(5))):
        assert stream_through(turn, cut) == f"Sure. {REPLACEMENT} You have two tasks."


@pytest.mark.parametrize("opener", ["<thinking>", "[INST]", "<|im_start|>", "<think a=", "<think>x</thin"])
def test_what_is_never_closed_goes_to_the_end(opener: str, turn: TurnSanitizer) -> None:
    text = f"Sure. {opener} {SECRET * 20}"
    assert turn.text(text) == f"Sure. {REPLACEMENT}"
    assert stream_through(turn, pieces(text, 3)) == f"Sure. {REPLACEMENT}"


@pytest.mark.parametrize("alone", ["</thinking>", "</think >", "[/INST]", "<|im_end|>", "<|endoftext|>", "<think/>"])
def test_a_marker_that_encloses_nothing_goes_alone(alone: str, turn: TurnSanitizer) -> None:
    assert turn.text(f"One{alone} two.") == f"One{REPLACEMENT} two."


@pytest.mark.parametrize("text", HARMLESS)
def test_other_brackets_stay(text: str, turn: TurnSanitizer) -> None:
    assert turn.text(text) == text
    assert stream_through(turn, pieces(text, 1)) == text


def test_only_the_beginning_of_a_marker_is_kept_waiting(turn: TurnSanitizer) -> None:
    stream = turn.stream()
    assert stream.feed("(?) <") == "(?) "
    assert stream.feed("think") == ""
    assert stream.feed("er> (?)" + " " * MAX_HELD).startswith("<thinker> (?)")


def test_a_marker_in_quotes_is_a_mention_and_encloses_nothing(turn: TurnSanitizer) -> None:
    assert turn.text("Models write `<think>` first.") == f"Models write `{REPLACEMENT}` first."
    assert turn.text(f'It said "<think>{SECRET}') == f'It said "{REPLACEMENT}'
    assert turn.text('It said "<think>') == f'It said "{REPLACEMENT}'


def test_what_the_user_marked_may_be_said_back(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["Translate: <thinking>Hello  World</thinking>", "and what does `<think>` mean?"])
    for text in (
        "You wrote <thinking>Hello World</thinking>, and more.",
        "You wrote <THINKING>\nHello World</thinking>.",
        "It is `<think>` in prompts.",
        "It is a closing </thinking>.",
    ):
        assert turn.text(text) == text
        assert stream_through(turn, pieces(text, 2)) == text


def test_but_no_more_than_that(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["Translate: <thinking>Hello World</thinking>"])
    assert turn.text(f"<thinking>Hello {SECRET}</thinking> ok") == f"<thinking>Hello {REPLACEMENT} ok"
    assert turn.text(f"<think>{SECRET}</think> ok") == f"{REPLACEMENT} ok"
