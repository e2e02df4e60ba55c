"""The languages that the offline model understands and answers in."""

from collections.abc import Sequence

from agents.offline_model.clauses import Quotes
from agents.offline_model.languages.english import ENGLISH
from agents.offline_model.languages.german import GERMAN
from agents.offline_model.languages.italian import ITALIAN
from agents.offline_model.languages.language import Language

# In a tie the first is meant.
LANGUAGES: Sequence[Language] = (ENGLISH, ITALIAN, GERMAN)
_MOST_CHARACTERS_WEIGHED = 400


def language_of(text: str) -> Language:
    """The language that ``text`` seems to be in; English when nothing tells."""
    unquoted = Quotes(text[:_MOST_CHARACTERS_WEIGHED]).text
    return max(LANGUAGES, key=lambda language: language.weight(unquoted))
