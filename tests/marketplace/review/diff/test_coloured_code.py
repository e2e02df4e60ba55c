"""Code in colours is the code, whole and harmless."""

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.review.diff.coloured_code import Palette, paint, paint_lines
from marketplace.review.page import visible

NAMES = st.sampled_from(
    ["a.js", "a.ts", "a.html", "a.css", "a.json", "a.md", "a.svg", "a.yml", "a.py", "a.unknown", "js"]
)
CODE = st.text() | st.lists(
    st.sampled_from(
        ["/*", "*/", "`", "${", "}", '"', "'", "\\", "\n", "<script>", "</", "// x", "function f", "1", "\u202e"]
    )
).map("".join)


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(text=CODE, name=NAMES)
def test_the_colours_leave_every_character_where_it_was(text: str, name: str) -> None:
    lines = [str(line) for line in paint_lines(text, name=name)]
    assert [text_of(line) for line in lines] == visible(text).removesuffix("\n").split("\n")
    tags = {tag for line in lines for tag in re.findall(r"<[^>]*>", line)}
    assert all(re.fullmatch(r'<span class="t[a-z]">|</span>|<b class="hid">|</b>', tag) for tag in tags)


@given(text=st.text("ab<&⟨", max_size=30), data=st.data())
def test_a_mark_is_around_what_differs(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    half = data.draw(st.integers(0, len(text)))
    markup = paint([("tk", text[:half]), ("", text[half:])], (start, end))
    assert text_of(markup) == text
    assert "".join(map(text_of, re.findall(r"<mark>(.*?)</mark>", markup))) == text[start:end]


def test_comments_strings_and_keywords_have_colours() -> None:
    (first, second) = paint_lines('const a = "b"; // c\n/* d */\n', name="main.js")
    for part in ('<span class="tk">const', '<span class="ts">"b"</span>', '<span class="tc">// c</span>'):
        assert part in first
    assert second == '<span class="tc">/* d */</span>'


@pytest.mark.parametrize("text", ["x\u202ey", "// \u202e", '"\u200b"', "\u2066"])
def test_what_would_hide_is_one_sign_in_every_colour(text: str) -> None:
    (line,) = paint_lines(text, name="main.js")
    assert re.search(r'<b class="hid">⟨U\+20[0-9A-F]{2}⟩</b>', line)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.js", '"\\' * 249),
        ("a.ts", "." * 499),
        ("a.html", "<?" * 249),
        ("a.css", '"\\' * 249),
        ("a.js", '"\\' * 100_000),
        ("a.md", "```pawn\n" + "/**/" * 28 + "x\n```"),  # by that language's lexer: a minute for one fence
    ],
)
def test_code_made_to_be_slow_costs_no_more_than_other_code(name: str, line: str) -> None:
    """Lexed at once, 200 KB of each would take from one to five minutes."""
    lines = line.split("\n") * (200_000 // len(line))
    started = time.thread_time()
    coloured = Palette().colour(lines, name)
    assert time.thread_time() - started < 5
    assert ["".join(text for _, text in segments) for segments in coloured] == lines


def test_a_page_that_has_used_up_its_time_has_plain_text() -> None:
    assert Palette(max_seconds=0).colour(["const a = 1;"], "a.js") == [[("", "const a = 1;")]]
