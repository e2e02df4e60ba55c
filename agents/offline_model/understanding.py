"""Finds the intents in a request."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from agents.offline_model.clauses import Clause, Quotes, drop_taken_back
from agents.offline_model.intents import ClauseReader, Intent
from agents.offline_model.kinds import Kind, Row, kind_of, name_of
from agents.offline_model.languages import LANGUAGES, language_of
from agents.offline_model.languages.language import Language
from agents.offline_model.rules import RULES
from agents.offline_model.selection.selecting import WORDS

# Where such a clause fits no rule, its end may narrow what the rest speaks of.
_MOST_WORDS_WITH_TAIL = 25
# A longer clause is hardly in another language than the rest.
_MOST_CHARACTERS_ELSEWHERE = 300
# "Write a note called Ideas:" and then lines: everything after the colon is what the note says.
_DICTATION = re.compile(r"(?P<head>[^\n:]{3,200}:)[ \t]*\n?(?P<text>[^\n]*\n.*)", re.DOTALL)

_BULLET = re.compile(r"^\s*(?:[-*•+–]|\d{1,3}[.)])\s+(?:\[ \]\s+)?")


def understand(text: str, today: date, projects: list[Row], kind: Kind = Kind.TASK) -> list[Intent]:
    """Every intent in ``text``, in its order. ``kind`` is meant where the whole text names no kind of record."""
    quotes = Quotes(text)
    language = language_of(text)
    default = Kind.TASK if language.kind_in(quotes.text) else kind
    reader = ClauseReader(quotes, today, projects, language, default)
    dictation = _read_dictation(quotes.text, reader)
    if dictation is not None:
        return dictation
    asked = language.clauses.split(quotes.text)
    clauses = drop_taken_back(asked)
    intents = keep_sure_bulk(_read_clauses(clauses, reader))
    return intents if len(clauses) == len(asked) else [Intent("", says="taken back"), *intents]


def _read_clauses(clauses: Sequence[Clause], reader: ClauseReader) -> list[Intent]:
    found: list[Intent] = []
    left = list(clauses)
    made_in = -1
    while left:
        clause = left.pop(0)
        about = kind_of(found[-1].tool) if found and found[-1].tool else reader.kind
        intents = read_clause(clause, reader, about)
        if any(intent.several for intent in intents) and WORDS[reader.language.code].excepts(clause.text):
            # What is excepted may hold words that begin a clause: "except pay rent and change the tyres".
            clause = _join_sentence(clause, left)
            intents = read_clause(clause, reader, about)
        if len(intents) > 1 and intents[0].tool == "create_project":
            # The tasks of a new project are wishes in the imperative as well: "with tasks dig, write labels".
            while left and left[0].sentence == clause.sentence and not read_clause(left[0], reader, about)[0].tool:
                clause = replace(clause, text=f"{clause.text}, {left.pop(0).text}")
            intents = read_clause(clause, reader, about)
        if any(intent.several and intent.changes for intent in intents) and made_in == clause.sentence:
            # "Remind me to clear the desk and delete all done tasks": that may be part of the title.
            intents = [replace(intent, unread=reader.quotes.restore(clause.text)) for intent in intents]
        if any(intent.tool.startswith("create_") for intent in intents):
            made_in = clause.sentence
        if re.search(reader.language.details.to_it, clause.text, re.IGNORECASE) or any(map(_lacks_project, intents)):
            intents = _put_into_new_project(intents, found, reader)
        for intent in intents:
            _add(found, intent, reader.language)
    return found


def _lacks_project(intent: Intent) -> bool:
    return intent.tool == "create_checkpoint" and "title" in intent.fields and "project_id" not in intent.fields


def _put_into_new_project(intents: list[Intent], found: list[Intent], reader: ClauseReader) -> list[Intent]:
    """As in "add tasks … to it", after a project was made: the agents that make tasks know it by then."""
    made = next((intent.fields["name"] for intent in reversed(found) if intent.tool == "create_project"), None)
    if made is None:
        return intents
    intents = [_without_to_it(intent, reader) if intent.tool == "create_task" else intent for intent in intents]
    known = next((row for row in reader.projects if name_of(Kind.PROJECT, row) == made and "id" in row), None)
    if known is None:
        return intents
    project = {"project_id": str(known["id"])}
    return [
        replace(i, fields={**i.fields, **project}) if i.tool == "create_task" or _lacks_project(i) else i
        for i in intents
    ]


def _without_to_it(intent: Intent, reader: ClauseReader) -> Intent:
    title = re.sub(reader.language.details.to_it, "", str(intent.fields.get("title", "")), flags=re.IGNORECASE)
    return replace(intent, fields={**intent.fields, "title": title}) if title else intent


def _join_sentence(clause: Clause, left: list[Clause]) -> Clause:
    """``clause`` with all that follows in its sentence, which goes from ``left``."""
    texts = [clause.text]
    while left and left[0].sentence == clause.sentence:
        texts.append(left.pop(0).text)
    return replace(clause, text=", ".join(texts))


def keep_sure_bulk(intents: list[Intent]) -> list[Intent]:
    """Beside something that was not understood, a wish about several records may be meant otherwise: it must wait."""
    missed = next((intent.target for intent in intents if not intent.tool and not intent.says), "")
    if not missed:
        return intents
    return [
        replace(intent, unread=intent.unread or missed) if intent.several and intent.changes else intent
        for intent in intents
        if intent.tool or intent.says or not any(other.several and other.changes for other in intents)
    ]


def _read_dictation(text: str, reader: ClauseReader) -> list[Intent] | None:
    match = _DICTATION.fullmatch(text.strip())
    if match is None:
        return None
    content = reader.unquote(match["text"])
    head = reader.language.clauses.strip_courtesy(match["head"])
    intents = read_clause(Clause(f"{head} …"), reader, reader.kind)
    first = intents[0]
    if len(intents) == 1 and first.tool == "create_note" and content:
        title = first.fields["title"] if first.fields["title"] != "…" else reader.title(content.splitlines()[0])
        return [replace(first, fields={**first.fields, "title": title, "content": content})]
    if len(intents) == 1 and first.tool == "update_note" and first.append and content:
        return [replace(first, append=content)]
    if intents[-1].tool == "create_task" and WORDS[reader.language.code].plural_in(head) is Kind.TASK:
        titles = [title for line in content.splitlines() if (title := reader.title(_BULLET.sub("", line)))]
        return [*intents[:-1], *(replace(intents[-1], fields={**intents[-1].fields, "title": t}) for t in titles)]
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


def read_clause(clause: Clause, reader: ClauseReader, about: Kind) -> list[Intent]:
    """``about`` is the kind the clause before spoke of, which "it" means. A question changes nothing."""
    text = clause.text
    intents = None
    if not any(re.search(language.forbidden, text, re.IGNORECASE) for language in LANGUAGES):
        intents = _match_rules(text, reader, about) or _read_with_tail(text, reader, about)
    if intents is None or (clause.is_question and any(intent.changes for intent in intents)):
        return [Intent("", reader.quotes.restore(text))]
    return intents


def _match_rules(clause: str, reader: ClauseReader, about: Kind) -> list[Intent] | None:
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
    return None


def _speaks_of_several(clause: str, language: Language) -> bool:
    words = WORDS[language.code]
    starts = (match.start() for match in re.finditer(r"\b\w", clause))
    return words.plural_in(clause) is not None or any(words.means_several(clause[start:]) for start in starts)


def _read_with_tail(clause: str, reader: ClauseReader, about: Kind) -> list[Intent] | None:
    """As in "mark all tasks as done that are overdue": what stands behind narrows what several records are meant."""
    words = clause.split(" ")
    if len(words) > _MOST_WORDS_WITH_TAIL or not _speaks_of_several(clause, reader.language):
        return None
    for end in range(len(words) - 1, 1, -1):
        tail = " ".join(words[end:])
        if WORDS[reader.language.code].tail.match(tail) is None:
            continue
        intents = _match_rules(" ".join(words[:end]).rstrip(" ,"), reader, about)
        if intents and all(intent.several and intent.changes for intent in intents):
            quoted = reader.quotes.restore_quoted(tail)
            return [replace(intent, target=f"{intent.target} {quoted}") for intent in intents]
    return None
