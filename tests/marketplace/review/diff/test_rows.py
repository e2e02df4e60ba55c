"""Rows of a file's diff: which lines are there, what of them is marked, and what has no room."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.review.diff.line_diff import diff_lines
from marketplace.review.diff.rows import Room, Row, Sides, differing, render, rows_of

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=60)


def rendered(old: list[str], new: list[str], *, needle: str = "", room: Room | None = None) -> tuple[str, int]:
    blocks = diff_lines(old, new)
    sides = Sides(number=3, name="a.js", old=old, new=new, blocks=blocks, findings={}, needle=needle)
    return render(sides, room or Room())


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(old=LINES, new=LINES)
def test_every_changed_line_has_a_row_and_what_is_left_out_is_counted(old: list[str], new: list[str]) -> None:
    rows = list(rows_of(diff_lines(old, new)))
    for side, lines in (("old", old), ("new", new)):
        shown = [place for row in rows if (place := getattr(row, side)) is not None]
        skipped = sum(row.skipped for row in rows)
        assert shown == sorted(set(shown))
        if rows:
            assert len(shown) + skipped == len(lines)
    assert bool(rows) is (old != new)


def test_three_lines_around_a_change_are_shown() -> None:
    old = [str(number) for number in range(40)]
    new = [*old[:20], "new", *old[21:]]
    rows = list(rows_of(diff_lines(old, new)))
    assert rows[0] == Row(None, None, is_same=True, skipped=17)
    assert [row.new for row in rows[1:-1]] == list(range(17, 24))
    assert rows[-1].skipped == 16
    markup, unshown = rendered(old, new)
    assert 'id="f3-L21"' in markup
    assert 'id="f3-O21"' in markup
    assert unshown == 0


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("const a = 1;", "const a = 22;", ("1", "22")),
        ("const a = 1;", "const a = 1; b();", ("", " b();")),
        ("aaaa", "aaaaa", ("", "a")),
        ("send(x)", "while (true) { }", None),
    ],
)
def test_what_differs_within_a_line_is_marked(old: str, new: str, marked: tuple[str, str] | None) -> None:
    before, after = differing(old, new)
    if marked is None:
        assert before is after is None
    else:
        assert before is not None
        assert after is not None
        assert (old[slice(*before)], new[slice(*after)]) == marked


@given(head=st.text(max_size=9), tail=st.text(max_size=9), one=st.text(max_size=3), other=st.text(max_size=3))
def test_marks_leave_what_both_begin_and_end_with(head: str, tail: str, one: str, other: str) -> None:
    old, new = head + one + tail, head + other + tail
    before, after = differing(old, new)
    if before is not None and after is not None:
        assert old[: before[0]] == new[: after[0]]
        assert old[before[1] :] == new[after[1] :]


def test_in_a_line_of_a_megabyte_the_change_is_seen() -> None:
    old = "x=1;" * 250_000
    new = old[:700_000] + "EVIL();" + old[700_000:]
    markup, _ = rendered([old], [new])
    assert "<mark>EVIL();</mark>" in markup
    assert text_of(markup).count("characters are not shown⟩") == 4
    assert len(markup) < 4000


@given(head=st.integers(0, 3000), tail=st.integers(0, 3000), one=st.integers(0, 5000), other=st.integers(1, 5000))
def test_of_a_long_line_both_ends_of_what_differs_are_shown(head: int, tail: int, one: int, other: int) -> None:
    old, new = ("h" * head + "<" + middle + ">" + "t" * tail for middle in ("o" * one, "(" + "n" * other + ")"))
    markup, _ = rendered([old], [new])
    (shown,) = re.findall(r'<td class="c w add">(.*?)</td>', markup)
    marked = text_of("".join(re.findall(r"<mark>(.*?)</mark>", shown)))
    whole = re.sub(r"⟨(\d+) characters are not shown⟩", lambda cut: "." * int(cut[1]), text_of(shown))
    assert len(whole) == len(new)
    assert len(text_of(shown)) < 3000
    assert all(a in (".", b) for a, b in zip(whole, new, strict=True))
    if marked:
        assert (marked[0], marked[-1]) == ("(", ")")


def test_texts_are_no_markup() -> None:
    markup, _ = rendered(["<b>&amp;"], ["<script>alert(1)</script>\u202e"], needle="alert")
    assert "<script" not in markup
    assert "&lt;b&gt;&amp;amp;" in markup
    assert "⟨U+202E⟩" in markup
    assert 'class="chg hit"' in markup


def test_what_has_no_room_is_counted() -> None:
    new = [f"line {number}" for number in range(1000)]
    markup, unshown = rendered([], new, room=Room(characters=100))
    assert markup.count("<tr") == 200
    assert unshown == 800
