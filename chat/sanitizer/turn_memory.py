"""What a turn has told so far in the strings of its actions and records, each of which may be harmless by itself."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from chat.sanitizer.escapes import decode
from chat.sanitizer.folding import FOLDED, SYMBOL_LETTERS, fold, separate_words
from chat.sanitizer.ngrams import GramIndex
from chat.sanitizer.prompt_runs import PromptRunScanner
from chat.sanitizer.slices import ProtectedWords, SliceMatcher
from chat.sanitizer.user_texts import UserTexts

# Of what came before, in characters: a run has 24 letters, perhaps with a number after each.
_MAX_TAIL = 120
# Fields that differ only in their number are one; more than these are not told apart.
_MAX_FIELDS = 32
# Values that no slice is told in: ids, dates, the words of an enumeration.
_NO_PROSE = re.compile(r"[0-9a-fA-F-]{32,36}|\d{4}-\d\d-\d\d.*|[a-z]+(_[a-z]+)*", re.DOTALL)

Range = tuple[int, int]


class Leaf(NamedTuple):
    """A string in a JSON value with the name of its field, "" outside objects."""

    field: str
    text: str


def leaves_of(value: Any, name: str = "") -> Iterator[Leaf]:
    """The strings of a JSON value in their order; items of lists have the name of the list."""
    if isinstance(value, str):
        yield Leaf(name, value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves_of(item, re.sub(r"\d+", "", str(key)))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves_of(item, name)


@dataclass(slots=True)
class _Track:
    """One way of reading the strings of a turn one after another: all of them, or those of one field."""

    slices: SliceMatcher
    tail: str = ""
    # Where in this value each of its words stands: by its number the string, the start and the end.
    words: dict[int, tuple[int, int, int]] = field(default_factory=dict)


class TurnMemory:
    def __init__(self, index: GramIndex, words: ProtectedWords, user: UserTexts) -> None:
        self._index = index
        self._words = words
        self._user = user
        # Of all that is told, the turn's text included.
        self.slices = SliceMatcher(words, user)
        self._all = _Track(self.slices)
        self._fields: dict[str, _Track] = {}

    def find(self, leaves: Sequence[Leaf]) -> list[list[Range]]:
        """The ranges of each of ``leaves`` that tell a prompt together with others, earlier values included."""
        found: list[list[Range]] = [[] for _ in leaves]
        prose = [number for number, leaf in enumerate(leaves) if not _NO_PROSE.fullmatch(leaf.text)]
        told_before = self._all.tail
        self._read(self._all, prose, leaves, found)
        by_field: dict[str, list[int]] = {}
        for number, leaf in enumerate(leaves):
            by_field.setdefault(leaf.field, []).append(number)
        for name, numbers in by_field.items():
            track = self._track_of(name)
            is_same = numbers == prose and track.tail == told_before
            self._read(track, numbers, leaves, found, has_runs=not is_same)
        return found

    def _track_of(self, name: str) -> _Track:
        if name not in self._fields and len(self._fields) >= _MAX_FIELDS:
            name = ""
        return self._fields.setdefault(name, _Track(SliceMatcher(self._words, self._user)))

    def _read(
        self,
        track: _Track,
        numbers: list[int],
        leaves: Sequence[Leaf],
        found: list[list[Range]],
        *,
        has_runs: bool = True,
    ) -> None:
        """Without ``has_runs`` another track has read the same."""
        texts = [track.tail, *(leaves[number].text for number in numbers)]
        if has_runs and sum(map(bool, texts)) > 1:
            for number, text_range in self._find_runs(texts):
                if number:
                    found[numbers[number - 1]].append(text_range)
        track.tail = "\n".join(texts)[-_MAX_TAIL:]
        for number in numbers:
            self._compare_words(track, number, leaves[number].text, found)
        track.words.clear()

    def _find_runs(self, texts: Sequence[str]) -> Iterator[tuple[int, Range]]:
        """The number of a text and the range in it, for each run of a prompt in them together."""
        whole = "".join(texts)
        if not self._may_hold_run(whole):
            return
        starts = list(accumulate(map(len, texts), initial=0))
        runs = PromptRunScanner(self._index, self._user)
        for place, character in enumerate(whole):
            run = runs.push(character, FOLDED[character], place)
            if run is None or run.allowed:
                continue
            run_end = place + 1 - run.behind
            first, last = bisect_right(starts, run.start) - 1, bisect_right(starts, run_end - 1) - 1
            for number in range(first, last + 1):
                start, end = starts[number], starts[number + 1]
                yield number, (max(run.start, start) - start, min(run_end, end) - start)

    def _may_hold_run(self, text: str) -> bool:
        """Whether any reading of ``PromptRunScanner`` finds something; much faster than it where none does."""
        readings = {
            fold(text),
            fold(decode(text)),
            "".join(FOLDED[character] for character in text if not character.isnumeric()),
            "".join(SYMBOL_LETTERS.get(character, FOLDED[character]) for character in text),
        }
        return any(next(self._index.common_with(reading), None) for reading in readings)

    def _compare_words(self, track: _Track, number: int, text: str, found: list[list[Range]]) -> None:
        separated = separate_words(text)
        words = separated.split()
        place = 0
        for word_number, word in enumerate(words, track.slices.count):
            place = separated.index(word, place)
            track.words[word_number] = (number, place, place + len(word))
            place += len(word)
        for told in track.slices.push(words):
            if told.number not in track.words:
                continue
            leaf, start, end = track.words[told.number]
            before = track.words.get(told.before)
            found[leaf].append((before[2] if before and before[0] == leaf else start, end))
