"""A wish about several records acts on exactly those that its words tell of, or asks: what people write, by hand."""

from typing import Any

import pytest

from agents.offline_model import provider
from tests.agents.offline_model.conversation import TASKS, put
from tests.agents.support import Device, turn

WEBSITE = {"Contact form", "Imprint page", "Choose a font"}
UMZUG = {"Kisten packen", "Strom ummelden"}
DONE = {"Choose a font", "Strom ummelden", "Buy bread"}
LOW = {"Imprint page", "Choose a font", "Water the roses", "Buy bread"}
HIGH = {"Contact form", "Prenotare il furgone", "Pay rent"}
OVERDUE = {"Contact form", "Water the roses"}
TODAY = {"Kisten packen", "Buy milk"}
UNDATED = {"Strom ummelden", "Buy bread", "Pay rent"}
SHOPPING = {"Buy milk", "Buy bread"}
CALLS = {"Call Anna", "Call Bob"}
ALL = {str(task["title"]) for task in TASKS}
OPEN = ALL - DONE
THIS_WEEK = {"Contact form", "Kisten packen", "Water the roses", "Buy milk"}
BEFORE_WEDNESDAY = THIS_WEEK | {"Choose a font"}
DONE_NOW = {"status": "done"}
IS_HIGH = {"priority": "high"}
IS_LOW = {"priority": "low"}
MONDAY = {"due_date": "2026-11-23"}
FRIDAY = {"due_date": "2026-11-27"}
ARCHIVED = {"status": "archived"}
APPROVED = {"is_approved": True}


@pytest.fixture(autouse=True)
def _offline(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LLM_MODEL = "offline/adiuva"
    # Long answers are not waited for.
    monkeypatch.setattr(provider, "_SECONDS_A_WORD", 0)


@pytest.mark.parametrize(
    ("wish", "titles"),
    [
        ("delete all tasks", ALL),
        ("delete all 12 tasks", ALL),
        ("delete all website tasks", WEBSITE),
        ("delete all Website's tasks", WEBSITE),
        ("delete all tasks in the Website project", WEBSITE),
        ("delete all tasks of project Website", WEBSITE),
        ('delete all tasks in "Website"', WEBSITE),
        ("I'd like to delete all website tasks", WEBSITE),
        ("delete all three website tasks", WEBSITE),
        ("delete all website and garden tasks", WEBSITE | {"Water the roses"}),
        ("delete all tasks in Website or Umzug", WEBSITE | UMZUG),
        ("delete all tasks not in the Website project", ALL - WEBSITE),
        ("delete all tasks without a project", SHOPPING | CALLS | {"Pay rent"}),
        ("delete all low priority tasks", LOW),
        ("delete each low priority task", LOW),
        ("delete all top priority tasks", HIGH),
        ("delete all urgent tasks", HIGH),
        ("delete all non-urgent tasks", ALL - HIGH),
        ("delete all high and low priority tasks", HIGH | LOW),
        ("delete all tasks without priority", ALL - HIGH - LOW),
        ("delete all done tasks", DONE),
        ("only delete done tasks", DONE),
        ("hey, could you quickly delete all done tasks?", DONE),
        ("please delete all of the done tasks for me, thanks", DONE),
        ("clear all done tasks", DONE),
        ("delete completed", DONE),
        ("delete the completed ones", DONE),
        ("delete whatever is done", DONE),
        ("remove everything that is done", DONE),
        ("delete all tasks which I have already finished", DONE),
        ("delete all tasks that are not done", OPEN),
        ("delete all tasks which aren't done", OPEN),
        ("delete all unfinished website tasks", WEBSITE - DONE),
        ("delete the completed tasks of the Umzug project", {"Strom ummelden"}),
        ("delete overdue tasks", OVERDUE),
        ("delete those that are overdue", OVERDUE),
        ("delete all done or overdue tasks", DONE | OVERDUE),
        ("delete all tasks that are high priority and overdue", {"Contact form"}),
        ("delete all high priority tasks in Website that are overdue", {"Contact form"}),
        ("delete all due tasks", OVERDUE | TODAY),
        ("delete all tasks that are due", OVERDUE | TODAY),
        ("delete the due ones", OVERDUE | TODAY),
        ("delete all tasks that are high priority and due", {"Contact form"}),
        ("delete all tasks of Website that are due", {"Contact form"}),
        ("delete all tasks except the due ones", ALL - OVERDUE - TODAY),
        ("Lösche alle fälligen Aufgaben", OVERDUE | TODAY),
        ("Lösche alle Aufgaben, die fällig sind", OVERDUE | TODAY),
        ("Lösche alle Aufgaben, die am Freitag fällig sind", {"Call Anna"}),
        ("elimina tutte le attività che scadono venerdì", {"Call Anna"}),
        ("delete all tasks due today", TODAY),
        ("delete all tasks due today or tomorrow", TODAY),
        ("delete all tasks due this week", THIS_WEEK),
        ("delete all tasks not due this week", ALL - THIS_WEEK),
        ("delete all tasks due next month", {"Call Bob"}),
        ("delete all tasks due before Wednesday", BEFORE_WEDNESDAY),
        ("delete all tasks due by Wednesday", BEFORE_WEDNESDAY | {"Imprint page"}),
        ("delete all tasks due after Friday", {"Call Bob", "Prenotare il furgone"}),
        ("delete all tasks due after Monday and before Friday", {"Imprint page"}),
        ("delete all tasks due on Friday and Monday", {"Call Anna"}),
        ("delete all tasks without a due date", UNDATED),
        ("delete all tasks with a due date", ALL - UNDATED),
        ("delete all tasks that have a due date", ALL - UNDATED),
        ("Lösche alle Aufgaben mit Fälligkeitsdatum", ALL - UNDATED),
        ("elimina tutte le attività con scadenza", ALL - UNDATED),
        ("delete all tasks in the website and garden projects", WEBSITE | {"Water the roses"}),
        ("delete all tasks that contain the word milk", {"Buy milk"}),
        ("delete all tasks that don't have a due date", UNDATED),
        ("delete all shopping tasks", SHOPPING),
        ("delete tasks tagged shopping", SHOPPING),
        ("delete all #shopping tasks", SHOPPING),
        ("delete all tasks assigned to Ben", {"Call Anna"}),
        ("delete Ben's tasks", {"Call Anna"}),
        ("delete all tasks not assigned to Ben", ALL - {"Call Anna"}),
        ("delete all tasks about milk", {"Buy milk"}),
        ("delete all tasks containing call", CALLS),
        ("delete both call tasks", CALLS),
        ('delete all tasks called "Call Bob"', {"Call Bob"}),
        ("delete all tasks but Buy milk", ALL - {"Buy milk"}),
        ("delete all tasks, keep the contact form", ALL - {"Contact form"}),
        ("delete all tasks except website tasks", ALL - WEBSITE),
        ('delete all tasks except "Pay rent" and "Buy milk"', ALL - {"Pay rent", "Buy milk"}),
        ("delete all tasks except for Pay rent and all done ones", ALL - DONE - {"Pay rent"}),
        ("delete all tasks on my to-do list", ALL),
        ("delete all todo tasks", {str(task["title"]) for task in TASKS if task["status"] == "todo"}),
        ("delete all done tasks due last week", {"Choose a font"}),
        ("delete all tasks except those due today", ALL - TODAY),
        ("delete all tasks except the ones in Umzug", ALL - UMZUG),
        ("delete all tasks apart from the ones due today and the website ones", ALL - TODAY - WEBSITE),
        ("delete Buy milk and Buy bread", SHOPPING),
        ('delete "Buy milk" and "Buy bread"', SHOPPING),
        ("delete the tasks Buy milk and Buy bread", SHOPPING),
        ("lösche alle Aufgaben vom Umzug", UMZUG),
        ("Kannst du alle Aufgaben vom Umzug löschen?", UMZUG),
        ("Lösche alle Umzugsaufgaben", UMZUG),
        ("lösche alle Website-Aufgaben", WEBSITE),
        ("Lösche alle Aufgaben mit niedriger Priorität", LOW),
        ("Lösche alle wichtigen Aufgaben", HIGH),
        ("Alle erledigten Aufgaben löschen", DONE),
        ("Erledigte Aufgaben löschen", DONE),
        ("Lösche alle Aufgaben, die nicht erledigt sind", OPEN),
        ("Lösche alle Aufgaben, die heute fällig sind", TODAY),
        ("Lösche alle Aufgaben vor Mittwoch", BEFORE_WEDNESDAY),
        ("Lösche alle Aufgaben ohne Datum", UNDATED),
        ("Lösche alle Aufgaben von Ben", {"Call Anna"}),
        ("Lösche die beiden Call-Aufgaben", CALLS),
        ("Lösche alle Aufgaben mit dem Tag shopping", SHOPPING),
        ("Lösche alle Aufgaben bis auf Buy milk", ALL - {"Buy milk"}),
        ("Lösche alle Aufgaben, aber nicht Pay rent", ALL - {"Pay rent"}),
        ("Bitte alle Aufgaben außer Pay rent löschen", ALL - {"Pay rent"}),
        ("Lösche alle Aufgaben außer denen von Website", ALL - WEBSITE),
        ("Lösche alle Aufgaben, die nicht zu Website gehören", ALL - WEBSITE),
        ("Lösche alle Aufgaben am Freitag", {"Call Anna"}),
        ("Lösche bitte alles, was erledigt ist", DONE),
        ("Lösche alle überfälligen oder erledigten Aufgaben", DONE | OVERDUE),
        ("elimina tutto ciò che è completato", DONE),
        ("elimina tutte le attività tranne quelle di Website", ALL - WEBSITE),
        ("elimina tutte le attività di Website e Umzug", WEBSITE | UMZUG),
        ("elimina tutte le attività di Umzug", UMZUG),
        ("elimina le attività del progetto Umzug", UMZUG),
        ("puoi eliminare tutte le attività di Umzug?", UMZUG),
        ("elimina tutte le attività a bassa priorità", LOW),
        ("elimina tutte le attività urgenti", HIGH),
        ("elimina le attività completate", DONE),
        ("elimina tutte le attività che non sono completate", OPEN),
        ("elimina quelle in ritardo", OVERDUE),
        ("elimina tutte le attività che scadono oggi", TODAY),
        ("elimina tutte le attività prima di mercoledì", BEFORE_WEDNESDAY),
        ("elimina tutte le attività senza scadenza", UNDATED),
        ("elimina tutte le attività assegnate a Ben", {"Call Anna"}),
        ("elimina tutte le attività con il tag shopping", SHOPPING),
        ("elimina tutte le attività tranne Buy milk e Pay rent", ALL - {"Buy milk", "Pay rent"}),
        ("elimina tutte le attività ma non Pay rent", ALL - {"Pay rent"}),
    ],
)
def test_exactly_those_are_deleted(wish: str, titles: set[str]) -> None:
    assert put(wish).deeds == {"delete_task": titles}


@pytest.mark.parametrize(
    ("wish", "fields", "titles"),
    [
        ("mark all tasks except the contact form as done", DONE_NOW, ALL - {"Contact form"}),
        ("mark all tasks as done except the contact form and pay rent", DONE_NOW, ALL - {"Contact form", "Pay rent"}),
        ("mark all tasks as done except pay rent and call Bob", DONE_NOW, ALL - {"Pay rent", "Call Bob"}),
        ("mark all website tasks as done but not the imprint page", DONE_NOW, WEBSITE - {"Imprint page"}),
        ("mark all tasks done, but keep call Anna open", DONE_NOW, ALL - {"Call Anna"}),
        ("mark all tasks as done that are overdue", DONE_NOW, OVERDUE),
        ("mark all tasks as done in the Website project", DONE_NOW, WEBSITE),
        ("mark everything in progress as done", DONE_NOW, {"Imprint page", "Call Bob"}),
        ("mark today's tasks as done", DONE_NOW, TODAY),
        ("complete everything due today", DONE_NOW, TODAY),
        ("I finished all website tasks", DONE_NOW, WEBSITE),
        ("everything except buy milk is done", DONE_NOW, ALL - {"Buy milk"}),
        ("change all tasks from todo to done", DONE_NOW, OPEN - {"Imprint page", "Call Bob"}),
        ("change all high priority tasks to low", IS_LOW, HIGH),
        ("mark the contact form and the imprint page as done", DONE_NOW, {"Contact form", "Imprint page"}),
        ("reopen all done tasks", {"status": "todo"}, DONE),
        ("set all website tasks to high priority", IS_HIGH, WEBSITE),
        ("set all tasks to high priority except buy milk", IS_HIGH, ALL - {"Buy milk"}),
        ("lower the priority of all website tasks", IS_LOW, WEBSITE),
        ("make all overdue tasks high priority", IS_HIGH, OVERDUE),
        ("postpone everything overdue to Monday", MONDAY, OVERDUE),
        ("push everything due today to tomorrow", MONDAY, TODAY),
        ("move all overdue tasks to Friday", FRIDAY, OVERDUE),
        ("move all tasks of Umzug to Friday", FRIDAY, {"Kisten packen"}),
        ("move all tasks due on Friday to Monday", MONDAY, {"Call Anna"}),
        ("move all tasks from Friday to Monday", MONDAY, {"Call Anna"}),
        ("move all tasks to Friday that are due on Wednesday", FRIDAY, {"Imprint page"}),
        ("set all tasks due Wednesday to Friday", FRIDAY, {"Imprint page"}),
        ("Verschiebe alle Aufgaben am Freitag auf Montag", MONDAY, {"Call Anna"}),
        ("sposta tutte le attività di venerdì a lunedì", MONDAY, {"Call Anna"}),
        ("reschedule everything for Friday that is overdue", FRIDAY, OVERDUE),
        ("clear the due date of all overdue tasks", {"due_date": None}, OVERDUE),
        ("Markiere alle Aufgaben außer dem Contact form als erledigt", DONE_NOW, ALL - {"Contact form"}),
        ("Markiere alle Aufgaben als erledigt außer Pay rent", DONE_NOW, ALL - {"Pay rent"}),
        ("Schließe alle Website-Aufgaben ab", DONE_NOW, WEBSITE),
        ("Hake alle Aufgaben für heute ab", DONE_NOW, TODAY),
        ("Alle Website-Aufgaben auf erledigt setzen", DONE_NOW, WEBSITE),
        ("Ich habe alle Website-Aufgaben erledigt", DONE_NOW, WEBSITE),
        ("Setze alle Aufgaben von Website auf hohe Priorität", IS_HIGH, WEBSITE),
        ("Markiere alle Umzugsaufgaben als wichtig", IS_HIGH, UMZUG),
        ("verschiebe alles Überfällige auf Montag", MONDAY, OVERDUE),
        ("Verschiebe alle Aufgaben von heute auf morgen", MONDAY, TODAY),
        ("segna tutte le attività tranne Contact form come fatte", DONE_NOW, ALL - {"Contact form"}),
        ("segna tutte le attività come fatte tranne Pay rent", DONE_NOW, ALL - {"Pay rent"}),
        ("completa tutte le attività di oggi", DONE_NOW, TODAY),
        ("ho finito tutte le attività di Website", DONE_NOW, WEBSITE),
        ("posticipa tutto quello che è in ritardo a lunedì", MONDAY, OVERDUE),
        ("imposta tutte le attività di Website a priorità alta", IS_HIGH, WEBSITE),
    ],
)
def test_exactly_those_are_changed(wish: str, fields: dict[str, object], titles: set[str]) -> None:
    calls = put(wish)

    assert (calls.deeds, calls.changes) == ({"update_task": titles}, [fields])


def test_each_moves_by_as_many_days_from_its_own() -> None:
    calls = put("postpone all website tasks by a week")

    # What is done is not put off.
    assert calls.deeds == {"update_task": {"Contact form", "Imprint page"}}
    assert calls.changes == [{"due_date": "2026-11-27"}, {"due_date": "2026-12-02"}]


def test_what_has_no_day_cannot_move_by_some() -> None:
    assert "Pay rent" not in put("postpone all tasks by a week").deeds["update_task"]


@pytest.mark.parametrize(
    "wish",
    [
        "move all tasks in Garden to the Website project",
        "Verschiebe alle Aufgaben von Garden nach Website",
        "sposta tutte le attività di Garden in Website",
    ],
)
def test_from_one_project_to_another(wish: str) -> None:
    calls = put(wish)

    assert calls.deeds == {"update_task": {"Water the roses"}}
    assert calls.changes == [{"project_id": "10000000-0000-4000-8000-000000000001"}]


@pytest.mark.parametrize(
    ("wish", "tool", "titles"),
    [
        ("delete all notes", "delete_note", {"Kick-off minutes", "Pasta", "Einkaufsliste"}),
        ("delete all notes of the Website project", "delete_note", {"Kick-off minutes"}),
        ("delete all notes about pasta", "delete_note", {"Pasta"}),
        ("delete all notes except Pasta", "delete_note", {"Kick-off minutes", "Einkaufsliste"}),
        ("Lösche alle Notizen über Pasta", "delete_note", {"Pasta"}),
        ("archive all projects", "update_project", {"Website", "Umzug", "Trasloco", "Garden"}),
        ("archive all projects except Garden", "update_project", {"Website", "Umzug", "Trasloco"}),
        ("Archiviere alle Projekte außer Garden", "update_project", {"Website", "Umzug", "Trasloco"}),
        ("archivia tutti i progetti tranne Garden", "update_project", {"Website", "Umzug", "Trasloco"}),
        ("permanently delete all archived projects", "delete_project", {"Old shop"}),
        ("approve all suggested checkpoints", "update_checkpoint", {"Launch", "Schlüsselübergabe"}),
        ("Genehmige alle vorgeschlagenen Meilensteine", "update_checkpoint", {"Launch", "Schlüsselübergabe"}),
        ("approva tutti i traguardi suggeriti", "update_checkpoint", {"Launch", "Schlüsselübergabe"}),
        ("reject all suggested milestones", "delete_checkpoint", {"Launch", "Schlüsselübergabe"}),
        ("delete all milestones of Umzug", "delete_checkpoint", {"Schlüsselübergabe"}),
    ],
)
def test_records_of_other_kinds(wish: str, tool: str, titles: set[str]) -> None:
    assert put(wish).deeds == {tool: titles}


async def test_records_that_only_the_device_knows_are_looked_up_first() -> None:
    device = Device({"list_tasks": TASKS})
    done = await turn("delete all done tasks without a project", {}, device)

    assert [asked.name for asked in done.asked] == ["list_tasks"]
    assert [action.record_id for action in done.actions] == [
        task["id"] for task in TASKS if task["status"] == "done" and "project_id" not in task
    ]


async def test_more_than_can_be_done_at_once_is_said() -> None:
    tasks = [{"id": f"t{number}", "title": f"Task {number}", "status": "todo"} for number in range(60)]
    done = await turn("delete all tasks", {"recent_tasks": tasks})

    assert len(done.actions) == 40
    assert done.text.endswith("That is as much as I can do at once, 40 of them. Say it again and I will go on.")
