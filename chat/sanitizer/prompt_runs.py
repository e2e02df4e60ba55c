"""Finds runs of the protected prompts in a stream, and how much of its end could still become one."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chat.sanitizer.escapes import ESCAPING, EscapeReader
from chat.sanitizer.folding import FOLDED, SYMBOL_LETTERS, fold
from chat.sanitizer.ngrams import GRAM, PIECE, SCHEMA_WEIGHT, GramIndex
from chat.sanitizer.user_texts import UserTexts

# Consecutive pieces that a whole gram is made of.
PIECES = GRAM - PIECE + 1
# At the end these are no piece yet.
UNREAD = PIECE - 1


@dataclass(frozen=True, slots=True)
class PromptRun:
    """A protected run from ``start`` to the character just read, or to ``behind`` characters before its end;
    ``allowed``: the user wrote it.
    """

    start: int
    allowed: bool = False
    rule: str = "system_prompt"
    behind: int = 0


class _Lane:
    """One reading of the stream: its last folded characters, and where in the raw text each of them came from."""

    __slots__ = ("_index", "places", "run", "schema_start", "schema_weight", "window")

    def __init__(self, index: GramIndex) -> None:
        self._index = index
        self.window = ""
        self.places: deque[int] = deque(maxlen=GRAM)
        self.run = 0
        # Of the grams of a schema that came in a row, and where the first of them began.
        self.schema_weight = self.schema_start = 0

    def copy(self) -> "_Lane":
        twin = _Lane(self._index)
        twin.window, twin.places, twin.run = self.window, self.places.copy(), self.run
        twin.schema_weight, twin.schema_start = self.schema_weight, self.schema_start
        return twin

    def push(self, letter: str, place: int) -> PromptRun | None:
        """The protected run that ends here, if any."""
        self.window = window = (self.window + letter)[-GRAM:]
        self.places.append(place)
        if not self._index.may_hold(window[-PIECE:]):
            self.run = self.schema_weight = 0
            return None
        self.run += 1
        if self.run < PIECES:
            return None
        if window in self._index:
            return PromptRun(self.places[0])
        weight = self._index.weigh_schema(window)
        if not weight:
            self.schema_weight = 0
            return None
        if not self.schema_weight:
            self.schema_start = self.places[0]
        self.schema_weight += weight
        return PromptRun(self.schema_start, rule="tool_schema") if self.schema_weight >= SCHEMA_WEIGHT else None

    def push_all(self, letters: str, places: Iterable[int]) -> None:
        """As ``push`` for each of ``letters``, none of which completes a gram: how many are still held is all that has
        to be found out, from the end backwards.
        """
        window = self.window + letters
        self.window = window[-GRAM:]
        self.places.extend(places)
        self.schema_weight = 0
        count = len(letters)
        held = self._index.count_held(window, count)
        self.run = self.run + count if held == count else held

    def tells_no_more(self, left: int) -> bool:
        """Whether no run can hold what made this reading differ, which leaves the window after ``left`` more letters.

        A run would have a piece in common with the last letters, which are in none.
        """
        return left <= 0 or (not self.run and left <= GRAM - PIECE)

    def hold(self, end: int) -> int:
        """The index of the first character that may still be part of a run; ``end`` if there is none."""
        count = min(self.run + UNREAD, GRAM - 1, len(self.places))
        return self.places[-count] if count else end


class PromptRunScanner:
    """Reads each character once, a second time with its letter where a symbol could be leet ("@" for a), a third time
    without digits where there are some: they may be leet, or number what they are between; and a fourth time with what
    references and escapes show.
    """

    __slots__ = (
        "_decoded",
        "_decoded_left",
        "_escape_start",
        "_escapes",
        "_exempt_until",
        "_leet",
        "_leet_left",
        "_numberless",
        "_numberless_left",
        "_user",
        "is_split",
        "plain",
    )

    def __init__(self, index: GramIndex, user: UserTexts) -> None:
        self._user = user
        self.plain = _Lane(index)
        # A reading of its own as long as what made it differ is within its window.
        self._leet: _Lane | None = None
        self._numberless: _Lane | None = None
        self._decoded: _Lane | None = None
        self._leet_left = self._numberless_left = self._decoded_left = 0
        self._escapes = EscapeReader()
        self._escape_start = 0
        self.is_split = False
        self._exempt_until = 0

    def push(self, character: str, folded: str, place: int) -> PromptRun | None:
        """The protected run that ends with this character, if any."""
        is_number = character.isnumeric()
        if not self.is_split and len(folded) == 1 and not is_number:
            # Nearly every character: the general way below costs twice as much.
            found = self.plain.push(folded, place)
            return found and self._judge(found, self.plain, place)
        if is_number:
            self._numberless = self._numberless or self.plain.copy()
            self._numberless_left = GRAM
        run = None
        for letter in folded:
            run = self._read(self.plain, letter, place) or run
            if self._numberless is not None and not is_number:
                found = self._read(self._numberless, letter, place)
                run = run or found
                self._numberless_left -= 1
                if self._numberless.tells_no_more(self._numberless_left):
                    self._numberless = None
            if self._leet is not None:
                found = self._read(self._leet, letter, place)
                run = run or found
                self._leet_left -= 1
                if self._leet.tells_no_more(self._leet_left):
                    self._leet = None
        if not folded and character in SYMBOL_LETTERS:
            self._leet = self._leet or self.plain.copy()
            self._leet_left = GRAM
            run = self._read(self._leet, SYMBOL_LETTERS[character], place)
        if self._decoded is not None or character in ESCAPING:
            run = self._read_decoded(self._decoded or self.plain.copy(), character, place) or run
        self._note_split()
        return run

    def _note_split(self) -> None:
        self.is_split = not (self._leet is self._numberless is self._decoded is None)

    def _read_decoded(self, lane: _Lane, character: str, place: int) -> PromptRun | None:
        """``character`` as itself, or once an escape has ended that it is part of what that shows."""
        run = None
        # What an escape shows may begin another one, as in "&amp;#89;".
        waiting = [(character, place)]
        while waiting:
            sign, start = waiting.pop()
            if not self._escapes.begun:
                if sign not in ESCAPING:
                    run = self._read_letters(lane, FOLDED[sign], start) or run
                    continue
                self._escape_start = start
            reading = self._escapes.push(sign)
            if reading is None:
                continue
            if not reading.takes_last:
                waiting.append((sign, start))
            if not reading.is_escape:
                for offset, letter in enumerate(reading.shown):
                    run = self._read_letters(lane, FOLDED[letter], self._escape_start + offset) or run
                continue
            self._decoded_left = GRAM
            if reading.shown in ESCAPING:
                waiting.append((reading.shown, self._escape_start))
            elif found := self._read_letters(lane, fold(reading.shown), self._escape_start):
                run = found if reading.takes_last else replace(found, behind=1)
        is_over = not self._escapes.begun and lane.tells_no_more(self._decoded_left)
        self._decoded = None if is_over else lane
        self._decoded_left = max(self._decoded_left, 0)
        return run

    def _read_letters(self, lane: _Lane, letters: str, place: int) -> PromptRun | None:
        run = None
        for letter in letters:
            run = self._read(lane, letter, place) or run
            self._decoded_left -= 1
        return run

    def can_push_all(self, count: int) -> bool:
        """Whether no reading may complete a run with ``count`` more letters."""
        lanes = (self.plain, self._leet, self._numberless, self._decoded)
        return not self._escapes.begun and all(lane is None or lane.run + count < PIECES for lane in lanes)

    def push_all(self, letters: str, places: Sequence[int]) -> None:
        """As ``push`` for each of ``letters``, which are no digits and complete no run."""
        self.plain.push_all(letters, places)
        if self._leet is not None:
            self._leet.push_all(letters, places)
            self._leet_left -= len(letters)
            self._leet = None if self._leet.tells_no_more(self._leet_left) else self._leet
        if self._numberless is not None:
            self._numberless.push_all(letters, places)
            self._numberless_left -= len(letters)
            self._numberless = None if self._numberless.tells_no_more(self._numberless_left) else self._numberless
        if self._decoded is not None:
            self._decoded.push_all(letters, places)
            self._decoded_left -= len(letters)
            self._decoded = None if self._decoded.tells_no_more(self._decoded_left) else self._decoded
        self._note_split()

    def hold(self, end: int) -> int:
        place = self.plain.hold(end)
        if self._leet is not None:
            place = min(place, self._leet.hold(end))
        if self._numberless is not None:
            place = min(place, self._numberless.hold(end))
        if self._decoded is not None:
            place = min(place, self._decoded.hold(end), self._escape_start if self._escapes.begun else end)
        return place

    def _read(self, lane: _Lane, letter: str, place: int) -> PromptRun | None:
        found = lane.push(letter, place)
        return found and self._judge(found, lane, place)

    def _judge(self, found: PromptRun, lane: _Lane, place: int) -> PromptRun:
        if self._user.wrote_gram(lane.window):
            self._exempt_until = place + 1
            return PromptRun(lane.places[0], allowed=True)
        return PromptRun(max(found.start, self._exempt_until), rule=found.rule)
