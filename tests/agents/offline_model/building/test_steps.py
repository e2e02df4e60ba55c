"""What the batches do that the offline model builds, and who is asked."""

import pytest

from tests.agents.offline_model.building.wishes import WEBSITE, build, built


@pytest.mark.parametrize(
    ("text", "tools", "instruction"),
    [
        (
            "prioritise my tasks by impact",
            ["update_task"],
            "Set this task’s priority to high, medium or low by impact.",
        ),
        ("set the priority of overdue tasks to high", ["update_task"], "Set this task’s priority to high."),
        ("mark tasks due today as urgent", ["update_task"], "Set this task’s priority to high."),
        ("mark my Website tasks as done", ["update_task"], "Set this task’s status to done."),
        ("reopen done tasks", ["update_task"], "Set this task’s status to todo."),
        ("move overdue tasks to tomorrow", ["update_task"], "Set this task’s due date to tomorrow."),
        ("push overdue tasks back by a week", ["update_task"], "Move this task’s due date a week later."),
        (
            "move urgent tasks to the project Website",
            ["update_task"],
            f"Move this task to the project “Website” (project_id {WEBSITE}).",
        ),
        (
            "tag overdue tasks as late",
            ["update_task"],
            "Add the tag “late” at the end of this task’s description, unless it is there.",
        ),
        (
            'add a comment saying "please update" to overdue tasks',
            ["add_task_comment"],
            "Add this comment to the task: “please update”.",
        ),
        (
            "add a comment to overdue tasks asking who does it",
            ["add_task_comment"],
            "Add a comment to this task asking who does it.",
        ),
        ("archive projects not changed in 90 days", ["update_project"], "Archive this project."),
        ("delete notes older than 90 days", ["delete_note"], "Delete this note."),
        ("approve all unapproved checkpoints", ["update_checkpoint"], "Approve this checkpoint."),
        (
            "summarise each note",
            ["update_note"],
            "Begin this note’s text with a summary of it in at most three sentences.",
        ),
        ("translate my notes into German", ["update_note"], "Translate this note into German. Keep what it means."),
        (
            "prioritise my open tasks and move them to tomorrow",
            ["update_task"],
            (
                "Set this task’s priority to high, medium or low, by its due date and how much depends on it. "
                "Set this task’s due date to tomorrow."
            ),
        ),
    ],
)
def test_each_record_by_itself(text: str, tools: list[str], instruction: str) -> None:
    (step,) = built(text)["steps"]
    assert step == {"id": "step_1", "type": "map", "instruction": instruction, "tools": tools}


@pytest.mark.parametrize(
    ("text", "tools", "instruction"),
    [
        (
            "write a weekly note about what I finished",
            ["list_tasks", "create_note"],
            "Write a weekly note about what I finished.",
        ),
        ("create a task to water the plants", ["create_task"], "Create a task to water the plants."),
        ("remind me to pay the rent", ["create_task"], "Remind me to pay the rent."),
        (
            "create a task “Review” in the Website project",
            ["create_task"],
            f"Create a task “Review” in the Website project (project_id {WEBSITE}).",
        ),
        (
            "summarise my notes",
            ["list_notes", "create_note"],
            "Read the notes that were selected and write a note that sums them up, the most important first.",
        ),
        ("show me overdue tasks", ["list_tasks"], "List the tasks that were selected, the most important first."),
    ],
)
def test_all_records_together(text: str, tools: list[str], instruction: str) -> None:
    (step,) = built(f"every Monday at 9 {text}")["steps"]
    assert step == {"id": "step_1", "type": "agent", "instruction": instruction, "tools": tools}


@pytest.mark.parametrize(
    ("text", "approval"),
    [
        ("prioritise my tasks", "destructive"),
        ("prioritise my tasks, ask me first", "always"),
        ("prioritise my tasks but ask me before changing anything", "always"),
        ("prioritise my tasks and wait for my approval", "always"),
        ("never prioritise my tasks without asking me", "always"),
        ("prioritise my tasks without asking", "never"),
        ("prioritise my tasks, don't ask me", "never"),
        ("delete done tasks without asking", "destructive"),
        ("delete done tasks, ask me only before something is deleted", "destructive"),
    ],
)
def test_approval(text: str, approval: str) -> None:
    assert built(text)["approval"] == approval


def test_that_deleting_asks_all_the_same_is_told() -> None:
    assert "Deleting always waits for your approval." in build("delete done tasks without asking")["warnings"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("every Monday at 9 prioritise my open tasks", "Prioritise my open tasks"),
        ("prioritise my tasks and call it “Morning round”", "Morning round"),
        ("create a batch called “Cleanup” that deletes done tasks", "Cleanup"),
        ("when a note changes, proofread it", "Proofread notes"),
        (
            f"prioritise tasks whose title contains “{'very ' * 30}”",
            "Prioritise tasks whose title contains very very very very",
        ),
    ],
)
def test_names(text: str, name: str) -> None:
    assert built(text)["name"] == name


def test_the_explanation_says_all_of_it() -> None:
    answer = build("every two weeks on Friday at 4pm delete done tasks of the Website project")
    assert answer["explanation"] == (
        "Runs every 2 weeks on Friday at 16:00 (Europe/Rome), for the first time on 2026-11-20. Takes up to 100 tasks "
        "with status done and project “Website”. For each: Delete this task. What deletes data waits for your approval."
    )


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("every Monday at 9", "What shall be done?"),
        ("every Monday at 9 do something", "What shall be done?"),
        ("my overdue tasks every Monday", "What shall be done with the tasks?"),
        ("archive notes every Monday", "Only projects can be archived. Shall the notes be deleted instead?"),
        (
            "delete everything every Monday",
            "Which kind of record do you mean by “everything”: tasks, projects, checkpoints or notes?",
        ),
        (
            "delete done tasks and archive old projects",
            "A batch works on one kind of record. Shall it be tasks or projects?",
        ),
        ("add a milestone Beta every month on the 1st", "In which project?"),
    ],
)
def test_what_is_unclear_is_asked(text: str, question: str) -> None:
    answer = build(text)
    assert answer["buildable"]
    assert answer["questions"] == [question]


@pytest.mark.parametrize(
    "text",
    [
        "what's the weather like?",
        "hello",
        "thanks",
        "every Monday send an email to Bob",
        "call the webhook https://example.com when a task changes",
        "turn on the lights every evening",
        "Rappelle-moi demain de faire les courses avec toi s'il te plaît",
    ],
)
def test_what_no_batch_can_do_is_refused(text: str) -> None:
    answer = build(text)
    assert not answer["buildable"]
    assert answer["reason"]
    assert answer["spec"] is None


def test_the_users_own_words_may_speak_of_anything() -> None:
    for text in ("create a task to email Bob", "remind me to phone the bank", "prioritise tasks about the weather"):
        assert built(f"every Monday at 9 {text}")["steps"]


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        (
            "Priorisiere jeden Montag um 9 Uhr meine offenen Aufgaben",
            (
                "Läuft jeden Montag um 09:00 Uhr (Europe/Rome), zum ersten Mal am 2026-11-23. Nimmt bis zu 100 Aufgaben"
                " mit "
                "Status nicht erledigt."
            ),
        ),
        (
            "Ogni lunedì alle 9 dai una priorità alle mie attività aperte",
            (
                "Parte ogni lunedì alle 09:00 (Europe/Rome), per la prima volta il 2026-11-23. Prende fino a 100"
                " attività con "
                "stato non completato."
            ),
        ),
    ],
)
def test_the_answer_is_in_the_language_of_the_sentence(text: str, explanation: str) -> None:
    assert build(text)["explanation"].startswith(explanation)
