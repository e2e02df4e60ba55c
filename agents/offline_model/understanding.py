"""Finds the intents in a request."""

import re
from dataclasses import replace
from datetime import date

from agents.offline_model.clauses import Quotes
from agents.offline_model.intents import ClauseReader, Intent
from agents.offline_model.kinds import Kind, Row, kind_of
from agents.offline_model.languages import LANGUAGES, language_of
from agents.offline_model.languages.language import Language
from agents.offline_model.rules import RULES

# A longer clause is hardly in another language than the rest.
_MOST_CHARACTERS_ELSEWHERE = 300
# "Write a note called Ideas:" and then lines: everything after the colon is what the note says.
_DICTATION = re.compile(r"(?P<head>[^\n:]{3,200}:)[ \t]*\n?(?P<text>[^\n]*\n.*)", re.DOTALL)


def understand(text: str, today: date, projects: list[Row], kind: Kind = Kind.TASK) -> list[Intent]:
    """Every intent in ``text``, in its order. ``kind`` is meant where the whole text names no kind of record."""
    quotes = Quotes(text)
    language = language_of(text)
    default = Kind.TASK if language.kind_in(quotes.text) else kind
    reader = ClauseReader(quotes, today, projects, language, default)
    dictation = _read_dictation(quotes.text, reader)
    if dictation is not None:
        return [dictation]
    found: list[Intent] = []
    for clause in language.clauses.split(quotes.text):
        about = kind_of(found[-1].tool) if found and found[-1].tool else default
        for intent in _read_clause(clause, reader, about):
            _add(found, intent, language)
    return found


def _read_dictation(text: str, reader: ClauseReader) -> Intent | None:
    match = _DICTATION.fullmatch(text.strip())
    if match is None:
        return None
    content = reader.unquote(match["text"])
    head = reader.language.clauses.strip_courtesy(match["head"])
    intents = _read_clause(f"{head} …", reader, reader.kind)
    first = intents[0]
    if len(intents) == 1 and first.tool == "create_note" and content:
        title = first.fields["title"] if first.fields["title"] != "…" else reader.title(content.splitlines()[0])
        return replace(first, fields={**first.fields, "title": title, "content": content})
    if len(intents) == 1 and first.tool == "update_note" and first.append and content:
        return replace(first, append=content)
    return None


def _add(found: list[Intent], intent: Intent, language: Language) -> None:
    """Add ``intent``, unless it says more about the one before."""
    last = found[-1] if found else None
    if (
        last
        and last.tool.startswith("create_")
        and intent.tool == last.tool.replace("create", "update")
        and language.is_pronoun(intent.target)
    ):
        found[-1] = replace(last, fields={**last.fields, **intent.fields})
    elif last and last.tool == "create_note" and "content" in last.fields and not intent.tool:
        found[-1] = replace(last, fields={**last.fields, "content": f"{last.fields['content']}. {intent.target}"})
    else:
        found.append(intent)


def _read_clause(clause: str, reader: ClauseReader, about: Kind) -> list[Intent]:
    """``about`` is the kind the clause before spoke of, which "it" means."""
    if any(re.search(language.forbidden, clause, re.IGNORECASE) for language in LANGUAGES):
        return [Intent("", reader.quotes.restore(clause))]
    for language in (reader.language, *(other for other in LANGUAGES if other is not reader.language)):
        if language is not reader.language and len(clause) > _MOST_CHARACTERS_ELSEWHERE:
            break
        in_language = replace(reader, language=language)
        for pattern, rule in RULES[language.code]:
            match = pattern.fullmatch(clause)
            if match is None:
                continue
            target = match.groupdict().get("target") or ""
            pronoun = about if language.is_pronoun(target) else reader.kind
            intents = rule(match, replace(in_language, kind=pronoun))
            if intents is not None:
                return list(intents)
    return [Intent("", reader.quotes.restore(clause))]
