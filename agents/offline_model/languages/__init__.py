"""The languages that the offline model understands and answers in."""

from collections.abc import Sequence

from agents.offline_model.clauses import Quotes
from agents.offline_model.languages.english import ENGLISH
from agents.offline_model.languages.foreign import weigh_foreign
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


def answer_in_foreign_language(text: str) -> str | None:
    """What to say, in that language, to a request in one that is not understood; null for all others."""
    unquoted = Quotes(text[:_MOST_CHARACTERS_WEIGHED]).text
    weight, answer = weigh_foreign(unquoted)
    return answer if weight > max(language.weight(unquoted) for language in LANGUAGES) else None
