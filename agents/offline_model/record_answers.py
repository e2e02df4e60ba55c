"""Answers questions about a record from what is known of it: what a note says, when a task is due."""

import re
from collections.abc import Iterable

from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.languages.dates import split_words
from agents.offline_model.languages.language import Language
from agents.offline_model.prompt_reading import Prompt

_LONGEST_SHOWN_WHOLE = 400
_MOST_LINES = 4
_SHORTEST_TELLING = 4
_ASKS_TO_READ = re.compile(
    r"(?:summari[sz]e|sum up|tell me|explain|according to|remind me (?:what|how|when|who)|fasse?|erzähle?|erkläre?|laut"
    r"|riassumi|spiega(?:mi)?|secondo|dimmi|parlami)\b",
    re.IGNORECASE,
)
# Words of the three languages that tell nothing about what is asked for.
_COMMON = frozenset(
    split_words(
        "a about according again agree agreed all am an and any are as at be been can could did do does due for from "
        "get has have how i in is it its know let long many me much my new note notes of on one open or our please "
        "priority project read remind say says should show so status still summarize summarise task tasks tell than "
        "that the their them then there they this to today tomorrow up us was we were what when where which who "
        "whose why will with would write writes written you your aber als am an auch auf aus bei bin bis das dass "
        "dem den der des die dir du ein eine einem einen einer er es fällig für hat habe ich ihr im in ist kann mein "
        "meine meinem meinen meiner mich mir mit nach nicht noch notiz notizen oder projekt sagt sie sind so soll "
        "steht über um und uns vom von vor wann warum was welche welchen welcher wem wen wer wie wird wir wo zu zum "
        "zur aufgabe aufgaben ai al alla anche attività che chi ci col come con cosa da dal dei del della delle devo "
        "di dice dove due e è era gli ha hanno ho i il in io la le lo ma mi mia mie miei mio nel nella nelle non "
        "nota o per perché più progetto quale quali quando quanto scritto se si sono su sul sulla un una"
    )
)


def find_answer(question: str, prompt: Prompt, language: Language) -> tuple[Kind, Row, str] | None:
    """The record that ``question`` is about, and the lines of a note that answer it; null where it is about none."""
    if not (language.clauses.question.match(question) or _ASKS_TO_READ.match(question)):
        return None
    asked = _words(question)
    told = {word for word in asked if word not in _COMMON}
    for kind in (Kind.NOTE, Kind.TASK, Kind.CHECKPOINT, Kind.PROJECT):
        named = [row for row in prompt.rows(kind) if (title := _words(name_of(kind, row))) and title <= asked]
        if named:
            row = max(named, key=lambda row: len(name_of(kind, row)))
            return kind, row, _best_lines(row, told - _words(name_of(kind, row))) if kind is Kind.NOTE else ""
    noted = [(row, found) for row in prompt.rows(Kind.NOTE) if (found := _telling_lines(row, told))]
    return (Kind.NOTE, noted[0][0], "\n".join(noted[0][1])) if len(noted) == 1 else None


def _best_lines(note: Row, told: Iterable[str]) -> str:
    """The lines that speak of what was asked; the whole note where none does."""
    content = _content(note)
    lines = _lines_about(content, set(told))
    return "\n".join(lines) if lines and len(content) > _LONGEST_SHOWN_WHOLE else content


def _telling_lines(note: Row, told: set[str]) -> list[str]:
    """Lines of a note nobody named: only long words tell that they are meant."""
    return _lines_about(_content(note), {word for word in told if len(word) >= _SHORTEST_TELLING})


def _lines_about(content: str, told: set[str]) -> list[str]:
    scored = [(len(told & _words(line)), line.strip()) for line in content.splitlines() if line.strip()]
    best = max((score for score, _ in scored), default=0)
    return [line for score, line in scored if score == best][:_MOST_LINES] if best else []


def _content(note: Row) -> str:
    return str(note.get("content") or "").strip()


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))
