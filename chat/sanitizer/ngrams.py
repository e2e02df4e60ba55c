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
    ``weigh_schema`` is about the grams of ``schemas`` (folded), which are none: only many in a row tell anything.
    """

    __slots__ = ("_grams", "_schema_grams", "_weights", "bits", "mask")

    def __init__(
        self, texts: Iterable[str], *, public: Iterable[str] = (), schemas: Iterable[tuple[str, Iterable[str]]] = ()
    ) -> None:
        """``schemas``: each with the names (folded) in it that are nobody else's."""
        texts = list(texts)
        schemas = list(schemas)
        public_grams = {hash(gram) for text in public for gram in substrings(text, GRAM)}
        grams = {hash(gram) for text in texts for gram in substrings(text, GRAM)} - public_grams
        self._grams = array("q", sorted(grams))
        weights = {hash(gram): _weigh(gram, own) for text, own in schemas for gram in substrings(text, GRAM)}
        self._schema_grams = array("q", sorted(weights))
        self._weights = bytes(weights[gram] for gram in self._schema_grams)
        size = 1 << (len(grams) * _BITS_A_PIECE).bit_length()
        self.mask = size - 1
        self.bits = bytearray(size // 8 + 1)
        for text in (*texts, *(text for text, _ in schemas)):
            if len(text) >= GRAM:
                for piece in substrings(text, PIECE):
                    place = hash(piece) & self.mask
                    self.bits[place >> 3] |= 1 << (place & 7)

    def __len__(self) -> int:
        return len(self._grams)

    def __contains__(self, gram: str) -> bool:
        return _find(self._grams, hash(gram)) is not None

    def weigh_schema(self, gram: str) -> int:
        """0 for a gram of no schema, more for one that holds a name of our own."""
        place = _find(self._schema_grams, hash(gram))
        return 0 if place is None else self._weights[place]

    def may_hold(self, piece: str) -> bool:
        """Whether ``PIECE`` characters are part of some text; wrongly true for about 3 % of those that are not."""
        place = hash(piece) & self.mask
        return bool(self.bits[place >> 3] >> (place & 7) & 1)

    def count_held(self, letters: str, most: int) -> int:
        """How many of the last ``most`` pieces of ``letters`` in a row, from the end backwards, ``may_hold``."""
        bits, mask, end = self.bits, self.mask, len(letters)
        for count in range(most):
            start = end - count - PIECE
            place = hash(letters[max(0, start) : end - count]) & mask
            if not bits[place >> 3] >> (place & 7) & 1:
                return count
        return most

    def common_with(self, folded: str) -> Iterator[str]:
        """The grams of ``folded`` that are in the index, those of schemas included; fast when there are few."""
        # Any gram holds one of these pieces whole, so looking at every 17th is enough to find it.
        stride = GRAM - PIECE + 1
        for place in range(0, len(folded) - PIECE + 1, stride):
            if self.may_hold(folded[place : place + PIECE]):
                around = folded[max(place - stride + 1, 0) : place + GRAM]
                yield from (gram for gram in substrings(around, GRAM) if gram in self or self.weigh_schema(gram))

    @property
    def bytes(self) -> int:
        """Its size in memory."""
        grams = self._grams.itemsize * (len(self._grams) + len(self._schema_grams))
        return grams + len(self._weights) + len(self.bits)


def substrings(text: str, length: int) -> Iterator[str]:
    """Every substring of ``length`` characters."""
    return (text[start : start + length] for start in range(len(text) - length + 1))


# In a row, of the grams of a schema. A gram with a name such as `NoteRecord` is worth three of JSON Schema's own words:
# 72 letters of a schema are ours, or 40 around such a name.
SCHEMA_WEIGHT = 48
_OWN_NAME_WEIGHT = 3


def _weigh(gram: str, own_names: Iterable[str]) -> int:
    return _OWN_NAME_WEIGHT if any(name in gram for name in own_names) else 1


def _find(grams: "array[int]", wanted: int) -> int | None:
    place = bisect_left(grams, wanted)
    return place if place < len(grams) and grams[place] == wanted else None
