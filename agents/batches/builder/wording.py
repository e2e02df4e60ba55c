"""What code says to the user beside the model's own words, in the language of their message.

English, German and Italian; in any other language English.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from agents.actions import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """``words``: those that are frequent in the language and in neither of the others."""

    words: str
    joint: str
    tables: Mapping[Table, str]
    which_one: Mapping[Table, str]
    deletes: str
    asks_first: str
    shrunk: str
    is_over: str
    lacking: str
    sets_itself_off: str
    changes_nothing: str
    other_zone: str

    def list(self, names: Iterable[str]) -> str:
        """``names`` each once, as in "tasks, notes and projects"."""
        each = list(dict.fromkeys(names))
        return f"{', '.join(each[:-1])} {self.joint} {each[-1]}" if len(each) > 1 else "".join(each)

    def sentences(self) -> Iterable[str]:
        """Every text."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                yield value
            elif isinstance(value, Mapping):
                yield from value.values()


ENGLISH = Wording(
    words="the every each all my to and of with that when which them is are should on at from for",
    joint="and",
    tables={
        "tasks": "tasks",
        "task_comments": "comments",
        "projects": "projects",
        "checkpoints": "checkpoints",
        "notes": "notes",
    },
    which_one={
        "tasks": "Which task do you mean?{names}",
        "task_comments": "Which comment do you mean?{names}",
        "projects": "Which project do you mean?{names}",
        "checkpoints": "Which checkpoint do you mean?{names}",
        "notes": "Which note do you mean?{names}",
    },
    deletes="This batch can delete {tables}. What is deleted cannot be brought back.",
    asks_first="It will ask you before it deletes anything.",
    shrunk="Your plan includes {number} records a run; the batch takes no more.",
    is_over="All of its dates have passed. When shall it run?",
    lacking="Your plan does not include the assistant for {tables}; those steps cannot run.",
    sets_itself_off="It changes {table} and starts when {table} change: its own changes may start it again.",
    changes_nothing="One of its steps only reads and changes nothing.",
    other_zone="Its times are those of {zone}, not of your own time zone.",
)

GERMAN = Wording(
    words="der das und jeden jede jedes meine meinen mit wenn den dem zu von ist sind ein eine soll auf um "
    "für aufgaben notizen projekte nicht im",
    joint="und",
    tables={
        "tasks": "Aufgaben",
        "task_comments": "Kommentare",
        "projects": "Projekte",
        "checkpoints": "Meilensteine",
        "notes": "Notizen",
    },
    which_one={
        "tasks": "Welche Aufgabe ist gemeint?{names}",
        "task_comments": "Welcher Kommentar ist gemeint?{names}",
        "projects": "Welches Projekt ist gemeint?{names}",
        "checkpoints": "Welcher Meilenstein ist gemeint?{names}",
        "notes": "Welche Notiz ist gemeint?{names}",
    },
    deletes="Dieser Ablauf kann {tables} löschen. Gelöschtes lässt sich nicht zurückholen.",
    asks_first="Vor jedem Löschen wird nachgefragt.",
    shrunk="Dein Tarif umfasst {number} Einträge je Lauf; mehr nimmt der Ablauf nicht.",
    is_over="Alle Termine liegen in der Vergangenheit. Wann soll er laufen?",
    lacking="Dein Tarif enthält den Assistenten für {tables} nicht; diese Schritte können nicht laufen.",
    sets_itself_off="Er ändert {table} und startet, wenn sich {table} ändern: Das kann ihn erneut starten.",
    changes_nothing="Einer der Schritte liest nur und ändert nichts.",
    other_zone="Die Zeiten gelten in {zone}, nicht in deiner Zeitzone.",
)

ITALIAN = Wording(
    words="il gli ogni tutti tutte miei mie di della delle dei degli nella nelle sulla dalla dal attività "
    "progetti è sono sabato lunedì martedì mercoledì giovedì venerdì domenica",
    joint="e",
    tables={
        "tasks": "attività",
        "task_comments": "commenti",
        "projects": "progetti",
        "checkpoints": "tappe",
        "notes": "note",
    },
    which_one={
        "tasks": "Quale attività intendi?{names}",
        "task_comments": "Quale commento intendi?{names}",
        "projects": "Quale progetto intendi?{names}",
        "checkpoints": "Quale tappa intendi?{names}",
        "notes": "Quale nota intendi?{names}",
    },
    deletes="Questa routine può eliminare {tables}. Ciò che viene eliminato non si può recuperare.",
    asks_first="Chiederà conferma prima di eliminare qualcosa.",
    shrunk="Il tuo piano comprende {number} elementi per esecuzione; la routine non ne prende di più.",
    is_over="Tutte le date sono passate. Quando deve partire?",
    lacking="Il tuo piano non comprende l'assistente per {tables}; questi passi non possono essere eseguiti.",
    sets_itself_off="Modifica {table} e parte quando cambiano {table}: le sue stesse modifiche possono riavviarla.",
    changes_nothing="Uno dei passi legge soltanto e non modifica nulla.",
    other_zone="Gli orari sono quelli di {zone}, non del tuo fuso orario.",
)

WORDINGS = (ENGLISH, GERMAN, ITALIAN)
_FREQUENT = [frozenset(wording.words.split()) for wording in WORDINGS]
_PLAINLY = 2
_WORD = re.compile(r"[^\W\d_]+")


def known_wording(message: str) -> Wording | None:
    """The wording in the language of ``message``; None where it is in none of them, or too short to tell."""
    counts = _count_words(message)
    best = max(counts)
    return WORDINGS[counts.index(best)] if best and counts.count(best) == 1 else None


def is_in_another_language(text: str, *, than: str) -> bool:
    """Whether ``text`` is plainly in one of the languages, and ``than`` as plainly in another one of them."""
    texts, others = _count_words(text), _count_words(than)
    own = texts.index(max(texts))
    other = others.index(max(others))
    return (
        own != other and texts[own] >= _PLAINLY and others[other] >= _PLAINLY and not texts[other] and not others[own]
    )


def _count_words(text: str) -> list[int]:
    """How many frequent words of each language there are in ``text``."""
    words = [word.casefold() for word in _WORD.findall(text)]
    return [sum(word in frequent for word in words) for frequent in _FREQUENT]


def wording_for(*messages: str) -> Wording:
    """In the language of the first of ``messages`` of which it can be told."""
    return next((wording for text in messages if (wording := known_wording(text)) is not None), ENGLISH)
