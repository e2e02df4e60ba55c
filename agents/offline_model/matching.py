"""Finds the record that a person means by its title."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from agents.offline_model.kinds import Row

_ALIKE = 0.82
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


def normal(text: str) -> str:
    """Lower case words, without what people put around a title."""
    text = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    while (shorter := _FILLER.sub("", text).strip()) not in (text, ""):
        text = shorter
    return text


def find(named: str, rows: Sequence[Row], key: str = "title") -> list[Row]:
    """The rows that ``named`` may mean: one if it is clear, several if it is not, none if there is none.

    An id, the same title, a title that holds all the words, one that is held by the words, one spelled nearly so: the
    first of these that finds any decides. Of several, the only one that is still open is meant.
    """
    by_id = [row for row in rows if str(row.get("id")) == named.strip()]
    if by_id:
        return by_id
    wanted = normal(named)
    if not wanted:
        return []
    words = set(wanted.split())
    titles = [(row, normal(str(row.get(key) or row.get("title") or ""))) for row in rows]
    stages = (
        [row for row, title in titles if title == wanted],
        [row for row, title in titles if words <= set(title.split())],
        [row for row, title in titles if title and set(title.split()) <= words],
        [row for row, title in titles if SequenceMatcher(None, title, wanted).ratio() >= _ALIKE],
    )
    found = next((stage for stage in stages if stage), [])
    still_open = [row for row in found if row.get("status") not in ("done", "archived")]
    return still_open if len(still_open) == 1 else found
