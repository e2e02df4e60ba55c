"""What the user wrote in this request, which may always be said back."""

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
    """``text`` as the scanners of markup read it, without white space: how it is laid out does not matter."""
    return plain(text).replace(" ", "")


# Each is followed character by character; who wrote the same marker more often is not told more of it.
_MOST_PLACES = 500


class UserTexts:
    """Asked only when something is about to be redacted, so nothing is worked out before that."""

    __slots__ = ("_grams", "_index", "_plain", "_squeezed", "_texts")

    def __init__(self, texts: Iterable[str], index: GramIndex) -> None:
        self._texts = tuple(texts)
        self._index = index
        self._grams: frozenset[str] | None = None
        self._plain: str | None = None
        self._squeezed: str | None = None

    def add(self, texts: Iterable[str]) -> None:
        """What the user's device sent while the turn was running."""
        self._texts += tuple(texts)
        self._grams = self._plain = self._squeezed = None

    def prepare(self) -> None:
        """Work everything out now."""
        self._grams = self._wrote_grams()
        self._squeezed = self.squeezed

    def wrote_gram(self, gram: str) -> bool:
        if self._grams is None:
            self._grams = self._wrote_grams()
        return gram in self._grams

    def _wrote_grams(self) -> frozenset[str]:
        return frozenset(gram for text in self._texts for gram in self._index.common_with(fold(text)))

    @property
    def plain(self) -> str:
        """All of it as the scanners of markup read it, a line each."""
        if self._plain is None:
            self._plain = "\n".join(plain(text) for text in self._texts)
        return self._plain

    @property
    def squeezed(self) -> str:
        """All of it squeezed; a text never runs over into the next."""
        if self._squeezed is None:
            self._squeezed = self.plain.replace(" ", "")
        return self._squeezed


class UserQuotation:
    """Follows what is being said for as long as it stands in the user's texts as well."""

    __slots__ = ("_places", "_text")

    def __init__(self, user: UserTexts, said: str) -> None:
        self._text = user.squeezed
        self._places = list(islice(_ends(self._text, squeeze(said)), _MOST_PLACES))

    def __bool__(self) -> bool:
        return bool(self._places)

    def follow(self, character: str) -> bool:
        """Whether the user wrote this too."""
        for sign in squeeze(character):
            self._places = [place + 1 for place in self._places if self._text[place : place + 1] == sign]
        return bool(self._places)


def _ends(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place + len(part)
        place = text.find(part, place + 1)
