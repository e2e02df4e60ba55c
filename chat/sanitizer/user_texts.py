"""What the user wrote in this request, which may always be repeated to them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chat.sanitizer.escapes import decode
from chat.sanitizer.folding import fold, plain, separate_words
from chat.sanitizer.markers import MARKERS_BY_FAMILY, Marker
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


# Who asks for "a thinking tag" has named it as well as who writes "<thinking>".
_TAG_WORDS = "|".join(map(plain, ("tags?", "elements?", "elemente?n?", "element[io]", "etichett[ae]")))
_NAMED_TAG = r"(?:<|&it;)\s*/?\s*{0}(?![a-z_])|\b(?:{1})\W+(?:\w+\W+){{0,2}}?{0}\b|\b{0}\W+(?:{1})\b"


class UserTexts:
    """Consulted only before a redaction, so nothing is computed until then."""

    __slots__ = ("_grams", "_index", "_letters", "_named", "_plain", "_squeezed", "_texts", "_wrote")

    def __init__(self, texts: Iterable[str], index: GramIndex) -> None:
        self._texts = tuple(texts)
        self._index = index
        self._forget()

    def _forget(self) -> None:
        self._grams: frozenset[str] | None = None
        self._plain: str | None = None
        self._squeezed: str | None = None
        self._letters: str | None = None
        self._wrote: dict[str, bool] = {}
        self._named: dict[str, bool] = {}

    def add(self, texts: Iterable[str]) -> None:
        """Texts that the user's device sent while the turn was running."""
        self._texts += tuple(texts)
        self._forget()

    def prepare(self) -> None:
        """Compute everything now."""
        self._grams = self._find_grams()
        self._squeezed = self.squeezed
        self.wrote_letters("")

    def wrote_gram(self, gram: str) -> bool:
        if self._grams is None:
            self._grams = self._find_grams()
        return gram in self._grams

    def wrote_letters(self, letters: str) -> bool:
        """Whether one of the texts has these folded letters in a row, whatever is between them."""
        if self._letters is None:
            self._letters = "\n".join("".join(separate_words(text).split()) for text in self._readings())
        if letters not in self._wrote:
            self._wrote[letters] = letters in self._letters
        return self._wrote[letters]

    def names(self, marker: Marker) -> bool:
        """Whether the user wrote ``marker``, a form of it or one of its family, or "a tag called thinking"."""
        key = marker.name or marker.family
        if key not in self._named:
            if marker.name:
                pattern = _NAMED_TAG.format(re.escape(marker.name), _TAG_WORDS)
                self._named[key] = re.search(pattern, self.plain) is not None
            else:
                self._named[key] = any(text in self.squeezed for text in MARKERS_BY_FAMILY[marker.family])
        return self._named[key]

    def _find_grams(self) -> frozenset[str]:
        return frozenset(gram for text in self._readings() for gram in self._index.common_with(fold(text)))

    def _readings(self) -> Iterator[str]:
        """Each text, and what the escapes in it show."""
        for text in self._texts:
            yield text
            if (decoded := decode(text)) != text:
                yield decoded

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
