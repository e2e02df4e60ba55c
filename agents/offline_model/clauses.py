"""Splits a request into clauses that ask for one thing each, and keeps quoted text out of their way."""

import re
from dataclasses import dataclass

MAX_CLAUSES = 30
_QUOTED = re.compile(
    r"\"([^\"\n]+)\"|„([^“”\n]+)[“”]|“([^”\n]+)”|«([^»\n]+)»|»([^«\n]+)«|(?<!\w)'([^'\n]+)'(?!\w)|\u2018([^’\n]+)’"
    r"|`([^`\n]+)`"
)
_MARK = "\ue000{}\ue001"
_MARKED = re.compile("\ue000(\\d+)\ue001")
_PRIVATE = re.compile("[\ue000\ue001]")
QUOTE = "\ue000\\d+\ue001"

_SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=\S)|\s*\n\s*|;")
# "am 3. Dezember", "z. B.": a point after a number or a single letter ends no sentence.
_NO_END = re.compile(r"(?:\b\d{1,2}|\b\w)\.$")
_ENDINGS = " .!?,;"


@dataclass(frozen=True, slots=True)
class ClauseSplitter:
    """What joins clauses in a language, and what courtesy puts around them."""

    between: re.Pattern[str]
    polite: re.Pattern[str]
    courtesy: re.Pattern[str]
    interjection: re.Pattern[str]

    @classmethod
    def of(cls, *, verbs: str, words: str, fillers: str, polite: str, courtesy: str) -> "ClauseSplitter":
        """``words`` ("and", "then") join two clauses where one of ``verbs`` follows, ``fillers`` may stand between."""
        between = rf"(?: ?, ?(?:(?:{words}) )?| (?:{words}) )(?:(?:{fillers}) ){{0,2}}(?=(?:{verbs})\b)"
        return cls(
            re.compile(between, re.IGNORECASE),
            re.compile(rf"(?:[ ,.!:–-]|(?:{polite})\b)+", re.IGNORECASE),
            re.compile(rf"[ ,]+(?:{courtesy})$", re.IGNORECASE),
            re.compile(rf",? (?:{courtesy}),?(?= )", re.IGNORECASE),
        )

    def split(self, text: str) -> list[str]:
        """The clauses of ``text`` (quotes taken out), one space between words, without their courtesies.

        At most ``MAX_CLAUSES``.
        """
        found = []
        for sentence in _sentences(text):
            for part in self.between.split(" ".join(sentence.split())):
                clause = self.strip_courtesy(part)
                if clause:
                    found.append(clause)
        return found[:MAX_CLAUSES]

    def strip_courtesy(self, text: str) -> str:
        trimmed = text.rstrip(_ENDINGS)
        match = self.polite.match(trimmed)
        if match is not None:
            trimmed = trimmed[match.end() :]
        # After a colon stands what the user dictates.
        if ":" in trimmed:
            return trimmed
        return self.interjection.sub("", self.courtesy.sub("", trimmed)).rstrip(_ENDINGS)


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for part in _SENTENCE_END.split(text):
        if found and _NO_END.search(found[-1][-4:]):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


class Quotes:
    """Keeps what stands in quotation marks out of the way of the rules, under marks that no rule touches."""

    def __init__(self, text: str) -> None:
        self._kept: list[str] = []
        self.text = _QUOTED.sub(self._keep, _PRIVATE.sub("", text))

    def _keep(self, match: re.Match[str]) -> str:
        self._kept.append(next(group for group in match.groups() if group is not None))
        return _MARK.format(len(self._kept) - 1)

    def restore(self, text: str) -> str:
        return _MARKED.sub(lambda match: self._kept[int(match[1])], text)


def first_quote(text: str) -> str | None:
    """The mark of the first quoted text in ``text``."""
    match = _MARKED.search(text)
    return match[0] if match else None
