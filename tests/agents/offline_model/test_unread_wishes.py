"""A wish about several records of which one word was not understood does nothing, and names that word."""

import re
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agents.offline_model.languages import LANGUAGES
from agents.offline_model.selection.scanning import scan
from agents.offline_model.selection.selecting import WORDS
from tests.agents.offline_model.conversation import CONTEXT, TASKS, put
from tests.agents.support import SUNDAY


@pytest.mark.parametrize(
    ("wish", "unread"),
    [
        ("delete everything", "everything"),
        ("delete everything in the Website project", "everything in the Website project"),
        ("cancel everything", "everything"),
        ("archive everything", "everything"),
        ("delete the tasks", "tasks"),
        ("delete those tasks", "those"),
        ("mark those as done", "those"),
        ("mark all of them as done", "them"),
        ("mark all of that as done", "that"),
        ("delete any task", "any task"),
        ("delete all tasks that are not due", "not due"),
        ("delete all not due low priority tasks", "not due"),
        ("delete all due notes", "due"),
        ("elimina tutte le attività in scadenza", "in scadenza"),
        ("elimina tutte le attività che scadono", "scadono"),
        ("delete some tasks", "some"),
        ("delete the rest", "rest"),
        ("delete every other task", "other"),
        ("delete every second task", "second"),
        ("delete half of my tasks", "half"),
        ("delete the first two tasks", "first two"),
        ("delete the top 3 tasks", "top 3"),
        ("delete the three buy tasks", "three"),
        ("delete all four website tasks", "four"),
        ("delete tasks 1 and 2", "1"),
        ("delete all old tasks", "old"),
        ("delete half of all tasks", "half"),
        ("delete all tasks due today and this week", "this week"),
        ("delete all tasks not in Website or Garden", "or Garden"),
        ("delete all tasks in all projects", "all"),
        ("delete all websit tasks", "websit"),
        ("delete all tasks exept buy milk", "exept buy milk"),
        ("remove all tasks from the Website project", "from the Website project"),
        ("finish all website tasks by Friday", "by Friday"),
        ("Erledige alle Website-Aufgaben bis Freitag", "bis Freitag"),
        ("completa tutte le attività di Website entro venerdì", "entro venerdì"),
        ("delete almost all tasks", "almost"),
        ("delete all reminder tasks", "tasks"),
        ("delete all tasks that were completed last week", "last week"),
        ("delete all tasks completed before Monday", "Monday"),
        ("delete everything about pasta", "pasta"),
        ("delete all except the website tasks", "all except the website tasks"),
        ("delete all duplicate tasks", "duplicate"),
        ("delete all tasks older than two weeks", "older than two weeks"),
        ("delete all tasks longer than 5 words", "longer than 5 words"),
        ("delete all tasks with priority higher than low", "priority higher than"),
        ("delete all tasks created yesterday", "created yesterday"),
        ("delete all tasks I added today", "added"),
        ("delete all tasks between Monday and Friday", "between"),
        ("delete all tasks due in the next 3 days", "next 3 days"),
        ("delete all tasks due on Friday or later", "later"),
        ("delete all tasks assigned to Clara", "Clara"),
        ("delete all tasks for Anna", "Anna"),
        ("delete all tasks Anna gave me", "Anna gave"),
        ("delete all tasks with an attachment", "attachment"),
        ("delete all tasks without tags", "without tags"),
        ("delete all unassigned tasks", "unassigned"),
        ("delete all tasks no longer needed", "longer needed"),
        ("delete all tasks in project Shop", "Shop"),
        ("delete all done and overdue tasks", "and overdue"),
        ("delete all tasks and notes", "notes"),
        ("delete all project notes", "project"),
        ("delete all done tasks and all done projects", "and all"),
        ("cancel all meetings tomorrow", "meetings"),
        ("delete all tasks except foo", "foo"),
        ("delete all tasks except call", "call"),
        ("delete all tasks unless they are important", "unless"),
        ("mark all tasks as done if they are overdue", "if"),
        ("delete all tasks. But keep the contact form.", "But keep the contact form"),
        ("Delete all done tasks. They annoy me.", "They annoy me"),
        ("when I say so, delete all tasks", "when I say so"),
        ("push all deadlines back by a week", "deadlines"),
        ("archive all done projects", "done"),
        ("delete all notes that mention salt", "salt"),
        ("Lösche alles", "alles"),
        ("Lösche fast alle Aufgaben", "fast"),
        ("Lösche meine Aufgaben", "Aufgaben"),
        ("Lösche alle Aufgaben, die letzte Woche erledigt wurden", "erledigt"),
        ("Lösche alle Aufgaben, die älter als zwei Wochen sind", "älter als zwei Wochen"),
        ("Lösche alle Aufgaben bis Ende des Monats", "Ende"),
        ("elimina quasi tutte le attività", "quasi"),
        ("elimina le mie attività", "attività"),
        ("elimina tutte le attività completate la settimana scorsa", "la settimana scorsa"),
        ("elimina tutte le attività più vecchie di due settimane", "più vecchie"),
        ("Markiere das alles als erledigt", "das alles"),
        ("Lösche diese Aufgaben", "diese Aufgaben"),
        ("Lösche alle Hausaufgaben", "Haus"),
        ("Lösche alle alten Aufgaben", "alten"),
        ("Lösche einige Aufgaben", "einige"),
        ("Lösche den Rest", "Rest"),
        ("Lösche die ersten zwei Aufgaben", "ersten zwei"),
        ("Lösche alle Aufgaben für Clara", "Clara"),
        ("Lösche alle Aufgaben über Milch", "Milch"),
        ("Lösche alle Aufgaben. Aber nicht Pay rent.", "Aber nicht Pay rent"),
        ("elimina tutto", "tutto"),
        ("elimina tutte le attività del sito", "sito"),
        ("elimina le prime due attività", "prime due"),
        ("elimina alcune attività", "alcune"),
        ("elimina il resto", "resto"),
        ("elimina tutte le vecchie attività", "vecchie"),
        ("elimina tutte le attività per Clara", "Clara"),
        ("segna tutto questo come fatto", "questo"),
        ("elimina tutte le attività. Ma non Pay rent.", "Ma non Pay rent"),
    ],
)
def test_it_asks_what_the_word_means(wish: str, unread: str) -> None:
    calls = put(wish)

    assert calls.deeds == {}
    assert re.search(rf"[“„]{re.escape(unread)}[^“”]*[“”]", calls.text), calls.text
    assert calls.text.endswith("?")


@pytest.mark.parametrize("wish", ["mark all as done", "mark everything as done", "mark them as done"])
def test_all_may_mean_what_was_just_listed(wish: str) -> None:
    listed = "You have 2 tasks due today:\n- Kisten packen\n- Buy milk"

    assert put(wish, before=[("what is due today?", listed)]).deeds == {}


def test_what_is_done_may_be_more_than_tasks() -> None:
    reached = {"id": "c1", "title": "Alpha", "status": "done"}
    calls = put("delete everything that is done", {**CONTEXT, "checkpoints": [reached]})

    assert calls.deeds == {}
    assert "“everything that is done”" in calls.text


def test_what_may_be_part_of_a_title_is_not_done() -> None:
    assert put("remind me to clear the desk and delete all done tasks").deeds == {"create_task": {"Clear the desk"}}


@pytest.mark.parametrize(
    "text",
    [
        "don't delete all tasks",
        "never delete all tasks",
        "I did not finish all tasks",
        "delete all tasks?",
        "are all tasks done?",
        "should I delete all done tasks?",
        "what is done?",
        "how do I delete all tasks?",
        "what happens if I delete all tasks?",
        "if it rains delete all tasks",
        "I deleted all tasks",
        "mark all tasks as done tomorrow",
        "rename all tasks to X",
        "comment on all tasks: soon",
        "delete 'all tasks'",
        "delete the last task",
        'delete "Pay rent" and not "Buy milk"',
        "set priority high for all tasks due today",
        "delete no tasks",
        "nothing is done",
        "clear the table",
        "make sure all website tasks are done",
        "take all tasks off my list",
        "Lösche alle Aufgaben nicht",
        "Soll ich alle erledigten Aufgaben löschen?",
        "Was passiert, wenn ich alle Aufgaben lösche?",
        "Sind alle Aufgaben erledigt?",
        "non eliminare tutte le attività",
        "devo eliminare tutte le attività?",
        "supprime toutes les tâches",
        "elimina todas las tareas",
        "borra todas las tareas",
        "marque todas as tarefas como feitas",
    ],
)
def test_what_is_no_wish_for_it_changes_nothing(text: str) -> None:
    assert put(text).deeds == {}


WISHES = [
    "delete all {} tasks",
    "delete all tasks {}",
    "delete all tasks in {}",
    "delete all tasks except {}",
    "delete {} done tasks",
    "delete all done {} tasks",
    "delete all tasks that are {}",
    "delete everything {} that is done",
    "delete all notes about {}",
    "mark all {} tasks as done",
    "mark all tasks {} as done",
    "mark all tasks as done except {}",
    "set all {} tasks to high priority",
    "set all tasks to high priority {}",
    "move all overdue tasks {} to Friday",
    "move all overdue tasks to Friday {}",
    "postpone all {} tasks by a week",
    "archive all {} projects",
    "approve all {} checkpoints",
    "Lösche alle {} Aufgaben",
    "Lösche alle Aufgaben {}",
    "Lösche alle Aufgaben vom {}",
    "Markiere alle Aufgaben außer {} als erledigt",
    "Verschiebe alle überfälligen {} Aufgaben auf Montag",
    "Alle {} Aufgaben löschen",
    "elimina tutte le attività {}",
    "elimina tutte le attività di {}",
    "segna tutte le attività {} come fatte",
    "sposta tutte le attività in ritardo {} a venerdì",
]
_KNOWN = " ".join(
    str(value).casefold()
    for rows in CONTEXT.values()
    if isinstance(rows, list)
    for row in rows
    for value in row.values()
)


def _is_unknown(word: str) -> bool:
    """No language has it, and no record holds it."""
    tokens = [list(scan(word, language, WORDS[language.code], SUNDAY.date())) for language in LANGUAGES]
    return word not in _KNOWN and all([token.name for token in found] == ["word"] for found in tokens)


@pytest.mark.thorough
@given(st.sampled_from(WISHES), st.text("abcdefghijklmnopqrstuvwxyzäöüßàèìòù", min_size=3, max_size=14))
@example("delete all {} tasks", "groceries")
@example("move all overdue tasks to Friday {}", "somehow")
def test_an_unknown_word_anywhere_in_it_means_that_nothing_is_done(wish: str, word: str) -> None:
    assume(_is_unknown(word))

    assert put(wish.format(word)).deeds == {}


@given(
    st.sampled_from(["delete all {} tasks", "delete all tasks about {}", "mark all tasks called {} as done"]),
    st.sampled_from(sorted({word for task in TASKS for word in str(task["title"]).split() if len(word) > 3})),
)
def test_a_word_of_titles_means_the_records_that_hold_it(wish: str, word: str) -> None:
    deeds: dict[str, Any] = put(wish.format(word)).deeds
    holding = {task["title"] for task in TASKS if word.casefold() in task["title"].casefold().split()}

    assert all(titles <= holding for titles in deeds.values())
