"""Answers the Batch Builder's prompt: one JSON object with a spec, or with what keeps it from being one."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from agents.offline_model.building.deeds import NotBuildable
from agents.offline_model.building.explaining import Explainer
from agents.offline_model.building.revising import SpecReviser
from agents.offline_model.building.schedules import Clock, ScheduleReader
from agents.offline_model.building.selections import Question, SelectionReader
from agents.offline_model.building.sentence import Sentence
from agents.offline_model.building.wishes import Draft, WishReader
from agents.offline_model.building.words import BUILDING
from agents.offline_model.building.words.vocabulary import BuildingWords
from agents.offline_model.clauses import Quotes
from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.languages import LANGUAGES, answer_in_foreign_language, language_of
from agents.offline_model.languages.language import Language
from agents.offline_model.phrasing import answer_small_talk
from agents.offline_model.prompt_reading import Prompt

_MOST_QUESTIONS = 3
_LONGEST_QUOTED = 100
# Shorter ones need not say which language they are in.
_SHORT = 40
_CLOCK = re.compile(r"^It is (\d{2}):(\d{2}) in the user's timezone", re.MULTILINE)


def answer_as_builder(prompt: Prompt) -> str:
    """JSON text; the shape is that of ``agents/prompts/batch_builder.txt``."""
    return json.dumps(build(prompt), ensure_ascii=False, separators=(",", ":"))


def build(prompt: Prompt) -> dict[str, Any]:
    """In the language of the request; a short one may be in any, so that the first counts in which it makes sense."""
    first = language_of(prompt.request)
    languages = [first]
    if len(prompt.request) <= _SHORT:
        languages += [language for language in LANGUAGES if language is not first]
    answers = [_build_in(language, prompt) for language in languages]
    built = next((answer for answer in answers if answer["spec"] and not answer["questions"]), None)
    if built is not None:
        return built
    foreign = answer_in_foreign_language(prompt.request)
    return answers[0] if foreign is None else _refusal(foreign)


def _build_in(language: Language, prompt: Prompt) -> dict[str, Any]:
    words = BUILDING[language.code]
    if answer_small_talk(prompt.request) is not None:
        return _refusal(words.texts["cannot"])
    projects = _projects(prompt)
    quotes = Quotes(prompt.request)
    reader = WishReader(
        words,
        ScheduleReader(language, words, Clock(_now(prompt), prompt.timezone.key)),
        SelectionReader(language, words, quotes, projects, prompt.today),
    )
    names = {str(row.get("id")): name_of(Kind.PROJECT, row) for row in projects}
    sentence = Sentence(" ".join(quotes.text.split()))
    spec = prompt.sections.get("spec")
    draft = Draft()
    try:
        if isinstance(spec, dict):
            SpecReviser(reader).revise(spec, sentence, draft)
        else:
            reader.read(sentence, draft)
    except NotBuildable as refusal:
        return _refusal(_ask(words, refusal.question))
    return _answer(draft, words, names)


def _answer(draft: Draft, words: BuildingWords, projects: Mapping[str, str]) -> dict[str, Any]:
    questions = [_ask(words, question) for question in draft.questions[:_MOST_QUESTIONS]]
    return {
        "buildable": True,
        "reason": "",
        "spec": draft.spec or None,
        "explanation": Explainer(words, projects).explain(draft.spec) if draft.spec else "",
        "questions": questions,
        "warnings": list(dict.fromkeys(_ask(words, warning) for warning in draft.warnings)) if draft.spec else [],
    }


def _refusal(reason: str) -> dict[str, Any]:
    return {
        "buildable": False,
        "reason": reason,
        "spec": None,
        "explanation": "",
        "questions": [],
        "warnings": [],
    }


def _ask(words: BuildingWords, question: Question) -> str:
    values = {name: _shorten(value) for name, value in question.values.items()}
    if "many" in values:
        values["many"] = words.texts[values["many"] or "tasks"]
    if "tables" in values:
        values["many"] = words.join((words.texts[table] for table in values.pop("tables")), "or")
    return words.say(question.key, **values)


def _shorten(value: Any) -> Any:
    """Words of the user's, of which the first tell enough."""
    is_long = isinstance(value, str) and len(value) > _LONGEST_QUOTED
    return f"{value[:_LONGEST_QUOTED].rstrip()}…" if is_long else value


def _now(prompt: Prompt) -> datetime:
    match = _CLOCK.search(prompt.system)
    return datetime.combine(prompt.today, time(int(match[1]), int(match[2])) if match else time())


def _projects(prompt: Prompt) -> Sequence[Row]:
    """Those that the client sent, in the context's fence or in one of their own."""
    context = prompt.sections.get("context")
    rows = context.get("projects") if isinstance(context, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else prompt.projects
