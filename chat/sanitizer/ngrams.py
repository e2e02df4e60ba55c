"""The index of the protected texts: every run of 24 folded characters of them.

24 gave no false positive in thousands of benign answers, where 16 hit more than half of them. Runs of 8 are kept, too:
after a third of the way they show that a text is in no protected text, so that it need not be held back.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

GRAM = 24
PIECE = 8
# The pieces are a Bloom filter of one hash. At 1 in 32 a wrong hit costs a character of delay now and then.
_BITS_A_PIECE = 32


class GramIndex:
    """The grams of ``texts`` (folded), without those of ``public`` texts (folded).

    Sorted 64-bit hashes and a bit set: 8 and about 4 bytes a gram, where a Python set would take 70.
    """

    __slots__ = ("_bits", "_grams", "_mask")

    def __init__(self, texts: Iterable[str], *, public: Iterable[str] = ()) -> None:
        texts = list(texts)
        public_grams = {hash(gram) for text in public for gram in substrings(text, GRAM)}
        grams = {hash(gram) for text in texts for gram in substrings(text, GRAM)} - public_grams
        self._grams = array("q", sorted(grams))
        size = 1 << (len(grams) * _BITS_A_PIECE).bit_length()
        self._mask = size - 1
        self._bits = bytearray(size // 8 + 1)
        for text in texts:
            if len(text) >= GRAM:
                for piece in substrings(text, PIECE):
                    place = hash(piece) & self._mask
                    self._bits[place >> 3] |= 1 << (place & 7)

    def __len__(self) -> int:
        return len(self._grams)

    def __contains__(self, gram: str) -> bool:
        wanted = hash(gram)
        place = bisect_left(self._grams, wanted)
        return place < len(self._grams) and self._grams[place] == wanted

    def may_hold(self, piece: str) -> bool:
        """Whether ``PIECE`` characters are part of some text; wrongly true for about 3 % of those that are not."""
        place = hash(piece) & self._mask
        return bool(self._bits[place >> 3] >> (place & 7) & 1)

    def common_with(self, folded: str) -> Iterator[str]:
        """The grams of ``folded`` that are in the index; fast when there are few."""
        # Any gram holds one of these pieces whole, so looking at every 17th is enough to find it.
        stride = GRAM - PIECE + 1
        for place in range(0, len(folded) - PIECE + 1, stride):
            if self.may_hold(folded[place : place + PIECE]):
                around = folded[max(place - stride + 1, 0) : place + GRAM]
                yield from (gram for gram in substrings(around, GRAM) if gram in self)

    @property
    def bytes(self) -> int:
        """Its size in memory."""
        return len(self._grams) * self._grams.itemsize + len(self._bits)


def substrings(text: str, length: int) -> Iterator[str]:
    """Every substring of ``length`` characters."""
    return (text[start : start + length] for start in range(len(text) - length + 1))
