"""Whole turns with the offline model and all four agents: routing, tiers, several agents in one turn."""

import asyncio
import uuid
from typing import Any

import pytest

from agents.offline_model.building.words import BUILDING
from agents.offline_model.languages import LANGUAGES
from agents.offline_model.languages.foreign import FOREIGN
from agents.registry import registry
from chat.sanitizer import protected_texts
from tests.chat.conftest import AGENTS
from tests.chat.ws.sockets import Socket
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

PROJECT = {"id": "0b7cd3f4-0000-4000-8000-00000000000a", "name": "Website", "status": "active"}
LAUNCH = {
    "id": "0b7cd3f4-0000-4000-8000-000000000012",
    "project_id": PROJECT["id"],
    "title": "Launch",
    "is_ai_suggested": True,
    "is_approved": False,
}
NOTE = {"id": "0b7cd3f4-0000-4000-8000-000000000021", "title": "Pasta", "content": "Salt the water"}
CONTEXT = {"projects": [PROJECT], "checkpoints": [LAUNCH], "notes": [NOTE]}


@pytest.fixture(autouse=True)
def _offline(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_agents", {agent.name: agent for agent in AGENTS})
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 30.0


def ask(api: ApiClient, account: Account, message: str) -> Answer:
    return api.post("chat", json={"message": message, "context": CONTEXT}, token=account.access_token)


async def frames(account: Account, message: str) -> list[dict[str, Any]]:
    socket = Socket(query=f"token={account.access_token}")
    assert await socket.open()
    try:
        return await socket.ask(message, context=CONTEXT)
    finally:
        await socket.leave()


def list_actions(answer: Answer) -> list[tuple[str, Any]]:
    return [(action["name"], action["data"]) for action in answer.json["actions"]]


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("create a task to buy milk", ("create_task", {"title": "Buy milk"})),
        ("archive the project Website", ("update_project", {"status": "archived"})),
        ("write a note called Ideas: paint it", ("create_note", {"title": "Ideas", "content": "paint it"})),
    ],
)
def test_free_is_served_by_three_agents(api: ApiClient, free: Account, message: str, action: Any) -> None:
    assert list_actions(ask(api, free, message)) == [action]


@pytest.mark.parametrize(
    "message", ["approve the checkpoint Launch", "add a milestone Beta", "Genehmige den Meilenstein X"]
)
def test_a_message_about_checkpoints_is_403_on_free(api: ApiClient, free: Account, message: str) -> None:
    answer = ask(api, free, message)

    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert answer.json["required_tier"] == "pro"


def test_no_part_of_a_message_is_done_where_one_needs_checkpoints(api: ApiClient, free: Account) -> None:
    answer = ask(api, free, "create a task to buy milk and approve the checkpoint Launch")

    assert (answer.status, answer.code) == (403, "feature_not_available")


def test_pro_has_checkpoints(api: ApiClient, pro: Account) -> None:
    answer = ask(api, pro, "approve the checkpoint Launch")

    assert list_actions(answer) == [("update_checkpoint", {"is_approved": True})]
    assert answer.json["response"] == "I approved “Launch”."


async def test_a_message_about_checkpoints_is_an_error_frame_on_free(free: Account) -> None:
    (frame,) = await frames(free, "approve the checkpoint Launch")

    assert (frame["type"], frame["done"]) == ("error", True)
    problem = frame["error"]
    assert (problem["status"], problem["code"], problem["required_tier"]) == (403, "feature_not_available", "pro")


async def test_a_refused_message_leaves_the_socket_open(free: Account) -> None:
    socket = Socket(query=f"token={free.access_token}")
    assert await socket.open()
    try:
        assert (await socket.ask("approve the checkpoint Launch", context=CONTEXT))[-1]["type"] == "error"
        assert (await socket.ask("delete the note Pasta", context=CONTEXT))[-1][
            "response"
        ] == "I deleted the note “Pasta”."
    finally:
        await socket.leave()


async def test_pro_has_checkpoints_on_the_socket(pro: Account) -> None:
    seen = await frames(pro, "approve the checkpoint Launch")

    assert [frame["action"]["data"] for frame in seen if frame["type"] == "action"] == [{"is_approved": True}]
    assert seen[-1]["response"] == "I approved “Launch”."


def test_several_agents_make_one_answer(api: ApiClient, free: Account) -> None:
    answer = ask(
        api, free, "create a project Garden and a task to dig in the project Garden. Then delete the note Pasta."
    )

    (project, task, note) = answer.json["actions"]
    assert (project["name"], project["data"]) == ("create_project", {"name": "Garden"})
    assert (task["name"], task["data"]) == ("create_task", {"title": "Dig", "project_id": project["record_id"]})
    assert (note["name"], note["record_id"]) == ("delete_note", NOTE["id"])
    assert answer.json["response"] == (
        "I created the project “Garden”.\nI created the task “Dig”.\nI deleted the note “Pasta”."
    )


def test_a_project_and_its_tasks_are_made_in_turn(api: ApiClient, free: Account) -> None:
    answer = ask(api, free, "create a project Garden with tasks water the roses and cut the hedge")

    (project, *tasks) = answer.json["actions"]
    assert (project["name"], project["data"]) == ("create_project", {"name": "Garden"})
    assert [(task["name"], task["data"]) for task in tasks] == [
        ("create_task", {"title": title, "project_id": project["record_id"]})
        for title in ("Water the roses", "Cut the hedge")
    ]


def make_task(title: str, **fields: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, title)), "title": title, "status": "todo", **fields}


TASKS = [
    make_task("Contact form", project_id=PROJECT["id"], due_date="2020-01-01", priority="low"),
    make_task("Imprint", project_id=PROJECT["id"], due_date="2020-01-01", status="done"),
    make_task("Buy milk", priority="low"),
    make_task("Pay rent", due_date="2020-01-01"),
]


def list_deeds(actions: list[dict[str, Any]]) -> set[tuple[str, str]]:
    titles = {row["id"]: row["title"] for row in TASKS}
    return {(action["name"], titles[action["record_id"]]) for action in actions if action["type"] != "query_records"}


BULK_WISHES = [
    ("delete all website tasks", "delete_task", {"Contact form", "Imprint"}),
    ("delete all low priority tasks", "delete_task", {"Contact form", "Buy milk"}),
    ("mark all tasks except the contact form as done", "update_task", {"Imprint", "Buy milk", "Pay rent"}),
    ("postpone everything overdue to Monday", "update_task", {"Contact form", "Pay rent"}),
    ("lösche alle Aufgaben von Website", "delete_task", {"Contact form", "Imprint"}),
    ("delete all unimportant garden tasks", "", set()),
    ("delete everything", "", set()),
]


@pytest.mark.parametrize(("message", "tool", "titles"), BULK_WISHES)
def test_a_bulk_wish_acts_on_exactly_those_it_names(
    api: ApiClient, free: Account, message: str, tool: str, titles: set[str]
) -> None:
    body = {"message": message, "context": {**CONTEXT, "recent_tasks": TASKS}}
    answer = api.post("chat", json=body, token=free.access_token)

    assert list_deeds(answer.json["actions"]) == {(tool, title) for title in titles}
    assert titles or answer.json["response"].endswith("?")


@pytest.mark.thorough
async def test_bulk_wishes_on_the_socket_do_and_ask_the_same(free: Account) -> None:
    context = {**CONTEXT, "recent_tasks": TASKS}
    socket = Socket(query=f"token={free.access_token}")
    assert await socket.open()
    try:
        for message, tool, titles in BULK_WISHES:
            seen = await socket.ask(message, context=context)
            actions = [frame["action"] for frame in seen if frame["type"] == "action"]
            assert list_deeds(actions) == {(tool, title) for title in titles}
            assert all(action["destructive"] is (tool == "delete_task") for action in actions)
    finally:
        await socket.leave()


def test_a_question_about_a_note_is_answered_from_it(api: ApiClient, free: Account) -> None:
    answer = ask(api, free, "what goes into the water for the pasta?")

    assert (answer.json["actions"], answer.json["response"]) == ([], "Your note “Pasta” says:\n\nSalt the water")


def test_nothing_that_the_offline_model_says_is_taken_for_a_secret() -> None:
    sanitizer = asyncio.run(protected_texts.sanitizer()).for_turn([])
    for text in (text for language in LANGUAGES for text in language.answers.values()):
        assert sanitizer.text(text) == text
    for foreign in FOREIGN.values():
        assert sanitizer.text(foreign.answer) == foreign.answer
    for text in (text for words in BUILDING.values() for text in words.texts.values()):
        assert sanitizer.text(text) == text
