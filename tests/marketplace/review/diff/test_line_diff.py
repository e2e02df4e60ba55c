"""The comparison of lines: right whatever it is given, short where that is cheap, and never dear."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.review.diff.line_diff import PAGE_EFFORT, Block, Effort, diff_lines

Lines = list[str]
FEW = st.lists(st.sampled_from("abc"), max_size=30)
MANY = st.lists(st.text(max_size=2), max_size=30)


def apply_blocks(old: Lines, new: Lines, blocks: list[Block]) -> Lines:
    """``old`` with what the blocks say has changed."""
    lines: Lines = []
    for block in blocks:
        source, start, end = (
            (old, block.old_start, block.old_end) if block.is_same else (new, block.new_start, block.new_end)
        )
        lines += source[start:end]
    return lines


def kept(blocks: list[Block]) -> int:
    return sum(block.old_end - block.old_start for block in blocks if block.is_same)


def longest_common(old: Lines, new: Lines) -> int:
    rows = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, one in enumerate(old):
        for j, other in enumerate(new):
            rows[i + 1][j + 1] = rows[i][j] + 1 if one == other else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(old=FEW | MANY, new=FEW | MANY, effort=st.integers(0, 200) | st.just(PAGE_EFFORT))
def test_applied_to_the_old_text_it_gives_the_new_one_whatever_it_may_cost(old: Lines, new: Lines, effort: int) -> None:
    blocks = diff_lines(old, new, Effort(effort))
    assert apply_blocks(old, new, blocks) == new
    at = (0, 0)
    for block in blocks:
        assert (block.old_start, block.new_start) == at
        at = (block.old_end, block.new_end)
    assert all(one.is_same is not following.is_same for one, following in pairwise(blocks))
    assert at == (len(old), len(new))


@given(old=st.lists(st.sampled_from("ab"), min_size=3, max_size=12).map(lambda one: one * 2), new=FEW)
def test_without_lines_that_are_there_once_it_is_the_shortest(old: Lines, new: Lines) -> None:
    assert kept(diff_lines(old, new * 2)) == longest_common(old, new * 2)


@given(text=st.lists(st.integers().map(str), unique=True, min_size=2, max_size=40), data=st.data())
def test_a_line_that_comes_in_is_all_that_changes(text: Lines, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    changed = [block for block in diff_lines(text, [*text[:at], "new", *text[at:]]) if not block.is_same]
    assert changed == [Block(at, at, at, at + 1, is_same=False)]


def test_the_same_text_and_no_text_change_nothing() -> None:
    assert diff_lines(["a", "b"], ["a", "b"]) == [Block(0, 2, 0, 2, is_same=True)]
    assert diff_lines([], []) == []
    assert diff_lines([], ["a"]) == [Block(0, 0, 0, 1, is_same=False)]


def hostile(kind: str) -> tuple[Lines, Lines]:
    dice = random.Random(7)  # noqa: S311 - no secret
    match kind:
        case "random":
            return [str(dice.randrange(50)) for _ in range(20_000)], [str(dice.randrange(50)) for _ in range(20_000)]
        case "alternating":
            return ["{", "}"] * 10_000, ["}", "}", "{"] * 6_000
    numbers = [str(number) for number in range(20_000)]
    return numbers, numbers[::-1]


@pytest.mark.parametrize("kind", ["random", "alternating", "backwards"])
def test_what_would_take_minutes_counts_as_replaced(kind: str) -> None:
    """20,000 lines against as many: the algorithm alone would make 100 million steps."""
    old, new = hostile(kind)
    effort = Effort()
    assert apply_blocks(old, new, diff_lines(old, new, effort)) == new
    assert effort.left > -PAGE_EFFORT


def test_files_of_one_page_share_their_effort() -> None:
    old, new = hostile("random")
    effort = Effort()
    for _ in range(20):
        diff_lines(old, new, effort)
    assert effort.left < 0
    assert [block.is_same for block in diff_lines(["a", "x", "y", "b"], ["a", "y", "x", "b"], effort)] == [
        True,
        False,
        True,
    ]
