"""Finds the record that somebody means by a title, and how sure that is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum

from agents.offline_model.kinds import Kind, Row, name_of

_ALIKE = 0.75
_LONGEST_COMPARED = 120
_SHORT_WORD = 4
_LONG_WORD = 8
_ARTICLES = (
    r"the|my|a|an|this|that|il|lo|la|i|gli|le|un|uno|una|l|mio|mia|miei|mie|del|della|dello|dell|di"
    r"|der|die|das|den|dem|des|ein|eine|einen|einer|mein|meine|meinen|meiner"
)
_NOUNS = (
    r"tasks?|to-?dos?|reminders?|items?|one|notes?|projects?|checkpoints?|milestones?|attivita|attività|compit[oi]"
    r"|promemoria|progett[oi]|not[ae]|aufgaben?|projekte?s?|notiz(?:en)?|meilensteine?s?"
)
_FILLER = re.compile(
    rf"^(?:{_ARTICLES})\s+|^(?:{_NOUNS})\s+(?:(?:called|named|titled|to|about|for|chiamat[oa]|su|namens|zu)\s+)?"
    rf"|\s+(?:{_NOUNS})$"
)
# Beside a title they say nothing about which record is meant.
_WEAK = frozenset(
    (
        f"{_ARTICLES}|with|now|at|on|of|in|to|for|and|from|please|again|today|too|also|already|just|off|one|task|todo|note|"
        "project|it|its|is|me|us|as|mit|von|vom|im|am|zum|zur|jetzt|bitte|und|noch|schon|auch|aufgabe|projekt|notiz|con|"
        "per|ora|adesso|già|anche|e|al|alla|attività|compito|progetto|nota|checkpoint|milestone|reminder|item|list"
    ).split("|")
)


class Certainty(IntEnum):
    """``GUESS`` asks, ``TYPO`` is enough for what can be taken back, the others for everything."""

    GUESS = 0
    TYPO = 1
    WORDS = 2
    EXACT = 3


@dataclass(frozen=True, slots=True)
class Found:
    """One row if it is clear which record is meant, several if it is not, none if there is none."""

    rows: list[Row]
    certainty: Certainty = Certainty.EXACT


def normalize(text: str) -> str:
    """Lower case words, without what people put around a title."""
    text = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    while (shorter := _FILLER.sub("", text).strip()) not in (text, ""):
        text = shorter
    return text


def match_exactly(named: str, rows: Sequence[Row], kind: Kind) -> list[Row]:
    """The rows of just this title, whatever its case, spaces and punctuation."""
    wanted = re.findall(r"[^\W_]+", named.casefold()) or named.split()
    return [
        row
        for row in rows
        if wanted and (re.findall(r"[^\W_]+", name_of(kind, row).casefold()) or name_of(kind, row).split()) == wanted
    ]


def match_titles(named: str, rows: Sequence[Row], kind: Kind, *, literally: bool = False) -> Found:
    """An id, the same title, a title that holds all the words, one that the words hold, one spelled nearly so: the
    first of these that finds any decides. ``literally`` (in quotation marks): a title that is not the same is a guess.
    """
    by_id = [row for row in rows if str(row.get("id")) == named.strip()]
    exact = by_id or match_exactly(named, rows, kind)
    if exact:
        return Found(exact)
    titles = [(row, normalize(name_of(kind, row))) for row in rows]
    wanted = normalize(named)
    if not wanted:
        return Found([])
    words = set(wanted.split())
    if literally:
        return Found([row for row, title in titles if words <= set(title.split()) or _is_alike(title, wanted)], _GUESS)
    held = [row for row, title in titles if title and set(title.split()) <= words]
    stages = (
        Found([row for row, title in titles if title == wanted]),
        Found([row for row, title in titles if words <= set(title.split())], Certainty.WORDS),
        Found(held, _certainty_beside(held, words, kind)),
        Found([row for row, title in titles if is_misspelt(wanted, title)], Certainty.TYPO),
        Found([row for row, title in titles if _is_alike(title, wanted)], _GUESS),
    )
    return next((found for found in stages if found.rows), Found([]))


_GUESS = Certainty.GUESS


def _certainty_beside(held: Sequence[Row], words: set[str], kind: Kind) -> Certainty:
    """A title among other words is meant for sure only where those words are weak ones."""
    if not held:
        return _GUESS
    left = words - {word for row in held for word in normalize(name_of(kind, row)).split()}
    return Certainty.WORDS if left <= _WEAK else _GUESS


def is_misspelt(wanted: str, title: str) -> bool:
    """Word for word the same but for slips of the hand; another number or another first letter is another word."""
    one, other = wanted.split(), title.split()
    if len(one) != len(other):
        return wanted.replace(" ", "") == title.replace(" ", "")
    return all(_is_slip(word, meant) for word, meant in zip(one, other, strict=True))


def _is_slip(word: str, meant: str) -> bool:
    if word == meant:
        return True
    if word[0] != meant[0] or any(letter.isdigit() for letter in word + meant):
        return False
    distance = edit_distance(word, meant)
    if len(meant) <= _SHORT_WORD:
        # One letter replaced in a short word gives another word: Anna, Anne.
        return distance == 1 and (len(word) != len(meant) or sorted(word) == sorted(meant))
    return distance <= (2 if len(meant) >= _LONG_WORD else 1)


def edit_distance(one: str, other: str) -> int:
    """Letters put in, left out, replaced, or two neighbours changed (Damerau–Levenshtein, restricted).

    Words whose lengths differ by more than four are four apart: that is far enough to be no slip.
    """
    if abs(len(one) - len(other)) > _SHORT_WORD:
        return _SHORT_WORD
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, meant in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != meant))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == meant:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _is_alike(title: str, wanted: str) -> bool:
    if not title or len(title) > _LONGEST_COMPARED or len(wanted) > _LONGEST_COMPARED:
        return False
    return SequenceMatcher(None, title, wanted).ratio() >= _ALIKE


def prefer_open(found: Found) -> Found:
    """Of several, the only one that is still open."""
    still_open = [row for row in found.rows if _is_open(row)]
    return Found(still_open, found.certainty) if len(found.rows) > 1 and len(still_open) == 1 else found


def _is_open(row: Mapping[str, object]) -> bool:
    return row.get("status") not in ("done", "archived")
