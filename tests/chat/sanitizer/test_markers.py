import itertools

import pytest

from chat.sanitizer import MAX_ENCLOSED, MAX_HELD, REPLACEMENT, Sanitizer, TurnSanitizer
from tests.chat.sanitizer.leak_checks import SIZES, pieces, protected_runs, random_pieces, stream_through, streamed
from tests.chat.sanitizer.real_prompts import prompts

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


@pytest.mark.parametrize("opener", ["<thinking>", "< think >", "<think a=", "<think>x</thin", "&lt;reasoning&gt;"])
def test_a_tag_in_the_middle_that_is_never_closed_encloses_nothing(opener: str, turn: TurnSanitizer) -> None:
    for text in (f"Sure. {opener} {SECRET}", f"Sure. {opener} {SECRET * 200}"):
        assert turn.text(text) == text
        assert stream_through(turn, pieces(text, 3)) == text


@pytest.mark.parametrize("opener", ["[INST]", "<|im_start|>", "<<SYS>>", "<start_of_turn>", "◁think▷"])
def test_a_control_token_that_is_never_closed_goes_alone(opener: str, turn: TurnSanitizer) -> None:
    for rest in (f" {SECRET}", f" {SECRET * 200}"):
        assert turn.text(f"Sure. {opener}{rest}") == f"Sure. {REPLACEMENT}{rest}"
        assert stream_through(turn, pieces(f"Sure. {opener}{rest}", 3)) == f"Sure. {REPLACEMENT}{rest}"


def test_a_closer_counts_within_four_thousand_characters(turn: TurnSanitizer) -> None:
    near = f"Sure. <thinking>{'x' * (MAX_ENCLOSED - 20)}</thinking> Done."
    far = f"Sure. <thinking>{'x' * MAX_ENCLOSED}</thinking> Done."
    assert turn.text(near) == streamed(turn, near) == f"Sure. {REPLACEMENT} Done."
    assert streamed(turn, far) == far.replace("</thinking>", REPLACEMENT)


def test_a_pair_behind_a_lone_opener_goes(turn: TurnSanitizer) -> None:
    text = f"A <thought> in XML. <thinking>{SECRET}</thinking> Done."
    assert turn.text(text) == streamed(turn, text) == f"A <thought> in XML. {REPLACEMENT} Done."


def test_a_prompt_between_a_lone_opener_and_the_end_goes(sanitizer: Sanitizer, turn: TurnSanitizer) -> None:
    shown = stream_through(turn, pieces(f"A <thought> in XML. {prompts()['common.txt']}", 5))
    assert not protected_runs(sanitizer, shown)
    assert shown.startswith("A <thought> in XML. ")


@pytest.mark.parametrize(
    "block",
    [
        f"<think>{SECRET}</think>",
        f"<think>{SECRET * 200}</think>",
        f"\n\n<think>\n{SECRET}\n</think>\n\n",
        f"<think></think>\n<thinking a='b'>{SECRET}</thinking>  ",
        f"[THINK]{SECRET}[/THINK]",
        f"◁think▷{SECRET}◁/think▷\n",
        f"<|begin_of_thought|>{SECRET}<|end_of_thought|>\n\n",
        f"<|channel|>analysis<|message|>{SECRET}<|end|>",
        f"{SECRET}</think>\n\n"[:30] + "</think>\n\n",
    ],
)
def test_a_block_at_the_very_beginning_is_dropped(
    block: str, turn: TurnSanitizer, caplog: pytest.LogCaptureFixture
) -> None:
    assert turn.text(f"{block}You have two tasks.") == "You have two tasks."
    assert {record.rule for record in caplog.records} == {"reasoning_marker"}  # type: ignore[attr-defined]
    if "</think>" in block and "<" not in block[:30]:
        return
    for cut in ((pieces(f"{block}You have two tasks.", size)) for size in SIZES):
        assert stream_through(turn, cut) == "You have two tasks."


def test_reasoning_that_is_cut_off_at_the_beginning_is_all_dropped(turn: TurnSanitizer) -> None:
    assert turn.text(f"<think>{SECRET * 200}") == ""
    assert stream_through(turn, pieces(f" <think>{SECRET * 200}", 7)) == ""


def test_white_space_at_the_beginning_stays_where_no_block_follows(turn: TurnSanitizer) -> None:
    text = f"{' ' * 90}\n <thinker> has two tasks."
    assert turn.text(text) == stream_through(turn, pieces(text, 3)) == text


def test_a_block_after_an_action_is_dropped_too(turn: TurnSanitizer) -> None:
    stream = turn.stream()
    shown = [stream.feed("Let me look.")]
    stream.pause()
    shown += [stream.feed(piece) for piece in pieces(f"\n<think>{SECRET}</think>\n\nYou have two tasks.", 4)]
    assert "".join([*shown, stream.finish()]) == "Let me look.\nYou have two tasks."


@pytest.mark.parametrize("alone", ["[/INST]", "<|im_end|>", "<|endoftext|>", "<think/>"])
def test_a_marker_that_encloses_nothing_goes_alone(alone: str, turn: TurnSanitizer) -> None:
    assert turn.text(f"One{alone} two.") == f"One{REPLACEMENT} two."


@pytest.mark.parametrize("alone", ["</thinking>", "</think >", "[/THINK]"])
def test_before_a_closer_without_opener_all_is_reasoning(alone: str, turn: TurnSanitizer) -> None:
    text = f"{SECRET}. {SECRET}.{alone}\n\nYou have two tasks."
    assert turn.text(text) == "You have two tasks."
    # In a stream what is out is out; but it does not look like part of the answer.
    assert stream_through(turn, pieces(text, 4)) == text.replace(alone, REPLACEMENT)
    assert stream_through(turn, pieces(f"Hm.{alone}You have two tasks.", 4)) == "You have two tasks."


@pytest.mark.parametrize(
    "text",
    [
        "Models write `<think>` first, and then “</think>”.",
        "A block ends with </think>. Then comes the answer, as after </reasoning> in the other model.",
        "It is written <thinking>…</thinking> in the manual.",
        "```xml\n</thought>\n```",
        "Is 1 < think > 0? No: think is -1.",
        "A <thought> is no element of HTML; browsers show its text.",
        "return <Thought text={note.text} key={1} />;",
        "<Thought /> and <Reflection/> are components.",
    ],
)
def test_a_mention_stays(text: str, turn: TurnSanitizer) -> None:
    assert turn.text(text) == text
    assert all(stream_through(turn, pieces(text, size)) == text for size in SIZES)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_brackets_stay(text: str, turn: TurnSanitizer) -> None:
    assert turn.text(text) == text
    assert stream_through(turn, pieces(text, 1)) == text


def test_only_the_beginning_of_a_marker_is_kept_waiting(turn: TurnSanitizer) -> None:
    stream = turn.stream()
    assert stream.feed("(?) <") == "(?) "
    assert stream.feed("think") == ""
    assert stream.feed("er> (?)" + " " * MAX_HELD).startswith("<thinker> (?)")


def test_what_the_user_marked_may_be_said_back(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["Translate: <thinking>Hello  World</thinking>", "and what does `<think>` mean?"])
    for text in (
        "You wrote <thinking>Hello World</thinking>, and more.",
        "You wrote <THINKING>\nHello World</thinking>.",
        "You wrote <thinking>Hello  World, or so</thinking>.",
        "It is `<think>` in prompts.",
        "It is a closing </thinking>.",
    ):
        assert turn.text(text) == text
        assert stream_through(turn, pieces(text, 2)) == text


@pytest.mark.parametrize(
    "asked",
    [
        "Make XML of it, with <thinking> and <answer>.",
        "Use a thinking tag for it, please.",
        "Ein Element namens thinking gehört dazu.",
        "Un elemento thinking, per favore.",
        "What is &lt;thinking&gt;?",
    ],
)
def test_a_tag_that_the_user_named_comes_with_its_content(asked: str, sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn([asked])
    for text in (f"<thinking>{SECRET}</thinking> ok", f"Here: <thinking id='1'>\n{SECRET}\n</thinking> ok"):
        assert turn.text(text) == text
        assert stream_through(turn, pieces(text, 2)) == text
    assert turn.text(f"Here: <think>{SECRET}</think> ok") == f"Here: {REPLACEMENT} ok"


def test_a_named_tag_protects_no_prompt(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["Use <thinking>."])
    assert not protected_runs(sanitizer, turn.text(f"<thinking>{prompts()['common.txt']}</thinking>"))


def test_thinking_is_no_tag(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["I was thinking about the tags of my tasks."])
    assert turn.text(f"Sure. <thinking>{SECRET}</thinking>") == f"Sure. {REPLACEMENT}"
