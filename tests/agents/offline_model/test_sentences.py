"""What the offline model makes of plain English. Today is Sunday, 22 November 2026."""

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.offline_model.languages.english import ENGLISH
from agents.offline_model.understanding import understand
from tests.agents.support import PROJECT

TODAY = date(2026, 11, 22)
TOMORROW = "2026-11-23"


def read(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [(intent.tool, intent.target, intent.fields) for intent in understand(text, TODAY, [PROJECT])]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("create a task to buy milk", {"title": "Buy milk"}),
        (
            "create a task to buy milk tomorrow, high priority",
            {"title": "Buy milk", "priority": "high", "due_date": TOMORROW},
        ),
        ("Create task buy milk", {"title": "Buy milk"}),
        ("add a task: call Anna on Friday", {"title": "Call Anna", "due_date": "2026-11-27"}),
        (
            "new task: buy milk, due 1 December, low priority",
            {"title": "Buy milk", "priority": "low", "due_date": "2026-12-01"},
        ),
        ("remind me to pay rent in 3 days", {"title": "Pay rent", "due_date": "2026-11-25"}),
        ("remind me next Monday to call Bob", {"title": "Call Bob", "due_date": TOMORROW}),
        ("remind me to file taxes by 2026-12-01", {"title": "File taxes", "due_date": "2026-12-01"}),
        ("remind me about the dentist on the 3rd", {"title": "The dentist", "due_date": "2026-12-03"}),
        ("Remind me tomorrow at 5pm to call mum", {"title": "Call mum", "due_date": TOMORROW, "description": "At 5pm"}),
        ("please create an urgent task to fix the website", {"title": "Fix the website", "priority": "high"}),
        (
            "create a high priority task to call Anna tomorrow",
            {"title": "Call Anna", "priority": "high", "due_date": TOMORROW},
        ),
        (
            "can you please create a task for me to buy milk tomorrow with high priority?",
            {"title": "Buy milk", "priority": "high", "due_date": TOMORROW},
        ),
        (
            "Create a task called 'Buy milk' with medium priority due tomorrow",
            {"title": "Buy milk", "priority": "medium", "due_date": TOMORROW},
        ),
        (
            'Create a task "Buy milk" with priority high and due date tomorrow',
            {"title": "Buy milk", "priority": "high", "due_date": TOMORROW},
        ),
        ('create a task called "Plan Friday party" due tomorrow', {"title": "Plan Friday party", "due_date": TOMORROW}),
        (
            'Could you add "Write report" to my todo list for next Friday?',
            {"title": "Write report", "due_date": "2026-11-27"},
        ),
        ("add buy bread to my tasks", {"title": "Buy bread"}),
        ("create a task to buy milk and eggs", {"title": "Buy milk and eggs"}),
        ("create a task to buy milk and set it to high priority", {"title": "Buy milk", "priority": "high"}),
        (
            "create a task to buy milk tomorrow and set its priority to low",
            {"title": "Buy milk", "priority": "low", "due_date": TOMORROW},
        ),
        (
            "create a task to redo the site in the Website project by the end of the month",
            {"title": "Redo the site", "project_id": PROJECT["id"], "due_date": "2026-11-30"},
        ),
        (
            "create a task to send the report with description: use the template",
            {"title": "Send the report", "description": "use the template"},
        ),
        ("Add a new task to prepare slides for Monday's meeting", {"title": "Prepare slides for Monday's meeting"}),
        ("I need to remember to water the plants today", {"title": "Water the plants", "due_date": "2026-11-22"}),
        ("don't let me forget to call Anna", {"title": "Call Anna"}),
        ("todo: buy milk", {"title": "Buy milk"}),
        ("Create a task to buy milk, it's urgent", {"title": "Buy milk", "priority": "high"}),
        ("create a task to read chapter 3 of the book", {"title": "Read chapter 3 of the book"}),
        ("CREATE A TASK TO BUY MILK TOMORROW", {"title": "BUY MILK", "due_date": TOMORROW}),
        ("create a task to buy milk for the day after tomorrow", {"title": "Buy milk", "due_date": "2026-11-24"}),
        ("make a task to renew the passport in two weeks", {"title": "Renew the passport", "due_date": "2026-12-06"}),
        ("create a task for buying milk", {"title": "Buying milk"}),
    ],
)
def test_creating(text: str, fields: dict[str, Any]) -> None:
    assert read(text) == [("create_task", "", fields)]


@pytest.mark.parametrize(
    ("text", "target", "fields"),
    [
        ("mark 'buy milk' as done", "buy milk", {"status": "done"}),
        ("mark buy milk done", "buy milk", {"status": "done"}),
        ("mark the task buy milk as completed", "buy milk", {"status": "done"}),
        ("please mark “Buy milk” as finished", "Buy milk", {"status": "done"}),
        ("complete buy milk", "buy milk", {"status": "done"}),
        ("check off buy milk", "buy milk", {"status": "done"}),
        ("tick buy milk off", "buy milk", {"status": "done"}),
        ("buy milk is done", "buy milk", {"status": "done"}),
        ("I finished buy milk", "buy milk", {"status": "done"}),
        ("I've already done buy milk", "buy milk", {"status": "done"}),
        ("set buy milk to in progress", "buy milk", {"status": "in_progress"}),
        ("start working on buy milk", "buy milk", {"status": "in_progress"}),
        ("I'm working on buy milk", "buy milk", {"status": "in_progress"}),
        ("reopen call Bob", "call Bob", {"status": "todo"}),
        ("change the status of buy milk to todo", "buy milk", {"status": "todo"}),
        ("set priority of buy milk to low", "buy milk", {"priority": "low"}),
        ("set the priority of 'buy milk' to high", "buy milk", {"priority": "high"}),
        ("change buy milk's priority to medium", "buy milk", {"priority": "medium"}),
        ("make buy milk high priority", "buy milk", {"priority": "high"}),
        ("give buy milk a high priority", "buy milk", {"priority": "high"}),
        ("prioritize buy milk", "buy milk", {"priority": "high"}),
        ("change due date of buy milk to tomorrow", "buy milk", {"due_date": TOMORROW}),
        ("change the due date of 'buy milk' to 2026-12-24", "buy milk", {"due_date": "2026-12-24"}),
        ("move buy milk to Friday", "buy milk", {"due_date": "2026-11-27"}),
        ("reschedule buy milk for next week", "buy milk", {"due_date": "2026-11-29"}),
        ("push the deadline of buy milk to December 5", "buy milk", {"due_date": "2026-12-05"}),
        ("clear the due date of buy milk", "buy milk", {"due_date": None}),
        ("buy milk is due on Monday", "buy milk", {"due_date": TOMORROW}),
        ("rename buy milk to buy oat milk", "buy milk", {"title": "Buy oat milk"}),
        ("change the title of buy milk to 'Get milk'", "buy milk", {"title": "Get milk"}),
        ("set the description of buy milk to: two bottles", "buy milk", {"description": "two bottles"}),
        ("change buy milk to high priority", "buy milk", {"priority": "high"}),
        ("update buy milk to tomorrow", "buy milk", {"due_date": TOMORROW}),
    ],
)
def test_changing(text: str, target: str, fields: dict[str, Any]) -> None:
    assert read(text) == [("update_task", target, fields)]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("delete the task buy milk", ("delete_task", "buy milk", {})),
        ("Delete 'buy milk'", ("delete_task", "buy milk", {})),
        ("please remove my task call Bob", ("delete_task", "call Bob", {})),
        ("get rid of buy milk", ("delete_task", "buy milk", {})),
        ("comment on buy milk: get oat milk", ("add_task_comment", "buy milk", {"content": "get oat milk"})),
        ("add a comment to 'buy milk': oat, please", ("add_task_comment", "buy milk", {"content": "oat, please"})),
        ('add a comment "oat milk" to buy milk', ("add_task_comment", "buy milk", {"content": "oat milk"})),
        ("comment on the task buy milk saying get two", ("add_task_comment", "buy milk", {"content": "get two"})),
        ("show comments on buy milk", ("list_task_comments", "buy milk", {})),
        ("what are the comments on 'buy milk'?", ("list_task_comments", "buy milk", {})),
        ("what is due today?", ("list_tasks_due_today", "", {})),
        ("What's due today?", ("list_tasks_due_today", "", {})),
        ("what do I have to do today", ("list_tasks_due_today", "", {})),
        ("show me my tasks for today", ("list_tasks_due_today", "", {})),
        ("do I have anything due today?", ("list_tasks_due_today", "", {})),
        ("list my tasks", ("list_tasks", "", {})),
        ("show all my tasks", ("list_tasks", "", {})),
        ("what are my tasks?", ("list_tasks", "", {})),
        ("tasks", ("list_tasks", "", {})),
        ("show me all high priority tasks", ("list_tasks", "", {"priority": "high"})),
        ("which tasks are done?", ("list_tasks", "", {"status": "done"})),
        ("list tasks in progress", ("list_tasks", "", {"status": "in_progress"})),
        ("what are my overdue tasks?", ("list_tasks", "", {"due_to": "2026-11-21"})),
        ("what is due tomorrow?", ("list_tasks", "", {"due_from": TOMORROW, "due_to": TOMORROW})),
        ("which tasks are due next week?", ("list_tasks", "", {"due_from": "2026-11-23", "due_to": "2026-11-29"})),
        ("find tasks about milk", ("list_tasks", "", {"search": "milk"})),
        ("create a task", ("create_task", "", {})),
        ("what's the weather like?", ("", "what's the weather like", {})),
    ],
)
def test_deleting_commenting_and_reading(text: str, intent: tuple[str, str, dict[str, Any]]) -> None:
    assert read(text) == [intent]


@pytest.mark.parametrize(
    ("text", "tools"),
    [
        ("create a task to buy milk and another to call Bob", ["create_task", "create_task"]),
        ("create tasks to buy milk, call Bob and walk the dog", ["create_task"] * 3),
        ("mark buy milk as done and delete call Bob", ["update_task", "delete_task"]),
        ("create a task to buy milk tomorrow. Also mark call Bob as done.", ["create_task", "update_task"]),
        ("Add a task to buy milk; then show my tasks", ["create_task", "list_tasks"]),
        (
            "create a task to buy milk\ncreate a task to call Bob\nwhat is due today?",
            ["create_task", "create_task", "list_tasks_due_today"],
        ),
        (
            "mark buy milk as done, add a task to call Anna tomorrow, and list my tasks",
            ["update_task", "create_task", "list_tasks"],
        ),
    ],
)
def test_several_intents(text: str, tools: list[str]) -> None:
    assert [tool for tool, *_ in read(text)] == tools


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-11-22"),
        ("tonight", "2026-11-22"),
        ("tomorrow morning", "2026-11-23"),
        ("the day after tomorrow", "2026-11-24"),
        ("in a week", "2026-11-29"),
        ("in 10 days", "2026-12-02"),
        ("two weeks from now", "2026-12-06"),
        ("in a month", "2026-12-22"),
        ("in 3 months", "2027-02-22"),
        ("next month", "2026-12-22"),
        ("next year", "2027-11-22"),
        ("on Sunday", "2026-11-29"),
        ("this Wednesday", "2026-11-25"),
        ("by sat", "2026-11-28"),
        ("this weekend", "2026-11-28"),
        ("next weekend", "2026-12-05"),
        ("end of the week", "2026-11-22"),
        ("end of the year", "2026-12-31"),
        ("1 December", "2026-12-01"),
        ("December 1st", "2026-12-01"),
        ("the 3rd of March", "2027-03-03"),
        ("Mar 3, 2028", "2028-03-03"),
        ("24.12.", "2026-12-24"),
        ("24.12.2027", "2027-12-24"),
        ("29 February", "2028-02-29"),
        ("on the 31st", "2026-12-31"),
        ("2026-12-01", "2026-12-01"),
        ("2026-02-30", None),
        ("30 February", None),
        ("in 9999 years", None),
        ("sun cream", None),
        ("may", None),
        ("sometime", None),
    ],
)
def test_days(text: str, day: str | None) -> None:
    found = ENGLISH.days.find(text, TODAY)
    assert (found and found.day.isoformat()) == day


def test_days_at_the_edges_of_months_and_years() -> None:
    def on(text: str, today: str) -> str:
        found = ENGLISH.days.find(text, date.fromisoformat(today))
        assert found is not None
        return found.day.isoformat()

    assert on("tomorrow", "2026-12-31") == "2027-01-01"
    assert on("in a month", "2027-01-31") == "2027-02-28"
    assert on("next year", "2028-02-29") == "2029-02-28"
    assert on("the 31st", "2027-02-10") == "2027-03-31"
    assert on("1 January", "2026-12-31") == "2027-01-01"


@given(st.text(max_size=300))
def test_any_text_is_understood_somehow(text: str) -> None:
    understand(text, TODAY, [PROJECT, {"name": text}])


_WORDS = [
    "create",
    "a",
    "task",
    "to",
    "buy",
    "milk",
    "tomorrow",
    "by",
    "on",
    "the",
    "due",
    "date",
    "priority",
    "high",
    "of",
    "and",
    "another",
    "comment",
    "delete",
    "'it'",
    '"x"',
    "is",
    "done",
    ":",
    ",",
    ".",
    ";",
    "today",
    "remind",
    "me",
    "set",
    "change",
    "to",
    "in",
    "3",
    "weeks",
    "project",
    "Website",
    "next",
    "friday",
    "show",
    "tasks",
    "what",
    "mark",
    "as",
]


@given(st.lists(st.sampled_from(_WORDS), max_size=40).map(" ".join))
def test_any_shuffle_of_its_own_words_is_understood_somehow(text: str) -> None:
    for intent in understand(text, TODAY, [PROJECT]):
        assert len(intent.fields.get("title", "x")) <= 500
        assert intent.fields.get("title", "x").strip()


@pytest.mark.parametrize(
    "text",
    [
        "create a task to " + "by " * 1300,
        "create a task to " + "and with " * 400,
        "what " + "due for on have " * 240,
        "add " + "the new " * 490 + "tasks",
        "," * 4000,
        "create a task to x" + ",;" * 1900 + "y",
        "mark " + "as to is " * 440,
        "'" * 4000,
        "comment on " + "saying that " * 330,
        "delete comments " + "on " * 1300,
        "a and " * 660,
        "\n" * 4000,
        "in 1 " * 800,
        "remind me " + "at 5 " * 790,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    understand(text, TODAY, [PROJECT])
    assert time.process_time() - started < 0.5
