"""Finds a prompt that is told in slices: its words in order, with other words between them.

The words may be numbered, stand in the cells of a table, in fields of JSON or in one action after another. Of a text it
is known for each protected text how far its words have come, as in a local alignment (Smith and Waterman 1981): a word
that goes on gains its letters, a new word between costs some, as does one of the prompt's that was left out. One that
was between before costs nothing, nor do as many words as came between the last time: the fillers of slices repeat or
stand in a regular structure, and those of ordinary sentences do neither.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chat.sanitizer.folding import separate_words
from chat.sanitizer.user_texts import UserTexts

# In letters. Ordinary texts about the same things, megabytes of them, stay under 28.
_ENOUGH = 32
_WARM = _ENOUGH // 2
_MOST = _ENOUGH + 12
_MAX_WORD_VALUE = 7
_MAX_FILLER_COST = 3
# New fillers may come before the prompt's next words.
_MOST_DEBT = -12
_MAX_GAP = 8
# A telling begins at a word of at least 4 letters that the protected texts have at most 4 times, when the 4 words after
# it come within 18: nearly no word of an ordinary text does.
_MIN_FIRST_WORD = 4
_MAX_PLACES = 4
_FOLLOWERS = 4
_WINDOW = 18
# One of them may be left out, and so may one or two of the prompt's words later on, after as many as this in a row.
_MAY_LACK = 1
_LEFT_OUT = (1, 2)
_LEFT_OUT_COST = 1
_TOGETHER = 1
# Where few words repeat between those of a prompt, such as the names of fields, they come within as many as this.
_LONG_WINDOW = 54
_MANY_REPEATS = 1.5
_MAX_CHAINS = 12
# As many as a block of a stream has; a longer text is read in such parts.
_AT_ONCE = 32
# The user wrote it when they wrote this many of its words in a row.
_QUOTED_WORDS = 6


class ProtectedWords:
    """The words of the protected texts, one after another."""

    __slots__ = ("first_words", "followers", "phrase_ends", "public", "words")

    def __init__(self, texts: Iterable[str], *, public: Iterable[str] = (), ordinary: Iterable[str] = ()) -> None:
        """Lines that several texts have count once. ``public`` texts may be said, ``ordinary`` ones by themselves."""
        lines = dict.fromkeys(line for text in texts for line in (*text.splitlines(), ""))
        self.words: tuple[str, ...] = ("", *(word for line in lines for word in separate_words(line).split()), "")
        self.public = " ".join("".join(separate_words(text).split()) for text in public)
        frequency = Counter(self.words)
        places: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            if len(word) >= _MIN_FIRST_WORD and frequency[word] <= _MAX_PLACES:
                places.setdefault(word, []).append(place)
        # Where each of them is, and what must come after it, with the rarest of that, which is looked for first.
        self.followers = {
            word: [
                (place, min(after, key=frequency.__getitem__), frozenset(after))
                for place in found
                for after in [self.words[place + 1 : place + 1 + _FOLLOWERS]]
            ]
            for word, found in places.items()
        }
        self.first_words = frozenset(self.followers)
        self.phrase_ends = self._find_phrases(separate_words(phrase).split() for phrase in ordinary)

    def _find_phrases(self, phrases: Iterable[list[str]]) -> dict[int, int]:
        """For each place in a phrase the end of that phrase, of the longest where there are several."""
        starts: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            starts.setdefault(word, []).append(place)
        ends: dict[int, int] = {}
        for phrase in phrases:
            for start in starts.get(phrase[0], ()):
                end = start + len(phrase)
                if list(self.words[start:end]) == phrase:
                    for place in range(start, end):
                        ends[place] = max(end, ends.get(place, 0))
        return ends


class Told(NamedTuple):
    """The ``number`` of a word that tells a prompt, and of the prompt's word before it, -1 where that was not told."""

    number: int
    before: int


class _Chain:
    """How far one protected text has come. ``told``: numbers and places of its words that have not been reported."""

    __slots__ = ("fillers", "gap", "is_over", "last", "last_gap", "next", "score", "spent", "together", "told")

    def __init__(self, *, place: int, number: int, score: int) -> None:
        self.next = place + 1
        self.score = score
        # Of words between since the prompt's last, what they have cost, and how many they were the time before.
        self.gap = self.spent = self.last_gap = 0
        self.is_over = False
        self.fillers: set[str] = set()
        self.told = [(number, place)]
        self.last = -1
        # How many words have come since the last that was left out.
        self.together = 1

    def find_ahead(self, word: str, sequence: Sequence[str]) -> int:
        """How many of the prompt's words were left out before ``word``; 0 where it does not go on with it."""
        if len(word) < _MIN_FIRST_WORD or self.together < _TOGETHER:
            return 0
        return next((left for left in _LEFT_OUT if sequence[self.next + left : self.next + left + 1] == (word,)), 0)

    def leave_out(self, count: int) -> None:
        self.next += count
        self.score -= _LEFT_OUT_COST * count
        self.together = 0

    def advance(self, number: int, value: int) -> None:
        self.told.append((number, self.next))
        self.next += 1
        if self.gap == self.last_gap:
            # A place in a regular structure, such as a column of a table, is no filler of ordinary prose.
            value += self.spent
        self.last_gap, self.gap, self.spent = self.gap, 0, 0
        self.together += 1
        self.score = min(self.score + value, _MOST)

    def fill(self, word: str) -> bool:
        """Whether the chain still holds after another word."""
        self.gap += 1
        if word not in self.fillers:
            self.fillers.add(word)
            cost = min(len(word), _MAX_FILLER_COST)
            self.score -= cost
            self.spent += cost
        return self.score >= _MOST_DEBT and self.gap <= _MAX_GAP


class SliceMatcher:
    """Of a turn, or of one field of its actions: reads words in the order in which they are told."""

    __slots__ = ("_begun", "_chains", "_heard", "_protected", "_user", "count", "is_warm")

    def __init__(self, protected: ProtectedWords, user: UserTexts) -> None:
        self._protected = protected
        self._user = user
        self._chains: list[_Chain] = []
        # The words before the next, and where in the protected texts which of them have begun a chain.
        self._heard: list[str] = []
        self._begun: set[tuple[int, int]] = set()
        # Words read so far, which is the number of the next.
        self.count = 0
        # Whether more of the same will be a telling.
        self.is_warm = False

    def push(self, words: list[str]) -> list[Told]:
        """The words that are found to tell a prompt, perhaps earlier ones too, in their order."""
        found: list[Told] = []
        if len(words) <= _AT_ONCE:
            self._push(words, found)
        else:
            for start in range(0, len(words), _AT_ONCE):
                self._push(words[start : start + _AT_ONCE], found)
        if found:
            found.sort()
        return found

    def _push(self, words: list[str], found: list[Told]) -> None:
        heard = self._heard + words
        first = self.count - len(self._heard)
        for chain in self._chains:
            self._follow(chain, heard, first, self.count, found)
        seen = set(heard)
        followers_of = self._protected.followers
        for word in seen & self._protected.first_words:
            for place, rarest, followers in followers_of[word]:
                if rarest in seen and len(followers - seen) <= _MAY_LACK:
                    self._begin(word, place, heard, first, found)
        self.count += len(words)
        repeats = len(words) > _MANY_REPEATS * len(set(words))
        self._heard = heard[-_LONG_WINDOW if repeats else -_WINDOW :]
        if self._begun or self._chains:
            self._chains = sorted((chain for chain in self._chains if not chain.is_over), key=_sort_key)[:_MAX_CHAINS]
            self.is_warm = any(chain.score >= _WARM for chain in self._chains)
            self._begun = {begun for begun in self._begun if begun[0] >= self.count - _LONG_WINDOW}

    def _begin(self, word: str, place: int, heard: Sequence[str], first: int, found: list[Told]) -> None:
        """At each ``word`` of ``heard``, whose numbers begin with ``first``."""
        for number, other in enumerate(heard, first):
            if other == word and (number, place) not in self._begun:
                self._begun.add((number, place))
                chain = _Chain(place=place, number=number, score=min(len(word), _MAX_WORD_VALUE))
                self._chains.append(chain)
                self._follow(chain, heard, first, number + 1, found)

    def _follow(self, chain: _Chain, heard: Sequence[str], first: int, start: int, found: list[Told]) -> None:
        """Through ``heard``, whose numbers begin with ``first``, from the number ``start`` on."""
        sequence = self._protected.words
        for number in range(start, first + len(heard)):
            word = heard[number - first]
            if sequence[chain.next] != word and (left_out := chain.find_ahead(word, sequence)):
                chain.leave_out(left_out)
            if sequence[chain.next] == word:
                chain.advance(number, min(len(word), _MAX_WORD_VALUE))
                if chain.score >= _ENOUGH:
                    self._report(chain, heard[: number - first + 1], found)
            elif not chain.fill(word):
                chain.is_over = True
                return

    def _report(self, chain: _Chain, heard: Sequence[str], found: list[Told]) -> None:
        begin, end = chain.told[0][1], chain.told[-1][1]
        if chain.last < 0 and end < self._protected.phrase_ends.get(begin, 0):
            return  # by itself it is ordinary speech
        is_quotation = self._user.wrote_letters("".join(heard[-_QUOTED_WORDS:]))
        for number, place in chain.told:
            if is_quotation or self._may_be_said(place):
                chain.last = -1
            else:
                found.append(Told(number, chain.last))
                chain.last = number
        chain.told = []

    def _may_be_said(self, place: int) -> bool:
        """Whether the user or a public text has the prompts' word at ``place`` among enough of those around it."""
        for start in range(max(place - _QUOTED_WORDS + 1, 0), place + 1):
            letters = "".join(self._protected.words[start : start + _QUOTED_WORDS])
            if self._user.wrote_letters(letters) or letters in self._protected.public:
                return True
        return False


def _sort_key(chain: _Chain) -> tuple[int, int]:
    return -chain.score, chain.next
