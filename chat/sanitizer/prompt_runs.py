"""Finds runs of the protected prompts in a stream, and how much of its end could still become one."""

from collections import deque
from dataclasses import dataclass

from chat.sanitizer.folding import SYMBOL_LETTERS
from chat.sanitizer.ngrams import GRAM, PIECE, GramIndex
from chat.sanitizer.user_texts import UserTexts

# Consecutive pieces that a whole gram is made of.
_PIECES = GRAM - PIECE + 1


@dataclass(frozen=True, slots=True)
class PromptRun:
    """A protected run from ``start`` to the character just read; ``allowed``: the user wrote it."""

    start: int
    allowed: bool = False


class _Lane:
    """One reading of the stream: its last folded characters, and where in the raw text each of them came from."""

    __slots__ = ("_index", "places", "run", "window")

    def __init__(self, index: GramIndex) -> None:
        self._index = index
        self.window = ""
        self.places: deque[int] = deque(maxlen=GRAM)
        self.run = 0

    def copy(self) -> "_Lane":
        twin = _Lane(self._index)
        twin.window, twin.places, twin.run = self.window, self.places.copy(), self.run
        return twin

    def push(self, letter: str, place: int) -> bool:
        """Whether the last ``GRAM`` characters are a protected run."""
        self.window = window = (self.window + letter)[-GRAM:]
        self.places.append(place)
        if not self._index.may_hold(window[-PIECE:]):
            self.run = 0
            return False
        self.run += 1
        return self.run >= _PIECES and window in self._index

    def hold(self, end: int) -> int:
        """The index of the first character that may still be part of a run; ``end`` if there is none."""
        count = min(self.run + PIECE - 1, GRAM - 1, len(self.places))
        return self.places[-count] if count else end


class PromptRunScanner:
    """Reads each character once, and a second time with its letter where a symbol could be leet ("@" for a)."""

    __slots__ = ("_exempt_until", "_leet", "_leet_left", "_plain", "_user")

    def __init__(self, index: GramIndex, user: UserTexts) -> None:
        self._user = user
        self._plain = _Lane(index)
        self._leet: _Lane | None = None
        self._leet_left = 0
        self._exempt_until = 0

    def push(self, character: str, folded: str, place: int) -> PromptRun | None:
        """The protected run that ends with this character, if any."""
        if self._leet is None and len(folded) == 1:
            # Nearly every character: the general way below costs twice as much.
            return self._judge(self._plain, place) if self._plain.push(folded, place) else None
        run = None
        for letter in folded:
            run = self._read(self._plain, letter, place) or run
            if self._leet is not None:
                leet = self._read(self._leet, letter, place)
                run = run or leet
                self._leet_left -= 1
                if not self._leet_left:
                    self._leet = None
        if not folded and character in SYMBOL_LETTERS:
            self._leet = self._leet or self._plain.copy()
            # When the symbol has left the window, both lanes are the same again.
            self._leet_left = GRAM
            run = self._read(self._leet, SYMBOL_LETTERS[character], place)
        return run

    def hold(self, end: int) -> int:
        place = self._plain.hold(end)
        return place if self._leet is None else min(place, self._leet.hold(end))

    def _read(self, lane: _Lane, letter: str, place: int) -> PromptRun | None:
        return self._judge(lane, place) if lane.push(letter, place) else None

    def _judge(self, lane: _Lane, place: int) -> PromptRun:
        if self._user.wrote_gram(lane.window):
            self._exempt_until = place + 1
            return PromptRun(lane.places[0], allowed=True)
        return PromptRun(max(lane.places[0], self._exempt_until))
