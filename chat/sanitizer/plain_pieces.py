"""Short pieces of ordinary prose, read once: what they change in the scanners is looked up from then on.

A model writes with a vocabulary of some ten thousand pieces, and most of what it writes are the same few thousand. Kept
are pieces of at most 16 characters, without a trace of who was told them.
"""

from dataclasses import dataclass

from chat.sanitizer.escapes import ESCAPING
from chat.sanitizer.folding import FOLDED, SYMBOL_LETTERS
from chat.sanitizer.identifiers import IdentifierScanner, Vocabulary, WordState
from chat.sanitizer.markers import MarkerScanner
from chat.sanitizer.ngrams import GramIndex
from chat.sanitizer.user_texts import UserTexts

MAX_PIECE = 16
_SPECIAL = frozenset(SYMBOL_LETTERS) | ESCAPING | {"`"}
_NOBODY = UserTexts((), GramIndex(()))
# About 5 MB of a process's memory.
_MAX_KEPT = 12_000


States = tuple[WordState | None, ...]


@dataclass(frozen=True, slots=True)
class PlainPiece:
    """``letters`` as they fold, ``count`` of them, each at its of ``offsets``; ``is_word``: from ``first`` on with
    nothing between them.

    ``states``: what it leaves in the identifiers' scanner, by what that ``accepts``; None where the piece has to be
    read character by character.
    """

    letters: str
    count: int
    offsets: tuple[int, ...]
    first: int
    is_word: bool
    states: States


_UNREAD = PlainPiece("", 0, (), 0, is_word=True, states=())


class PlainPieces:
    """Of one vocabulary, shared by all turns."""

    __slots__ = ("_vocabulary", "known")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        # None: not plain. It is read without a lock: two threads that read the same piece find the same.
        self.known: dict[str, PlainPiece | None] = {}

    def get(self, text: str) -> PlainPiece | None:
        """``text`` of at most ``MAX_PIECE`` characters; None where it is anything but letters and harmless signs."""
        piece = self.known.get(text, _UNREAD)
        if piece is _UNREAD:
            piece = self._read(text)
            if len(self.known) >= _MAX_KEPT:
                self.known.clear()
            self.known[text] = piece
        return piece

    def _read(self, text: str) -> PlainPiece | None:
        offsets = []
        letters = ""
        markers = MarkerScanner()
        for offset, character in enumerate(text):
            folded = FOLDED[character]
            is_special = character.isnumeric() or character in _SPECIAL
            if len(folded) > 1 or is_special or markers.push(character, offset, "") or not markers.idle:
                return None
            if folded:
                offsets.append(offset)
                letters += folded
        begun = self._scan(text, within_word=False)
        # By what the scanner accepts: nothing, what begins with no letter, what goes on with a word, what begins one.
        states = (
            (None, None, self._scan(text, within_word=True), begun) if FOLDED[text[0]] else (None, begun, begun, begun)
        )
        if not any(states):
            return None
        first = offsets[0] if offsets else 0
        is_word = not offsets or offsets[-1] - first == len(offsets) - 1
        return PlainPiece(letters, len(letters), tuple(offsets), first, is_word, states)

    def _scan(self, text: str, *, within_word: bool) -> WordState | None:
        scanner = IdentifierScanner(self._vocabulary, _NOBODY)
        return scanner.read_plain(text, within_word=within_word)
