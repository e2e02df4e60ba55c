"""Redacts one stream of text, however its chunks are cut."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from chat.sanitizer.character_redactor import MARKER_RULE, MAX_HELD, CharacterRedactor, Protected
from chat.sanitizer.enclosures import NEVER
from chat.sanitizer.folding import separate_words
from chat.sanitizer.identifiers import NOTHING, SAME, WordState
from chat.sanitizer.ngrams import GRAM, PIECE
from chat.sanitizer.plain_pieces import MAX_PIECE, PlainPiece
from chat.sanitizer.prompt_runs import PIECES, UNREAD
from chat.sanitizer.slices import SliceMatcher, Told
from chat.sanitizer.user_texts import UserTexts

# Words are compared with the prompts' after so many characters, and sooner once some of a prompt's have come.
_COLD_BLOCK, _WARM_BLOCK = 128, 32
# Of characters; one that goes on is not read again with each piece. No word of a prompt comes near it.
_LONGEST_WORD = 200
# A longer text is read word by word, since most words are known.
_PIECES_OF_TEXT = re.compile(rf"\s?\S{{1,{MAX_PIECE - 1}}}|\s").findall


class _Block(NamedTuple):
    """``words`` of a part of the stream, from ``start`` to before ``end``; the first has the number ``first``."""

    text: str
    start: int
    end: int
    words: list[str]
    first: int
    told: list[Told]
    is_warm: bool

    def find_places(self) -> dict[int, tuple[int, int]]:
        """The start and the end of each word by its number."""
        places = {}
        place = 0
        for number, word in enumerate(self.words, self.first):
            place = self.text.index(word, place)
            places[number] = (self.start + place, self.start + place + len(word))
            place += len(word)
        return places


class StreamRedactor(CharacterRedactor):
    """Takes a text in chunks of any size and returns what may be shown of it; the cuts make no difference.

    What every decision is about are characters; that words of ordinary prose are read at once only makes it faster.
    """

    def __init__(
        self, protected: Protected, user: UserTexts, *, slices: SliceMatcher | None = None, whole: bool = False
    ) -> None:
        """``slices``: the turn's; None where they have been looked for already."""
        super().__init__(protected, user, whole=whole)
        self._pieces = protected.pieces
        self._slices = slices
        # The words of the current block, and what was found in them if that came before their characters.
        self._unread: list[str] = []
        self._unread_start = 0
        self._block_end = NEVER if slices is None else _COLD_BLOCK
        self._block: _Block | None = None
        self._word_places: dict[int, tuple[int, int]] = {}
        # For ``feed``: up to where it reads by itself, and what of other objects it needs for that.
        self._calm_until = -1
        self._known = protected.pieces.known
        self._lane = self._runs.plain
        self._index, self._bits, self._mask = protected.index, protected.index.bits, protected.index.mask
        self._accepts = NOTHING
        # What the last piece left in the identifiers' scanner, which is told when it has to read on.
        self._word_state: WordState | None = None
        self._word_start = 0

    def feed(self, text: str) -> str:
        """What may be emitted now.

        Most tokens of most answers are words of ordinary prose. What ``_take`` does for each of their characters is
        done here at once, without calls, which would cost more than the work.
        """
        place = self._end
        end = place + len(text)
        self._unread.append(text)
        if (end >= self._calm_until and not self._pass_block()) or (piece := self._known.get(text)) is None:
            return self._read_all(text)
        lane = self._lane
        count = piece.count
        run = lane.run + count
        state = piece.states[self._accepts]
        if state is None or run >= PIECES:
            return self._read_all(text)
        window = lane.window + piece.letters
        lane.window = window[-GRAM:]
        if piece.is_word:
            first = place + piece.first
            lane.places.extend(range(first, first + count))
        else:
            lane.places.extend([place + offset for offset in piece.offsets])
        bit = hash(window[-PIECE:]) & self._mask
        if not self._bits[bit >> 3] >> (bit & 7) & 1:
            run = 0 if count else run
        elif self._index.count_held(window, count) < count:
            run = self._index.count_held(window, count)
        lane.run = run
        if state is not SAME:
            if state.inherits:
                self._tell_identifiers()
            self._word_state = state
            self._word_start = place
            self._accepts = state.accepts
        self._end = end
        pending = self._pending + text
        # The last pieces of 8 that may be in a prompt, and the 7 letters that are no piece yet.
        hold = lane.places[-run - UNREAD]
        hold = max(hold, end - MAX_HELD)
        count = hold - self._base
        if count <= 0:
            self._pending = pending
            return ""
        self._base = hold
        self._pending = pending[count:]
        return pending[:count]

    def redact(self, ranges: Iterable[tuple[int, int]], rule: str) -> None:
        """Places of a whole text that were found elsewhere."""
        for start, end in ranges:
            self._redactions.mark(start, end, rule)

    def pause(self) -> None:
        """What follows comes after something else, such as an action: the next answer of the model begins."""
        self._leave_fast_lane()
        if self._slices is not None:
            self._judge_words(self._read_words(self._end, is_complete=True))
        if self._is_closed():
            self._begin(self._end, swallows=False)

    def finish(self) -> str:
        """What may be emitted at the end of the stream."""
        end = self._end
        self._leave_fast_lane()
        if self._quoted is not None:
            self._settle_quoted(self._quoted, "", end)
        elif finding := self._identifiers.finish(end):
            self._mark(finding.start, finding.end, finding.rule)
        if self._slices is not None:
            self._judge_words(self._read_words(self._end, is_complete=True))
        self._give_up(self._open.give_up(NEVER))
        if self._first == NEVER and self._swallows:
            self._redactions.drop(self._beginning, end, MARKER_RULE)
        self._released = end
        return self._emit()

    def _read_all(self, text: str) -> str:
        self._leave_fast_lane()
        if len(text) <= MAX_PIECE and self._end + len(text) < self._block_end:
            part = self._read(text)
            self._enter_fast_lane()
            return part
        shown = []
        for whole_piece in _PIECES_OF_TEXT(text):
            piece = whole_piece
            if self._end + len(piece) >= self._block_end:
                block = self._block or self._read_words(self._block_end)
                self._block = None
                if block.told or block.is_warm or self._slice_start != NEVER:
                    # Where the block ends makes no difference otherwise.
                    size = self._block_end - self._end
                    shown.append(self._read(piece[:size]))
                    piece = piece[size:]
                self._judge_words(block)
            shown.append(self._read(piece))
        self._enter_fast_lane()
        return "".join(shown)

    def _read(self, text: str) -> str:
        """``text`` of at most ``MAX_PIECE`` characters, within one block; what may be emitted."""
        if not text:
            return ""
        place = self._end
        self._end = end = place + len(text)
        self._pending += text
        is_calm = self._is_calm() and end <= self._open.limit
        if not (is_calm and (piece := self._pieces.get(text)) and self._take_piece(piece, place, end)):
            for character in text:
                self._take(character, place)
                self._before = character
                place += 1
        else:
            self._before = text[-1]
        return self._emit()

    def _is_calm(self) -> bool:
        """Whether letters and harmless signs may be read as a whole."""
        return self._is_closed() and len(self._lane.window) == GRAM

    def _is_closed(self) -> bool:
        """Whether nothing is open that the next character could close or be part of."""
        return (
            self._first != NEVER
            and self._dropped is None
            and self._object is None
            and self._quoted is None
            and self._markers.idle
            and not self._open.in_tag
        )

    def _take_piece(self, piece: PlainPiece, place: int, end: int) -> bool:
        """A short piece of ordinary prose as a whole; False, and nothing is done, where that is not possible."""
        identifiers = self._identifiers
        state = piece.states[identifiers.accepts]
        if state is None or not self._runs.can_push_all(piece.count):
            return False
        self._runs.push_all(piece.letters, [place + offset for offset in piece.offsets])
        identifiers.take_plain(state, place)
        if not self._whole:
            self._release(min(self._runs.hold(end), identifiers.hold(end)), end)
        return True

    def _enter_fast_lane(self) -> None:
        """From here on ``feed`` reads what it can by itself."""
        is_simple = not (self._whole or self._runs.is_split or self._redactions.any)
        is_closed = self._open.start == NEVER and self._slice_start == NEVER
        self._calm_until = self._block_end if is_simple and is_closed and self._is_calm() else -1
        self._accepts = self._identifiers.accepts

    def _pass_block(self) -> bool:
        """Whether ``feed`` may read on where a block of words ends: when these were of no interest."""
        if self._calm_until < 0:
            return False
        self._block = block = self._read_words(self._block_end)
        if block.told or block.is_warm:
            return False
        self._calm_until = self._block_end = block.end + _COLD_BLOCK
        self._block = None
        return True

    def _tell_identifiers(self) -> None:
        if self._word_state is not None:
            self._identifiers.take_plain(self._word_state, self._word_start)
            self._word_state = None

    def _leave_fast_lane(self) -> None:
        self._tell_identifiers()
        if self._calm_until >= 0:
            self._before = self._pending[-1:] or self._before
            self._released = self._base
            self._calm_until = -1

    def _read_words(self, end: int, *, is_complete: bool = False) -> _Block:
        """Compare the words before ``end`` with the prompts', but for one that may go on."""
        assert self._slices is not None  # noqa: S101 - otherwise there are no blocks
        start = self._unread_start
        unread = "".join(self._unread)
        text = separate_words(unread[: end - start])
        cut = len(text) if is_complete else text.rfind(" ") + 1
        if len(text) - cut > _LONGEST_WORD:
            cut = len(text)
        words = text[:cut].split()
        first = self._slices.count
        told = self._slices.push(words)
        self._unread = [unread[cut:]]
        self._unread_start = start + cut
        return _Block(text, start, end, words, first, told, self._slices.is_warm)

    def _judge_words(self, block: _Block) -> None:
        if block.told or self._whole:
            self._word_places |= block.find_places()
            for number, before in block.told:
                self._mark_told(number, before)
        if not self._whole:
            last = block.told[-1].number if block.told else -1
            self._word_places = {last: self._word_places[last]} if last in self._word_places else {}
        self._slice_start = self._unread_start if block.is_warm else NEVER
        self._block_end = block.end + (_WARM_BLOCK if block.is_warm else _COLD_BLOCK)

    def _mark_told(self, number: int, before: int) -> None:
        if number in self._word_places:
            start, end = self._word_places[number]
            if before in self._word_places:
                start = self._word_places[before][1]
            self._mark(start, end, "system_prompt")

    def _emit(self) -> str:
        shown = self._redactions.render(self._pending, base=self._base, end=self._released)
        self._pending = self._pending[self._released - self._base :]
        self._base = self._released
        return shown
