"""German."""

from agents.offline_model.german import answers, days, words
from agents.offline_model.german.rules import RULES
from agents.offline_model.language import Language

GERMAN = Language(
    code="de",
    marks=words.MARKS,
    nouns=words.NOUNS,
    articles=words.ARTICLES,
    named=words.NAMED,
    pronoun=words.PRONOUN,
    permanently=words.PERMANENTLY,
    forbidden=words.FORBIDDEN,
    and_between=r"\s*,\s*(?:und\s+)?|\s+und\s+",
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
