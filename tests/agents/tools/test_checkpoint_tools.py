"""Each tool of the checkpoint agent by itself: what its arguments may be, and the exact Action it makes."""

from typing import Any

import pytest

from agents.agents import CheckpointAgent
from agents.tools.base import ToolError, ToolRun
from agents.tools.records import RunRecords
from tests.agents.support import PROJECT, context
from tests.agents.tools.support import BETA, LAUNCH, MINUTES, UNKNOWN, Calls

CALLS = Calls(CheckpointAgent)


def _action(name: str, action_type: str, record_id: str | None, /, **data: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": action_type,
        "table": "checkpoints",
        "record_id": record_id,
        "data": data,
        "destructive": action_type == "delete_record",
    }


def test_the_vocabulary_is_the_contracts() -> None:
    assert list(CALLS.tools) == ["list_checkpoints", "create_checkpoint", "update_checkpoint", "delete_checkpoint"]


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("list_checkpoints", {}, _action("list_checkpoints", "query_records", None)),
        (
            "list_checkpoints",
            {"project_id": PROJECT["id"], "is_approved": False, "due_to": "2026-12-31"},
            _action(
                "list_checkpoints",
                "query_records",
                None,
                project_id=PROJECT["id"],
                is_approved=False,
                due_to="2026-12-31",
            ),
        ),
        (
            "update_checkpoint",
            {"checkpoint_id": LAUNCH["id"], "is_approved": True},
            _action("update_checkpoint", "update_record", LAUNCH["id"], is_approved=True),
        ),
        (
            "update_checkpoint",
            {"checkpoint_id": BETA["id"], "title": "Beta 2", "due_date": None, "status": "done"},
            _action("update_checkpoint", "update_record", BETA["id"], title="Beta 2", due_date=None, status="done"),
        ),
        (
            "delete_checkpoint",
            {"checkpoint_id": BETA["id"]},
            _action("delete_checkpoint", "delete_record", BETA["id"]),
        ),
    ],
)
def test_a_call_makes_exactly_this_action(name: str, arguments: Any, action: dict[str, Any]) -> None:
    assert CALLS.wire(name, arguments) == action


@pytest.mark.parametrize(
    ("said", "suggested", "approved"),
    [({}, True, False), ({"is_ai_suggested": True}, True, False), ({"is_ai_suggested": False}, False, True)],
)
def test_a_checkpoint_is_a_suggestion_unless_the_user_asked_for_it(
    said: dict[str, Any], suggested: bool, approved: bool
) -> None:
    fields = {"project_id": PROJECT["id"], "title": "Beta", "due_date": "2026-12-01"}
    assert CALLS.wire("create_checkpoint", {**fields, **said, "description": None}) == {
        "name": "create_checkpoint",
        "type": "create_record",
        "table": "checkpoints",
        "data": {**fields, "is_ai_suggested": suggested, "is_approved": approved},
        "destructive": False,
    }


def test_a_model_cannot_approve_what_it_suggests() -> None:
    run = CALLS.run()
    made = CALLS.act("create_checkpoint", {"project_id": PROJECT["id"], "title": "Beta"}, run)
    with pytest.raises(ToolError, match="waits for the user's approval"):
        CALLS.act("update_checkpoint", {"checkpoint_id": made.record_id, "is_approved": True}, run)
    moved = CALLS.act("update_checkpoint", {"checkpoint_id": made.record_id, "due_date": "2026-12-01"}, run)
    assert moved.data == {"due_date": "2026-12-01"}


def test_what_the_user_asked_for_may_be_approved_again() -> None:
    run = CALLS.run()
    fields = {"project_id": PROJECT["id"], "title": "Beta", "is_ai_suggested": False}
    made = CALLS.act("create_checkpoint", fields, run)
    again = CALLS.act("update_checkpoint", {"checkpoint_id": made.record_id, "is_approved": True}, run)
    assert again.data == {"is_approved": True}


def test_list_checkpoints_filters() -> None:
    assert CALLS.find("list_checkpoints") == ["Beta", "Launch"]
    assert CALLS.find("list_checkpoints", project_id=PROJECT["id"], limit=1) == ["Beta"]
    assert CALLS.find("list_checkpoints", is_approved=False) == ["Launch"]
    assert CALLS.find("list_checkpoints", is_approved=True) == ["Beta"]
    assert CALLS.find("list_checkpoints", due_from="2026-12-02") == ["Launch"]
    assert CALLS.find("list_checkpoints", due_to="2026-12-02") == ["Beta"]


@pytest.mark.parametrize(("row", "approved"), [({}, True), ({"is_ai_suggested": True}, False)])
def test_a_row_that_does_not_say_is_approved_unless_it_was_suggested(row: dict[str, Any], approved: bool) -> None:
    tool = CALLS.tools["list_checkpoints"]
    assert tool.find is not None
    records = RunRecords.of({"checkpoints": [{"id": "1", **row}]})
    found = tool.find(tool.parse('{"is_approved": true}'), ToolRun(records, context()))
    assert bool(found) is approved


@pytest.mark.parametrize(
    ("context_data", "known"),
    [
        ({"recent_tasks": [{"id": "t", "project_id": "p"}]}, True),
        ({"checkpoints": [{"id": "c", "project_id": "p"}]}, True),
        ({"notes": [{"id": "n", "project_id": "p"}]}, True),
        ({"notes": [{"id": "p"}]}, False),
        ({"user_profile": {"project_id": "p"}}, False),
    ],
)
def test_a_project_is_known_from_the_records_that_belong_to_it(context_data: dict[str, Any], known: bool) -> None:
    assert RunRecords.of(context_data).knows("projects", "p") is known


def test_a_projects_own_rows_are_known() -> None:
    records = RunRecords.of({})
    records.learn("projects", {"project": {"id": "p", "checkpoints": [{"id": "c"}], "tasks": [{"id": "t"}, 3]}})
    assert records.rows("checkpoints") == [{"project_id": "p", "id": "c"}]
    assert records.knows("tasks", "t")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_checkpoints", {"project_id": UNKNOWN}),
        ("list_checkpoints", {"is_approved": "no"}),
        ("list_checkpoints", {"due_from": "soon"}),
        ("list_checkpoints", {"limit": 500}),
        ("create_checkpoint", {"title": "Beta"}),
        ("create_checkpoint", {"project_id": PROJECT["id"]}),
        ("create_checkpoint", {"project_id": None, "title": "Beta"}),
        ("create_checkpoint", {"project_id": UNKNOWN, "title": "Beta"}),
        ("create_checkpoint", {"project_id": MINUTES["id"], "title": "Beta"}),
        ("create_checkpoint", {"project_id": PROJECT["id"], "title": "Beta", "is_approved": True}),
        ("create_checkpoint", {"project_id": PROJECT["id"], "title": "Beta", "is_ai_suggested": "false"}),
        ("create_checkpoint", {"project_id": PROJECT["id"], "title": "Beta", "is_ai_suggested": None}),
        ("create_checkpoint", {"project_id": PROJECT["id"], "title": "Beta", "due_date": "01.12.2026"}),
        ("update_checkpoint", {"checkpoint_id": BETA["id"]}),
        ("update_checkpoint", {"checkpoint_id": BETA["id"], "is_approved": None}),
        ("update_checkpoint", {"checkpoint_id": BETA["id"], "is_approved": 1}),
        ("update_checkpoint", {"checkpoint_id": BETA["id"], "status": "reached"}),
        ("update_checkpoint", {"checkpoint_id": BETA["id"], "is_ai_suggested": False}),
        ("update_checkpoint", {"checkpoint_id": BETA["id"], "project_id": PROJECT["id"]}),
        ("update_checkpoint", {"checkpoint_id": UNKNOWN, "title": "x"}),
        ("delete_checkpoint", {"checkpoint_id": PROJECT["id"]}),
        ("delete_checkpoint", {}),
    ],
)
def test_bad_arguments_never_act(name: str, arguments: Any) -> None:
    with pytest.raises(ToolError, match="Nothing was done"):
        CALLS.act(name, arguments)
