"""What the user wrote in this request, which may always be repeated to them."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from chat.sanitizer.folding import fold, plain
from chat.sanitizer.ngrams import GramIndex


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value, the names of its fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name)
            yield from strings_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings_in(item)


def squeeze(text: str) -> str:
    """``text`` as the scanners of markup read it, without white space: its layout does not matter."""
    return plain(text).replace(" ", "")


# Each is followed character by character; a marker that the user repeats more often is followed no further.
_MAX_PLACES = 500


class UserTexts:
    """Consulted only before a redaction, so nothing is computed until then."""

    __slots__ = ("_grams", "_index", "_plain", "_squeezed", "_texts")

    def __init__(self, texts: Iterable[str], index: GramIndex) -> None:
        self._texts = tuple(texts)
        self._index = index
        self._grams: frozenset[str] | None = None
        self._plain: str | None = None
        self._squeezed: str | None = None

    def add(self, texts: Iterable[str]) -> None:
        """Texts that the user's device sent while the turn was running."""
        self._texts += tuple(texts)
        self._grams = self._plain = self._squeezed = None

    def prepare(self) -> None:
        """Compute everything now."""
        self._grams = self._find_grams()
        self._squeezed = self.squeezed

    def wrote_gram(self, gram: str) -> bool:
        if self._grams is None:
            self._grams = self._find_grams()
        return gram in self._grams

    def _find_grams(self) -> frozenset[str]:
        return frozenset(gram for text in self._texts for gram in self._index.common_with(fold(text)))

    @property
    def plain(self) -> str:
        """All texts as the scanners of markup read them, one a line."""
        if self._plain is None:
            self._plain = "\n".join(plain(text) for text in self._texts)
        return self._plain

    @property
    def squeezed(self) -> str:
        """All texts squeezed; none continues into the next."""
        if self._squeezed is None:
            self._squeezed = self.plain.replace(" ", "")
        return self._squeezed


class UserQuotation:
    """Follows the output for as long as it repeats the user's texts, from ``beginning`` on."""

    __slots__ = ("_places", "_text")

    def __init__(self, user: UserTexts, beginning: str) -> None:
        self._text = user.squeezed
        self._places = list(islice(_ends(self._text, squeeze(beginning)), _MAX_PLACES))

    def __bool__(self) -> bool:
        return bool(self._places)

    def follow(self, character: str) -> bool:
        """Whether the user wrote this character next, too."""
        for sign in squeeze(character):
            self._places = [place + 1 for place in self._places if self._text[place : place + 1] == sign]
        return bool(self._places)


def _ends(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place + len(part)
        place = text.find(part, place + 1)
