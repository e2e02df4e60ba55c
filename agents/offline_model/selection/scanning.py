"""Cuts the words of a bulk wish into tokens that each mean one thing."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from agents.offline_model.languages.language import Language
from agents.offline_model.selection.vocabulary import SelectionWords

_QUOTE = re.compile(r"“([^”]*)”")
_TAG = re.compile(r"#([^\W_][\w-]*)")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_OWNER = re.compile(r"['’]s$")
_ELISION = re.compile(r"\b(l|un|dell|all|nell|dall|sull|quest|quell)['’](?=\w)", re.IGNORECASE)
# "Website-Aufgaben", "Umzugsaufgaben": what stands before the noun is a word of its own.
_COMPOUND = re.compile(
    r"\b(\w{2,})(?:-(?=(?:tasks|to-?dos|notes|projects|milestones|checkpoints|aufgaben|notizen|projekte"
    r"|meilensteine)\b)"
    r"|(?=(?:aufgaben|notizen|projekte|meilensteine)\b))",
    re.IGNORECASE,
)
_MOST_DIGITS = 4
_SPANS = ("this week", "next week", "last week", "this month", "next month", "last month")


@dataclass(frozen=True, slots=True)
class Token:
    """``name`` is one of the phrases of the vocabulary, or: noun, day, span, quote, number, owner, word.

    ``value`` is what it stands for: a kind, a level, a number, a first and last day, the words without what is around.
    """

    name: str
    text: str
    value: object = None


def scan(text: str, language: Language, words: SelectionWords, today: date) -> Iterator[Token]:
    """The tokens of ``text``, in which “…” holds what the user quoted. Punctuation but the comma means nothing."""
    text = _COMPOUND.sub(r"\1 ", _ELISION.sub(r"\1' ", text))
    place = 0
    named = False
    while place < len(text):
        found = _read_at(text, place, language, words, today, named=named)
        if found is None:
            place += 1
            continue
        token, place = found
        named = named or token.name in ("noun", "word")
        yield token


def _read_at(
    text: str, place: int, language: Language, words: SelectionWords, today: date, *, named: bool
) -> tuple[Token, int] | None:
    quote = _QUOTE.match(text, place)
    if quote is not None:
        return Token("quote", quote[1], quote[1]), quote.end()
    tag = _TAG.match(text, place)
    if tag is not None:
        return Token("#", tag[0], tag[1]), tag.end()
    for name, pattern in words.phrases[:1]:
        match = pattern.match(text, place)
        if match is not None:
            return Token(name, match[0].strip(" ,")), match.end()
    if text[place] == ",":
        return Token("and", ","), place + 1
    if not _WORD.match(text, place) or (place and re.match(r"\w", text[place - 1])):
        return None
    return _read_phrase(text, place, language, words, today) or _read_word(text, place, words, named=named)


def _read_phrase(
    text: str, place: int, language: Language, words: SelectionWords, today: date
) -> tuple[Token, int] | None:
    day = language.days.read_at(text, place, today)
    for name, pattern in words.phrases[1:]:
        match = pattern.match(text, place)
        if match is None:
            if name == "priority" and day is not None:
                # What tells of states stands before, so that "late" is no day; what only joins stands behind.
                return Token("day", text[place : day[1]], (day[0], day[0])), _skip_owner(text, day[1])
            if name == "priority" and (noun := _noun_at(text, place, language, words)) is not None:
                return noun
            continue
        if name in _SPANS:
            return Token("span", match[0], span_of(name, today)), match.end()
        if name == "priority":
            level = (match["priority"] or match["priority_after"]).lower()
            return Token(name, match[0], language.priorities.get(level, "high")), match.end()
        return Token(name, match[0]), match.end()
    return None


def _noun_at(text: str, place: int, language: Language, words: SelectionWords) -> tuple[Token, int] | None:
    for kind, pattern in words.plurals.items():
        match = pattern.match(text, place)
        if match is not None:
            return Token("noun", match[0], kind), match.end()
    noun = re.compile(rf"(?:{language.noun})(?!\w)", re.IGNORECASE).match(text, place)
    found = language.kind(noun[0]) if noun else None
    # A project alone is what something belongs to.
    if noun is None or found is None or dict(words.phrases)["project"].match(text, place):
        return None
    return Token("noun", noun[0], found), noun.end()


def _read_word(text: str, place: int, words: SelectionWords, *, named: bool) -> tuple[Token, int] | None:
    match = _WORD.match(text, place)
    if match is None:
        return None
    word = match[0]
    number = int(word) if word.isdecimal() and len(word) <= _MOST_DIGITS else words.numbers.get(word.lower())
    if number is not None and not named:
        return Token("number", word, number), match.end()
    if _OWNER.search(word):
        return Token("owner", word, _OWNER.sub("", word)), match.end()
    return Token("word", word, word), match.end()


def _skip_owner(text: str, place: int) -> int:
    match = re.compile(r"['’]s\b").match(text, place)
    return match.end() if match else place


def span_of(name: str, today: date) -> tuple[date, date]:
    """The first and last day of a span: weeks begin on Monday."""
    if name.endswith("week"):
        shift = {"last": -7, "this": 0, "next": 7}[name.split(maxsplit=1)[0]]
        monday = today - timedelta(days=today.weekday()) + timedelta(days=shift)
        return monday, monday + timedelta(days=6)
    months = today.year * 12 + today.month - 1 + {"last": -1, "this": 0, "next": 1}[name.split(maxsplit=1)[0]]
    year, month = divmod(months, 12)
    first = date(year, month + 1, 1)
    return first, first.replace(day=calendar.monthrange(year, month + 1)[1])
