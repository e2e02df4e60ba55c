"""What people say first: single records, questions, slips of the hand, other languages."""

import re
from typing import Any

import pytest

from agents.offline_model.languages.foreign import FOREIGN
from tests.agents.offline_model.conversation import CONTEXT, GARDEN, TASKS, WEBSITE, put
from tests.agents.support import turn

TOMORROW = "2026-11-23"
TWO_CALLS = "I found several that fit: “Call Anna” and “Call Bob”. Which one do you mean?"
MILK = "Do you mean “Buy milk”, and shall it be deleted?"


@pytest.mark.parametrize(
    ("text", "tool", "title", "fields"),
    [
        ("create a task to swim tomorrow", "create_task", "Swim", {"title": "Swim", "due_date": TOMORROW}),
        ("remind me to call mom tomorrow", "create_task", "Call mom", {"title": "Call mom", "due_date": TOMORROW}),
        ("buy eggs tomorrow", "create_task", "Buy eggs", {"title": "Buy eggs", "due_date": TOMORROW}),
        ('create a task "delete all tasks"', "create_task", "delete all tasks", {"title": "delete all tasks"}),
        ("create a task to delete all website tasks", "create_task", "Delete all website tasks", None),
        ("note: delete all tasks", "create_note", "Delete all tasks", None),
        ("Notiz: alle Aufgaben löschen", "create_note", "Alle Aufgaben löschen", None),
        ("Erinnere mich, alle Aufgaben zu löschen", "create_task", "Alle Aufgaben löschen", None),
        ("ricordami di eliminare tutte le attività", "create_task", "Eliminare tutte le attività", None),
        ("write a note called Plan: delete all tasks", "create_note", "Plan", None),
        (
            "add a comment to Buy milk: delete all tasks",
            "add_task_comment",
            "Buy milk",
            {"content": "delete all tasks"},
        ),
        ("new project Holiday", "create_project", "Holiday", {"name": "Holiday"}),
        ("add milestone Alpha to Website", "create_checkpoint", "Alpha", None),
        ("mark Buy milk as done", "update_task", "Buy milk", {"status": "done"}),
        ("mark the call with Anna as done", "update_task", "Call Anna", {"status": "done"}),
        ("I have done the contact form", "update_task", "Contact form", {"status": "done"}),
        ("Buy milk is not done", "update_task", "Buy milk", {"status": "todo"}),
        ("make pay rent urgent", "update_task", "Pay rent", {"priority": "high"}),
        ("move contact form to next friday", "update_task", "Contact form", {"due_date": "2026-11-27"}),
        ("postpone call Anna by a week", "update_task", "Call Anna", {"due_date": "2026-12-04"}),
        ('rename "Buy milk" to "Delete all tasks"', "update_task", "Buy milk", {"title": "Delete all tasks"}),
        ("set Buy milk to due tomorrow", "update_task", "Buy milk", {"due_date": TOMORROW}),
        ("Buy milk is due tomorrow", "update_task", "Buy milk", {"due_date": TOMORROW}),
        ("delete Buy milk", "delete_task", "Buy milk", {}),
        ('delete "contact form"', "delete_task", "Contact form", {}),
        ("delete the pasta note", "delete_note", "Pasta", {}),
        ("rename pasta note to Noodles", "update_note", "Pasta", {"title": "Noodles"}),
        ("delete project Umzug", "update_project", "Umzug", {"status": "archived"}),
        ("delete the umzug project permanently", "delete_project", "Umzug", {}),
        ("Hake Buy milk ab", "update_task", "Buy milk", {"status": "done"}),
        ("Verschiebe Strom ummelden auf morgen", "update_task", "Strom ummelden", {"due_date": TOMORROW}),
        ("Lösche die Aufgabe Kisten packen", "delete_task", "Kisten packen", {}),
        ("elimina l'attività prenotare il furgone", "delete_task", "Prenotare il furgone", {}),
        ("segna Pay rent come fatto", "update_task", "Pay rent", {"status": "done"}),
        # Slips of the hand: what can be taken back is done.
        ("mark by milk as done", "update_task", "Buy milk", {"status": "done"}),
        ("mark Conatct form as done", "update_task", "Contact form", {"status": "done"}),
        ("mark imprit page as done", "update_task", "Imprint page", {"status": "done"}),
        ("move watr the roses to friday", "update_task", "Water the roses", {"due_date": "2026-11-27"}),
    ],
)
def test_one_record(text: str, tool: str, title: str, fields: dict[str, Any] | None) -> None:
    calls = put(text)

    assert calls.deeds == {tool: {title}}
    assert fields is None or calls.changes == [fields]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("delete contct form", "Do you mean “Contact form”, and shall it be deleted?"),
        ("delete by milk", MILK),
        ("delete call Ann", "Do you mean “Call Anna”, and shall it be deleted?"),
        ("mark call Anne as done", "Do you mean “Call Anna”?"),
        ("mark call Rob as done", "Do you mean “Call Bob”?"),
        ('delete "Contact"', "Do you mean “Contact form”, and shall it be deleted?"),
        ('mark "milk" as done', "Do you mean “Buy milk”?"),
        ("delete the task Call Anna about the contract", "Do you mean “Call Anna”, and shall it be deleted?"),
        ("delete Buy milk in the Website project", MILK),
        ("remove Buy milk from the Website project", MILK),
        ("delete Buy milk unless it is done", MILK),
        ("delete the second contact form task", "Do you mean “Contact form”, and shall it be deleted?"),
        ("delete call", TWO_CALLS),
        (
            "mark call Anna and Bob as done",
            TWO_CALLS,
        ),
        ("lösche Kisten paken", "Meinst du “Kisten packen”, und soll es gelöscht werden?"),
        ("elimina prenotare il furgne", "Intendi “Prenotare il furgone”, e devo eliminarlo?"),
    ],
)
def test_what_is_not_sure_is_asked(text: str, question: str) -> None:
    calls = put(text)

    assert (calls.deeds, calls.text) == ({}, question)


def test_numbers_are_no_slips() -> None:
    chapters = [{"id": f"c{number}", "title": f"Chapter {number}", "status": "todo"} for number in (1, 2)]
    assert put("mark Chapter 3 as done", {"recent_tasks": chapters}).deeds == {}


def test_a_name_that_is_rather_that_of_a_project_is_not_deleted_as_a_task() -> None:
    tasks = [{"id": "t1", "title": "Fix the website", "status": "todo"}]
    calls = put("delete Website", {**CONTEXT, "recent_tasks": tasks})

    assert (calls.deeds, calls.text) == ({}, "Do you mean “Fix the website”, and shall it be deleted?")


@pytest.mark.parametrize(
    ("before", "text", "deeds"),
    [
        (("delete by milk", MILK), "yes", {"delete_task": {"Buy milk"}}),
        (("create a task to swim and delete by milk", MILK), "Yes, please!", {"delete_task": {"Buy milk"}}),
        (("mark Pay rent as done and delete by milk", MILK), "yes", {"delete_task": {"Buy milk"}}),
        (("lösche by milk", "Meinst du “Buy milk”, und soll es gelöscht werden?"), "ja", {"delete_task": {"Buy milk"}}),
        (("elimina by milk", "Intendi “Buy milk”, e devo eliminarlo?"), "sì", {"delete_task": {"Buy milk"}}),
        (("delete by milk", MILK), "no", {}),
        (("delete by milk", "I cannot do that."), "yes", {}),
        (
            ("delete call", TWO_CALLS),
            "call bob",
            {"delete_task": {"Call Bob"}},
        ),
        (("delete call", TWO_CALLS), "both", {}),
        (
            ("delete call", TWO_CALLS),
            "mark Pay rent as done",
            {"update_task": {"Pay rent"}},
        ),
    ],
)  # fmt: skip
def test_an_answer_to_its_question_is_understood(
    before: tuple[str, str], text: str, deeds: dict[str, set[str]]
) -> None:
    assert put(text, before=[before]).deeds == deeds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("how long does the pasta cook?", "Your note “Pasta” says:\n\nSalt the water. Nine minutes, then drain it."),
        ("What colour is the logo?", "Your note “Kick-off minutes” says:\n\n- The logo is blue"),
        ("who writes the imprint?", "Your note “Kick-off minutes” says:\n\n- Ben writes the imprint"),
        ("what's on my Einkaufsliste?", "Your note “Einkaufsliste” says:\n\n- Brot\n- Käse"),
        ("Was steht auf der Einkaufsliste?", "In deiner Notiz “Einkaufsliste” steht:\n\n- Brot\n- Käse"),
        ("when is call Anna due?", "“Call Anna” (to do, due on Friday, 27 November)"),
        ("is buy milk done?", "“Buy milk” (to do, due today (Sunday, 22 November))"),
        (
            "what's the status of Imprint page?",
            "“Imprint page” (due on Wednesday, 25 November, low priority, in progress)",
        ),
    ],
)
def test_questions_are_answered_from_the_records(text: str, said: str) -> None:
    calls = put(text)

    assert (calls.deeds, calls.text) == ({}, said)


@pytest.mark.parametrize(
    "text", ["summarize the kick-off minutes", "according to the kick-off minutes, what colour is the logo?"]
)
def test_a_named_note_is_given_whole(text: str) -> None:
    assert put(text).text == (
        "Your note “Kick-off minutes” says:\n\n# Agreed\n- The logo is blue\n- Ben writes the imprint"
    )


def test_of_a_long_note_the_lines_that_answer_are_given() -> None:
    lines = [f"Chapter {number} is about something else entirely." for number in range(20)]
    note = {"id": "n1", "title": "Manual", "content": "\n".join([*lines, "Reset: hold the button for ten seconds."])}

    assert put("how do I reset it, manual?", {"notes": [note]}).text == (
        "Your note “Manual” says:\n\nReset: hold the button for ten seconds."
    )


def test_what_no_record_knows_is_not_made_up() -> None:
    assert put("what is the capital of France?").text.startswith("I’m the built-in offline assistant")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("assign Buy milk to Anna", "I cannot give “Buy milk” to Anna"),
        ("assign all website tasks to Anna", "I cannot give “all website tasks” to Anna"),
        ("delegate the contact form to Ben", "I cannot give “contact form” to Ben"),
        ("Weise Buy milk Anna zu", "Ich kann „Buy milk“ nicht an Anna geben"),
        ("assegna Buy milk ad Anna", "Non posso affidare “Buy milk” a Anna"),
    ],
)
def test_that_nobody_can_be_assigned_is_said(text: str, said: str) -> None:
    calls = put(text)

    assert calls.deeds == {}
    assert calls.text.startswith(said)


def test_to_assign_to_a_project_is_to_move() -> None:
    assert put("assign Buy milk to the Website project").changes == [{"project_id": WEBSITE["id"]}]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("create a project Garden with tasks water it and cut the hedge", {"Water it", "Cut the hedge"}),
        ("create a project Garden with the tasks: dig, write labels", {"Dig", "Write labels"}),
        ("create a project Garden with tasks:\n- dig\n- sow", {"Dig", "Sow"}),
        ("create a project Garden and add tasks dig and sow to it", {"Dig", "Sow"}),
        ("Lege ein Projekt Garden mit den Aufgaben Rosen gießen und Säen an", {"Rosen gießen", "Säen"}),
        ("crea un progetto Garden con le attività zappare e seminare", {"Zappare", "Seminare"}),
    ],
)
def test_a_project_with_its_tasks(text: str, titles: set[str]) -> None:
    made = {"action": "create_project", "table": "projects", "record_id": GARDEN["id"], "data": {"name": "Garden"}}
    calls = put(text, results=[{"answer": "", "done": [made]}])

    assert calls.deeds == {"create_project": {"Garden"}, "create_task": titles}
    # Those who make tasks know the project that the turn has made.
    assert all(fields.get("project_id") == GARDEN["id"] for fields in calls.changes if "title" in fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("create a project Garden with tasks dig, plant and water", "There is a project called “Garden” already."),
        ("create a project garden and add tasks dig and sow to it", "There is a project called “Garden” already."),
        ("create a project Old shop", "There is a project called “Old shop” already; it is archived."),
        ("Erstelle ein Projekt Umzug", "Es gibt schon ein Projekt „Umzug“."),
        ("crea un progetto Trasloco", "C’è già un progetto “Trasloco”."),
    ],
)
def test_a_second_project_of_a_name_is_asked_about(text: str, said: str) -> None:
    calls = put(text)

    assert calls.deeds == {}
    assert calls.text.startswith(said)


def test_a_list_of_tasks_on_lines_of_their_own() -> None:
    assert put("create tasks:\n- buy eggs\n2. call Cleo").deeds == {"create_task": {"Buy eggs", "Call Cleo"}}


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("show all website tasks", ("list_tasks", {"project_id": WEBSITE["id"]})),
        ("Zeig mir alle Website-Aufgaben", ("list_tasks", {"project_id": WEBSITE["id"]})),
        ("what tasks are in Website?", ("list_tasks", {"project_id": WEBSITE["id"]})),
        ("list high priority tasks", ("list_tasks", {"priority": "high"})),
        ("show me the done tasks", ("list_tasks", {"status": "done"})),
        ("what is done?", ("list_tasks", {"status": "done"})),
        ("which tasks are not done?", ("list_tasks", {})),
        ("are all tasks done?", ("list_tasks", {})),
        ("what is late?", ("list_tasks", {"due_to": "2026-11-21"})),
        ("what is left?", ("list_tasks", {})),
        ("what's on my agenda today?", ("list_tasks_due_today", {})),
        ("what are my projects?", ("list_projects", {})),
        ("find the note about pasta", ("list_notes", {"search": "pasta"})),
        ("Was ist überfällig?", ("list_tasks", {"due_to": "2026-11-21"})),
        ("cosa è in ritardo?", ("list_tasks", {"due_to": "2026-11-21"})),
    ],
)
def test_reading(text: str, call: tuple[str, dict[str, Any]]) -> None:
    assert put(text).reads == [call]


@pytest.mark.parametrize(
    "text",
    ["What's overdue?", "Was ist überfällig?", "cosa è in ritardo?"],
)
async def test_what_is_done_is_not_overdue(text: str, settings: Any) -> None:
    settings.LLM_MODEL = "offline/adiuva"
    said = (await turn(text, {"recent_tasks": TASKS})).text

    assert said.count("\n- ") == 2
    assert "Contact form" in said
    assert "Water the roses" in said


@pytest.mark.thorough
async def test_what_is_open_is_not_done(settings: Any) -> None:
    settings.LLM_MODEL = "offline/adiuva"
    said = (await turn("which tasks are not done?", {"recent_tasks": TASKS})).text

    assert said.count("\n- ") == len([task for task in TASKS if task["status"] != "done"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("montre-moi mes tâches", "Je suis l’assistant hors ligne"),
        ("crée une tâche pour acheter du lait", "Je suis l’assistant hors ligne"),
        ("bonjour", "Je suis l’assistant hors ligne"),
        ("qu'est-ce que tu peux faire ?", "Je suis l’assistant hors ligne"),
        ("muéstrame mis tareas", "Soy el asistente integrado"),
        ("crea una tarea para comprar leche mañana", "Soy el asistente integrado"),
        ("¿qué tareas tengo hoy?", "Soy el asistente integrado"),
        ("hola", "Soy el asistente integrado"),
        ("quais são as minhas tarefas?", "Sou o assistente integrado"),
        ("toon mijn taken", "Ik ben de ingebouwde offline-assistent"),
        ("Verwijder alle taken", "Ik ben de ingebouwde offline-assistent"),
        ("Merci", "Je suis l’assistant hors ligne"),
        ("chi sei?", "Posso occuparmi di attività"),
        ("wer bist du?", "Ich kümmere mich um"),
        ("am I free tomorrow?", "I’m the built-in offline assistant"),
        ("Gib Strom ummelden an Bob", "Ich kann „Strom ummelden“ nicht"),
        ("no", "I’m the built-in offline assistant"),
    ],
)
def test_other_languages_are_answered_in_themselves_where_they_are_known(text: str, said: str) -> None:
    calls = put(text)

    assert calls.deeds == {}
    assert calls.text.startswith(said)


def test_their_examples_are_whole() -> None:
    for language in FOREIGN.values():
        assert re.search(r"“what is due today\?” (?:ou|of?) “mark buy milk as done”\.$", language.answer)
