"""From a request to the wishes in it."""

from dataclasses import replace
from datetime import date

from agents.offline.intents import Intent, Reader, is_pronoun
from agents.offline.rules_ask import COMMENT_RULES, DELETE_RULES, LIST_RULES
from agents.offline.rules_change import CREATE_RULES, UPDATE_RULES
from agents.offline.sentences import Quotes, clauses
from agents.offline.situation import Row

# The first rule that fits decides, so the ones with the most words of their own stand first.
_RULES = [*COMMENT_RULES, *CREATE_RULES, *LIST_RULES, *UPDATE_RULES, *DELETE_RULES]


def understand(text: str, today: date, projects: list[Row]) -> list[Intent]:
    """Every wish in ``text``, in its order."""
    quotes = Quotes(text)
    reader = Reader(quotes, today, projects)
    found: list[Intent] = []
    for clause in clauses(quotes.text):
        for intent in _read_clause(clause, reader):
            _add(found, intent)
    return found


def _add(found: list[Intent], intent: Intent) -> None:
    """Add ``intent``; one about "it" after a creation says more about what is being created."""
    last = found[-1] if found else None
    if last and last.tool == "create_task" and intent.tool == "update_task" and is_pronoun(intent.target):
        found[-1] = replace(last, fields={**last.fields, **intent.fields})
    else:
        found.append(intent)


def _read_clause(clause: str, reader: Reader) -> list[Intent]:
    for pattern, rule in _RULES:
        match = pattern.fullmatch(clause)
        if match is not None:
            intents = rule(match, reader)
            if intents is not None:
                return list(intents)
    return [Intent("", reader.quotes.restore(clause))]
