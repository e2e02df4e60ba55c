"""Splits a request into clauses that ask for one thing each, and keeps quoted text out of their way."""

import re
from collections.abc import Sequence
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

# "Delete Pay rent. No wait, don't.": what takes back, and what may stand beside it.
_TAKES_BACK = (
    r"no|nope|nah|wait|hold on|stop|never ?mind|forget (?:it|that|this|about (?:it|that))|scratch that|ignore that"
    r"|(?:just|only|i(?:['’]?m| am)(?: just| only)?) (?:kidding|joking)|kidding|on second thoughts?"
    r"|cancel (?:that|this)|undo (?:that|this|it)|(?:rather|better) not|not really|(?:i )?take (?:that|it) back"
    r"|i(?:['’]ve| have)? changed my mind|that was (?:just )?a joke|keep (?:it|them|that)"
    r"|leave (?:it|them|that)(?: alone| as (?:it is|they are))?"
    r"|(?:do not|don['’]?t)(?: (?:do|delete|remove|archive|touch|change|mark|move))?"
    r"(?: (?:it|that|this|them|anything))?"
    r"|nein|nee|warte(?: mal)?|moment(?: mal)?|halt|stopp|doch nicht|lieber nicht|besser nicht|vergiss (?:es|das)"
    r"|lass (?:es|das)(?: (?:sein|bleiben|so))?|(?:das )?war (?:nur )?(?:ein )?(?:spaß|scherz|witz)"
    r"|(?:nur|kleiner) (?:spaß|scherz)|quatsch|behalte? (?:sie|es|ihn|das)"
    r"|aspetta(?: un attimo)?|anzi(?: no)?|lascia (?:perdere|stare)|scherz(?:o|avo)|come non detto|ferm[oa]|ci ripenso"
    r"|ho cambiato idea|non (?:farlo|eliminarl[oa]|cancellarl[oa]|archiviarl[oa])|meglio di no"
)
_BESIDE = (
    r"actually|please|sorry|oops|hmm|oh|well|ok(?:ay)?|thanks|but|ach|ähm?|äh|eigentlich|bitte|entschuldigung|aber|doch"
    r"|das|scusa|ma|però|per favore|ehm"
)
_APART = r"[ ,.!–-]+"
_TAKEN_BACK = re.compile(
    rf"(?:(?:{_BESIDE}){_APART})*(?:{_TAKES_BACK})(?:{_APART}(?:{_TAKES_BACK}|{_BESIDE}))*"
    r"|(?:no|nope|wait|stop)\b.*\b(?:don['’]?t|do not)\b(?! (?:forget|let me)\b).*"
    r"|(?:nein|warte|halt|stopp)\b.*\bnicht\b(?! vergessen).*"
    r"|(?:no|aspetta|ferm[oa])\b.*\bnon\b.*",
    re.IGNORECASE,
)
# A longer clause takes nothing back.
_LONGEST_RETRACTION = 80


@dataclass(frozen=True, slots=True)
class Clause:
    """``sentence`` counts the sentences; ``is_question`` asks for an answer and not for a deed."""

    text: str
    sentence: int = 0
    is_question: bool = False


@dataclass(frozen=True, slots=True)
class ClauseSplitter:
    """What joins clauses in a language, and what courtesy puts around them."""

    between: re.Pattern[str]
    polite: re.Pattern[str]
    courtesy: re.Pattern[str]
    interjection: re.Pattern[str]
    request: re.Pattern[str]
    question: re.Pattern[str]

    @classmethod
    def of(
        cls, *, verbs: str, words: str, fillers: str, polite: str, courtesy: str, request: str, question: str
    ) -> "ClauseSplitter":
        """``words`` ("and", "then") join two clauses where one of ``verbs`` follows, ``fillers`` may stand between.

        ``request`` makes a question a wish ("can you"), ``question`` begins one that is none.
        """
        between = rf"(?: ?, ?(?:(?:{words}) )?| (?:{words}) )(?:(?:{fillers}) ){{0,2}}(?=(?:{verbs})\b)"
        return cls(
            re.compile(between, re.IGNORECASE),
            re.compile(rf"(?:[ ,.!:–-]|(?:{polite})\b)+", re.IGNORECASE),
            re.compile(rf"[ ,]+(?:{courtesy})$", re.IGNORECASE),
            re.compile(rf",? (?:{courtesy}),?(?= )", re.IGNORECASE),
            re.compile(rf"\b(?:{request})\b", re.IGNORECASE),
            re.compile(rf"(?:{question})\b", re.IGNORECASE),
        )

    def split(self, text: str) -> list[Clause]:
        """The clauses of ``text`` (quotes taken out), one space between words, without their courtesies.

        At most ``MAX_CLAUSES``.
        """
        found = []
        for number, sentence in enumerate(_sentences(text)):
            asks = sentence.rstrip().endswith("?") and not self.request.search(sentence)
            for part in self.between.split(" ".join(sentence.split())):
                clause = self.strip_courtesy(part)
                if clause:
                    is_question = asks or self.question.match(clause) is not None
                    found.append(Clause(clause, number, is_question))
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

    def restore_quoted(self, text: str) -> str:
        """``text`` with what was quoted in “ and ”, whatever the marks were."""
        return _MARKED.sub(lambda match: f"“{self._kept[int(match[1])]}”", text)


def first_quote(text: str) -> str | None:
    """The mark of the first quoted text in ``text``."""
    match = _MARKED.search(text)
    return match[0] if match else None


def drop_taken_back(clauses: Sequence[Clause]) -> list[Clause]:
    """``clauses`` without those that a later one takes back, and without that one."""
    taken_back = [
        place
        for place, clause in enumerate(clauses)
        if place and len(clause.text) <= _LONGEST_RETRACTION and _TAKEN_BACK.fullmatch(clause.text)
    ]
    return list(clauses[taken_back[-1] + 1 :] if taken_back else clauses)
