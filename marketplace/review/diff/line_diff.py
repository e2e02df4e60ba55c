"""Which lines became which, at a cost that no author decides.

Lines that are there once on both sides are anchors (patience diff); between them the shortest edit script is looked for
(E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986). Every comparison of lines counts against an
``Effort``. Once that is used up, what is still open counts as replaced as a whole: coarser, and still right.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

# Of comparisons: about 0.1 s for a page, and a quarter of it for one stretch between two anchors.
PAGE_EFFORT: Final = 600_000
STRETCH_EFFORT: Final = 150_000


@dataclass(slots=True)
class Effort:
    """Comparisons that may still be made."""

    left: int = PAGE_EFFORT

    def spend(self, steps: int) -> bool:
        """False once it is used up."""
        self.left -= steps
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Block:
    """``old[old_start:old_end]`` became ``new[new_start:new_end]``; half-open, from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int
    is_same: bool


def diff_lines(old: Sequence[str], new: Sequence[str], effort: Effort | None = None) -> list[Block]:
    """Blocks that cover both sides in their order; no two neighbours are of the same kind."""
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(line, len(numbers)) for line in old]
    b = [numbers.setdefault(line, len(numbers)) for line in new]
    pairs = sorted(_match(a, b, effort or Effort()))
    return _blocks(pairs, len(a), len(b))


def _blocks(pairs: list[tuple[int, int]], old_count: int, new_count: int) -> list[Block]:
    """``pairs`` rise on both sides; what lies between two of them was replaced."""
    blocks: list[Block] = []
    at = bt = 0
    for i, j in pairs:
        if (i, j) != (at, bt):
            blocks.append(Block(at, i, bt, j, is_same=False))
        last = blocks[-1] if blocks else None
        if last and last.is_same:
            blocks[-1] = Block(last.old_start, i + 1, last.new_start, j + 1, is_same=True)
        else:
            blocks.append(Block(i, i + 1, j, j + 1, is_same=True))
        at, bt = i + 1, j + 1
    if (at, bt) != (old_count, new_count):
        blocks.append(Block(at, old_count, bt, new_count, is_same=False))
    return blocks


_Range = tuple[int, int, int, int]


def _match(a: list[int], b: list[int], effort: Effort) -> list[tuple[int, int]]:
    """Pairs of places with the same line, rising on both sides."""
    pairs: list[tuple[int, int]] = []
    waiting: list[_Range] = [(0, len(a), 0, len(b))]
    while waiting:
        lo, hi, blo, bhi = waiting.pop()
        while lo < hi and blo < bhi and a[lo] == b[blo]:
            pairs.append((lo, blo))
            lo, blo = lo + 1, blo + 1
        while lo < hi and blo < bhi and a[hi - 1] == b[bhi - 1]:
            hi, bhi = hi - 1, bhi - 1
            pairs.append((hi, bhi))
        if lo == hi or blo == bhi or not effort.spend(hi - lo + bhi - blo):
            continue
        anchors = _anchors(a, b, (lo, hi, blo, bhi))
        if anchors:
            pairs += anchors
            stops = [(lo - 1, blo - 1), *anchors, (hi, bhi)]
            waiting += [(i + 1, x, j + 1, y) for (i, j), (x, y) in pairwise(stops)]
        else:
            found = _shortest(a[lo:hi], b[blo:bhi], effort)
            pairs += [(lo + i, blo + j) for i, j in found]
    return pairs


def _anchors(a: list[int], b: list[int], within: _Range) -> list[tuple[int, int]]:
    """The longest rising run of lines that both sides have exactly once."""
    lo, hi, blo, bhi = within
    once_a, once_b = Counter(a[lo:hi]), Counter(b[blo:bhi])
    place = {b[j]: j for j in range(blo, bhi) if once_b[b[j]] == 1}
    both = [(i, place[a[i]]) for i in range(lo, hi) if once_a[a[i]] == 1 and a[i] in place]
    # The longest increasing subsequence by patience sorting: each pile's top, and who lay under whom.
    tops: list[int] = []
    piles: list[int] = []
    under: list[int] = []
    for at, (_, j) in enumerate(both):
        pile = bisect_left(tops, j)
        under.append(piles[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(j)
            piles.append(at)
        else:
            tops[pile], piles[pile] = j, at
    run: list[tuple[int, int]] = []
    at = piles[-1] if piles else -1
    while at >= 0:
        run.append(both[at])
        at = under[at]
    return run[::-1]


def _shortest(a: list[int], b: list[int], effort: Effort) -> list[tuple[int, int]]:
    """Myers' greedy algorithm; nothing where it costs too much."""
    n, m = len(a), len(b)
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    left = STRETCH_EFFORT
    for d in range(n + m + 1):
        steps = 0
        reached: dict[int, int] = {}
        for k in range(-d, d + 1, 2):
            steps += 1
            down = k == -d or (k != d and furthest.get(k - 1, -1) < furthest.get(k + 1, -1))
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            while x < n and y < m and a[x] == b[y]:
                x, y, steps = x + 1, y + 1, steps + 1
            reached[k] = x
            if x >= n and y >= m:
                return _walk_back([*trace, furthest], n, m)
        trace.append(furthest)
        furthest = reached
        left -= steps
        if left < 0 or not effort.spend(steps):
            break
    return []


def _walk_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for d in range(len(trace) - 1, -1, -1):
        before, k = trace[d], x - y
        down = k == -d or (k != d and before.get(k - 1, -1) < before.get(k + 1, -1))
        start_k = k + 1 if down else k - 1
        start_x = before[start_k]
        for _ in range(x - (start_x if down else start_x + 1)):  # the diagonal behind the step
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = start_x, start_x - start_k
    return pairs
