"""Tells which questions the filters of a list tool answer wholly; the others take the reading of bulk wishes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from agents.offline_model.kinds import Kind
from agents.offline_model.languages.language import Language
from agents.offline_model.selection.scanning import Token, scan, span_of
from agents.offline_model.selection.selecting import WORDS

_LONGEST = 300
_QUOTED = re.compile(r"(“[^”]*”)")
# They narrow nothing, or the tool is told of them by their own words.
_PLAIN = {"skip", "noun", "all", "these", "list", "place", "project", "and", "about", "due on"}
_STATES = {"overdue", "open", "todo", "in_progress", "done"}
# What the filters of each list know beside that.
_FILTERS = {
    Kind.TASK: {*_STATES, "priority", "day", "until", "span", "due"},
    Kind.CHECKPOINT: {"overdue", "suggested", "day", "until", "span", "due"},
    Kind.PROJECT: {"active", "open"},
    Kind.NOTE: set[str](),
}


@dataclass(frozen=True, slots=True)
class AskingWords:
    """``lead`` begins a question, ``idle`` stands anywhere in it and narrows nothing, ``left`` means ``open``."""

    lead: re.Pattern[str]
    idle: re.Pattern[str]
    left: re.Pattern[str]
    open: str

    @classmethod
    def of(cls, *, lead: str, idle: str, left: str, is_open: str) -> "AskingWords":
        return cls(
            re.compile(rf"(?:(?:{lead})(?!\w)[ ,:]*)+", re.IGNORECASE),
            re.compile(rf"(?<!\w)(?:{idle})(?!\w)", re.IGNORECASE),
            re.compile(rf"(?<!\w)(?:{left})(?!\w)", re.IGNORECASE),
            is_open,
        )

    def strip(self, text: str) -> str:
        """What ``text`` (quoted words in “ and ”) asks for, without the words that only ask."""
        lead = self.lead.match(text)
        parts = _QUOTED.split(text[lead.end() :] if lead else text)
        plain = [part if part.startswith("“") else self.idle.sub(" ", self.left.sub(self.open, part)) for part in parts]
        return " ".join("".join(plain).split())


ASKING: Mapping[str, AskingWords] = {
    "en": AskingWords.of(
        lead=(
            r"please|just|so|and|then|also|show|list|display|see|view|read|find|search(?: for)?|fetch|get|give|tell|me"
            r"|us|what(?:['’]?s)?|which(?: ones)?|how many|do|does|did|can|could|you|is|are"
        ),
        idle=(
            r"(?:do|did|should|must|can) (?:i|we)(?: still)?(?: (?:have|need|want))?(?: to)?(?: (?:do|finish|work on))?"
            r"|have i got|(?:i|we) (?:still )?(?:should|must|need|have)(?: to (?:do|finish))?|does|do|got|for me"
            r"|at the moment|so far|in total|altogether|coming up|next(?=$)|on my (?:list|plate|agenda)|agenda"
            r"|most(?= (?:important|urgent))|to work on|to finish|everything|anything|exist"
            r"|(?:am|are) (?:i|we) working on|(?:including|also)(?: the)? archived(?: ones)?"
        ),
        left=r"left(?: to do)?|remaining|pending|on my plate",
        is_open="open",
    ),
    "de": AskingWords.of(
        lead=(
            r"bitte|zeige?n?|liste?n?|nenne?n?|suche?n?|finde?n?|lies|gib|mir|uns|was|welche[nrs]?|wie ?viele|gibt es"
            r"|sag|und|dann|auch|in(?= welch)|alles"
        ),
        idle=(
            r"(?:habe|muss|soll|sollte|kann) ich|gibt es|für mich|derzeit|momentan|im moment|insgesamt|auf dem plan"
            r"|auf meiner liste|alles|steh(?:t|en) an|an(?=$)|auf(?=$)|tun|machen|etwas|irgendetwas|irgendwelche"
            r"|auf(?=,)|(?:auch|einschließlich|inklusive) (?:die|der) archivierten"
        ),
        left=r"übrig|zu (?:tun|erledigen)|ausstehend",
        is_open="offen",
    ),
    "it": AskingWords.of(
        lead=(
            r"mostra(?:re|mi)?|elenca(?:re|mi)?|fammi|vedere|cerca(?:mi)?|trova(?:mi)?|dammi|dimmi|leggi(?:mi)?|quali"
            r"|quant[ei]|che cosa|cosa|che|ci sono|c['’]è|qualcosa|e|poi|anche|per favore"
        ),
        idle=(
            r"devo(?: ancora)?(?: fare)?|per me|al momento|in totale|in programma|ci sono|c['’]è|qualcosa|abbiamo"
            r"|esistono|tutto|(?:anche|compresi) quelli archiviati"
        ),
        left=r"rimast[aeio]|in sospeso|restano|resta",
        is_open="aperte",
    ),
}


def strip_question(text: str, language: Language) -> str:
    return ASKING[language.code].strip(text)


def needs_reading(whole: str, rest: str, kind: Kind, language: Language, today: date, *, is_dated: bool) -> bool:
    """``whole`` asks for more than the filters of the list of ``kind`` know.

    ``rest`` is what is left of it without the project, the words to search for and the day that were found;
    ``is_dated``: there was one.
    """
    if len(whole) > _LONGEST:
        return True
    words = WORDS[language.code]
    tokens = list(scan(whole, language, words, today))
    if any(token.name not in _PLAIN | _FILTERS[kind] | {"word", "quote", "owner", "number"} for token in tokens):
        return True
    if _is_joined(tokens) or any(token.name == "span" and not _is_known_span(token, today) for token in tokens):
        return True
    names = {token.name for token in tokens}
    if "due" in names and not names & {"day", "span"} and not is_dated:
        return True
    return any(token.name in ("word", "quote", "owner", "number") for token in scan(rest, language, words, today))


def _is_joined(tokens: Iterable[Token]) -> bool:
    """More than one state, level or day: they may be meant together or each by itself."""
    names = [token.name for token in tokens]
    return (
        sum(name in _STATES for name in names) > 1
        or names.count("priority") > 1
        or names.count("day") + names.count("span") > 1
    )


def _is_known_span(token: Token, today: date) -> bool:
    return token.value in (span_of("this week", today), span_of("next week", today))
