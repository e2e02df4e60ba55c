"""What the offline model makes of plain English about projects, checkpoints and notes. Today is Sunday, 22 November."""

from datetime import date
from typing import Any

import pytest

from agents.offline_model.kinds import Kind
from agents.offline_model.understanding import understand
from tests.agents.support import PROJECT, Device
from tests.agents.tools.support import BETA, MINUTES, OLD, PASTA, turn_with

TODAY = date(2026, 11, 22)
ASKED_FOR = {"is_ai_suggested": False}


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""


def read(text: str, kind: Kind = Kind.TASK) -> list[tuple[str, str, dict[str, Any]]]:
    return [(intent.tool, intent.target, intent.fields) for intent in understand(text, TODAY, [PROJECT], kind)]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("create a project called Garden", ("create_project", "", {"name": "Garden"})),
        ("start a new project Summer 2027", ("create_project", "", {"name": "Summer 2027"})),
        ("rename the project Website to Shop", ("update_project", "Website", {"name": "Shop"})),
        ("rename the Website project to Shop", ("update_project", "Website", {"name": "Shop"})),
        ("archive Website", ("update_project", "Website", {"status": "archived"})),
        ("close the project Website", ("update_project", "Website", {"status": "archived"})),
        ("reactivate the project Website", ("update_project", "Website", {"status": "active"})),
        ("delete the project Website", ("update_project", "Website", {"status": "archived"})),
        ("delete the project Website for good", ("delete_project", "Website", {})),
        ("permanently delete the Website project", ("delete_project", "Website", {})),
        ("list my projects", ("list_projects", "", {})),
        ("show archived projects", ("list_all_projects", "", {})),
        ("open the project Website", ("get_project", "Website", {})),
        (
            "add a milestone Beta to the Website project on 1 December",
            (
                "create_checkpoint",
                "",
                {"title": "Beta", "project_id": PROJECT["id"], "due_date": "2026-12-01", **ASKED_FOR},
            ),
        ),
        (
            "create a checkpoint for Website called Beta",
            ("create_checkpoint", "", {"title": "Beta", "project_id": PROJECT["id"], **ASKED_FOR}),
        ),
        ("approve the checkpoint Launch", ("update_checkpoint", "Launch", {"is_approved": True})),
        ("reject the milestone Launch", ("delete_checkpoint", "Launch", {})),
        ("move the milestone Beta to Friday", ("update_checkpoint", "Beta", {"due_date": "2026-11-27"})),
        ("mark the checkpoint Beta as reached", ("update_checkpoint", "Beta", {"status": "done"})),
        ("what milestones does Website have?", ("list_checkpoints", "", {"project_id": PROJECT["id"]})),
        ("write a note called Ideas: paint it", ("create_note", "", {"title": "Ideas", "content": "paint it"})),
        ("note: call the bank", ("create_note", "", {"title": "Call the bank", "content": "call the bank"})),
        (
            'create a note titled "Trip" with content "pack socks"',
            ("create_note", "", {"title": "Trip", "content": "pack socks"}),
        ),
        (
            "Create a note called Shopping:\n- milk\n- eggs. Both!",
            ("create_note", "", {"title": "Shopping", "content": "- milk\n- eggs. Both!"}),
        ),
        ("rename the note Pasta to Penne", ("update_note", "Pasta", {"title": "Penne"})),
        ("delete the note Pasta", ("delete_note", "Pasta", {})),
        ("what does the note Pasta say?", ("get_note", "Pasta", {})),
        ("find notes about pasta", ("list_notes", "", {"search": "pasta"})),
        ("show the notes of the project Website", ("list_notes", "", {"project_id": PROJECT["id"]})),
        ("mark the note Pasta as high priority", ("", "mark the note Pasta as high priority", {})),
        ("do not delete the note Pasta", ("", "do not delete the note Pasta", {})),
        ("don't archive Website", ("", "don't archive Website", {})),
    ],
)
def test_one_intent(text: str, intent: tuple[str, str, dict[str, Any]]) -> None:
    assert read(text) == [intent]


def test_what_is_meant_without_a_noun_depends_on_whose_tools_there_are() -> None:
    assert read("delete Website", Kind.NOTE) == [("delete_note", "Website", {})]
    assert read("delete the task Website", Kind.NOTE) == [("delete_task", "Website", {})]
    assert read("mark Website as done", Kind.NOTE) == [("update_task", "Website", {"status": "done"})]


def test_a_name_may_follow() -> None:
    assert read("create a project and call it Garden") == [("create_project", "", {"name": "Garden"})]


@pytest.mark.parametrize(
    ("agent", "query", "made"),
    [
        ("project_agent", "archive website", [("update_project", PROJECT["id"], {"status": "archived"})]),
        ("project_agent", "restore the project old shop", [("update_project", OLD["id"], {"status": "active"})]),
        ("project_agent", "delete old shop permanently", [("delete_project", OLD["id"], {})]),
        (
            "checkpoint_agent",
            "postpone beta by a week",
            [("update_checkpoint", BETA["id"], {"due_date": "2026-12-08"})],
        ),
        (
            "note_agent",
            "add to the note Pasta: eat it hot",
            [("update_note", PASTA["id"], {"content": "Salt the water\n\neat it hot"})],
        ),
        ("note_agent", "open the kick-off minutes", [("get_note", MINUTES["id"], {})]),
    ],
)
async def test_finds_records_by_their_name(agent: str, query: str, made: list[Any]) -> None:
    assert (await turn_with(agent, query)).made == made


async def test_a_checkpoint_goes_into_the_only_project_that_is_active() -> None:
    done = await turn_with("checkpoint_agent", "add the checkpoint Freeze")
    assert done.actions[0].data == {
        "project_id": PROJECT["id"],
        "title": "Freeze",
        "is_ai_suggested": False,
        "is_approved": True,
    }


async def test_asks_which_project_a_checkpoint_is_for() -> None:
    projects = [PROJECT, {"id": "p2", "name": "Garden"}]
    done = await turn_with("checkpoint_agent", "add the checkpoint Freeze", data={"projects": projects})
    assert done.actions == []
    assert done.text == "I found several that fit: “Website” and “Garden”. Which one do you mean?"


async def test_suggestions_wait_for_approval() -> None:
    done = await turn_with("checkpoint_agent", "suggest some milestones for Website")
    assert len(done.actions) == 3
    assert all(action.data["is_ai_suggested"] and not action.data["is_approved"] for action in done.actions)
    assert "waits for your approval" in done.text


async def test_all_suggestions_can_be_approved_at_once() -> None:
    done = await turn_with("checkpoint_agent", "approve all suggested checkpoints")
    assert [action.data for action in done.actions] == [{"is_approved": True}]


async def test_reads_a_note_on_the_device_before_it_adds_to_it() -> None:
    device = Device({"list_notes": [{"id": "n1", "title": "Pasta"}], "get_note": {"id": "n1", "content": "Salt"}})
    done = await turn_with("note_agent", "add to the note Pasta: pepper", device, data={})
    assert [asked.name for asked in done.asked] == ["list_notes", "get_note"]
    assert done.made == [("update_note", "n1", {"content": "Salt\n\npepper"})]


async def test_says_what_it_could_not_do_here() -> None:
    done = await turn_with("note_agent", "delete the note Pasta and create a task to buy milk")
    assert [action.name for action in done.actions] == ["delete_note"]
    assert done.text == "I deleted the note “Pasta”.\nI could not do the rest of it in this conversation."


async def test_lists_with_what_tells_records_apart() -> None:
    done = await turn_with("checkpoint_agent", "list the checkpoints")
    assert done.text == (
        "I found 2 checkpoints:\n- Beta (due on Tuesday, 1 December)\n"
        "- Launch (due on Sunday, 20 December, suggested, not approved yet)"
    )
