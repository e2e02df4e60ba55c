"""A question lists exactly the records that its words tell of; a word that was not read is asked about."""

import re
from typing import Any

import pytest

from agents.offline_model import provider
from tests.agents.offline_model.conversation import CONTEXT, TASKS
from tests.agents.support import turn

WEBSITE = {"Contact form", "Imprint page", "Choose a font"}
DONE = {"Choose a font", "Strom ummelden", "Buy bread"}
HIGH = {"Contact form", "Prenotare il furgone", "Pay rent"}
TODAY = {"Kisten packen", "Buy milk"}
UNDATED = {"Strom ummelden", "Buy bread", "Pay rent"}
THIS_WEEK = TODAY | {"Contact form", "Water the roses"}
WITHOUT_PROJECT = {"Buy milk", "Buy bread", "Call Anna", "Call Bob", "Pay rent"}
ALL = {str(task["title"]) for task in TASKS}
DECEMBER = {"Call Bob"}


@pytest.fixture(autouse=True)
def _offline(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    monkeypatch.setattr(provider, "_SECONDS_A_WORD", 0)


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("which tasks are not high priority?", ALL - HIGH),
        ("Welche Aufgaben haben nicht hohe Priorität?", ALL - HIGH),
        ("quali attività non hanno priorità alta?", ALL - HIGH),
        ("show tasks except the done ones", ALL - DONE),
        ("Zeig mir alle Aufgaben außer den erledigten", ALL - DONE),
        ("show all tasks except Website", ALL - WEBSITE),
        ("which tasks are due after Monday?", {"Imprint page", "Prenotare il furgone", "Call Anna", "Call Bob"}),
        ("which tasks are not due today?", ALL - TODAY),
        ("which tasks have no due date?", UNDATED),
        ("Welche Aufgaben haben kein Datum?", UNDATED),
        ("quali attività non hanno una scadenza?", UNDATED),
        ("which tasks have no project?", WITHOUT_PROJECT),
        ("Welche Aufgaben haben kein Projekt?", WITHOUT_PROJECT),
        ("what is due?", THIS_WEEK),
        ("what is due this week?", THIS_WEEK),
        ("what is due this month?", ALL - UNDATED - DECEMBER),
        ("what is due next month?", DECEMBER),
        ("what is due in Website?", {"Contact form"}),
        ("which tasks does Website have?", WEBSITE),
        ("list tasks tagged shopping", {"Buy milk", "Buy bread"}),
        ("show all tasks assigned to Ben", {"Call Anna"}),
        ("what is left in Website?", WEBSITE - DONE),
        ("what are my most important tasks?", HIGH),
        ("how many tasks do I have?", ALL),
    ],
)
async def test_exactly_those_are_listed(question: str, titles: set[str]) -> None:
    said = (await turn(question, CONTEXT)).text

    assert set(re.findall(r"^- (.+?)(?: \(.*)?$", said, re.MULTILINE)) == titles


@pytest.mark.parametrize(
    ("question", "unread"),
    [
        ("what tasks does Bob have?", "Bob"),
        ("show me all old tasks", "old"),
        ("what is due in the next 3 days?", "next 3 days"),
        ("which tasks are in project Shop?", "Shop"),
        ("Zeig mir alle langweiligen Aufgaben", "langweiligen"),
        ("mostrami le attività noiose", "noiose"),
    ],
)
async def test_what_was_not_read_is_asked_about(question: str, unread: str) -> None:
    said = (await turn(question, CONTEXT)).text

    assert unread in said
    assert "\n- " not in said
    assert said.endswith("?")


async def test_a_record_that_it_names_answers_it() -> None:
    assert "“Call Anna” (to do, due on Friday" in (await turn("what is the due date of Call Anna?", CONTEXT)).text
