"""Italian."""

from agents.offline_model.italian import answers, days, words
from agents.offline_model.italian.rules import RULES
from agents.offline_model.language import Language

ITALIAN = Language(
    code="it",
    marks=words.MARKS,
    nouns=words.NOUNS,
    articles=words.ARTICLES,
    named=words.NAMED,
    pronoun=words.PRONOUN,
    permanently=words.PERMANENTLY,
    forbidden=words.FORBIDDEN,
    and_between=r"\s*,\s*(?:e\s+)?|\s+e\s+",
    priorities=words.PRIORITIES,
    statuses=words.STATUSES,
    days=days.DAYS,
    joints=words.JOINTS,
    details=words.DETAILS,
    groups=words.GROUPS,
    periods=words.PERIODS,
    listed_status=words.LISTED_STATUS,
    searched=words.SEARCHED,
    suggestions=answers.SUGGESTIONS,
    answers=answers.ANSWERS,
    small_talk=answers.SMALL_TALK,
    rules=RULES,
)
