"""English."""

from agents.offline_model.english import answers, days, words
from agents.offline_model.english.rules_ask import COMMENT_RULES, LIST_RULES
from agents.offline_model.english.rules_change import CREATE_RULES, DELETE_RULES, ERRAND_RULES, UPDATE_RULES
from agents.offline_model.language import Language

ENGLISH = Language(
    code="en",
    marks=words.MARKS,
    nouns=words.NOUNS,
    articles=words.ARTICLES,
    named=words.NAMED,
    pronoun=words.PRONOUN,
    permanently=words.PERMANENTLY,
    forbidden=words.FORBIDDEN,
    and_between=r"\s*,\s*(?:and\s+)?|\s+and\s+",
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
    # The first rule that fits decides, so the ones with the most words of their own stand first.
    rules=[*COMMENT_RULES, *CREATE_RULES, *LIST_RULES, *UPDATE_RULES, *DELETE_RULES, *ERRAND_RULES],
)
