"""Each tool of the project agent by itself: what its arguments may be, and the exact Action it makes."""

from typing import Any

import pytest

from agents.agents import ProjectAgent
from agents.tools.base import ToolError
from tests.agents.support import PROJECT
from tests.agents.tools.support import BETA, OLD, UNKNOWN, Calls

CALLS = Calls(ProjectAgent)


def _action(name: str, action_type: str, record_id: str | None, /, **data: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": action_type,
        "table": "projects",
        "record_id": record_id,
        "data": data,
        "destructive": action_type == "delete_record",
    }


def test_the_vocabulary_is_the_contracts() -> None:
    assert list(CALLS.tools) == [
        "list_projects",
        "list_all_projects",
        "get_project",
        "create_project",
        "update_project",
        "delete_project",
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("list_projects", {}, _action("list_projects", "query_records", None, status="active")),
        (
            "list_projects",
            {"search": "web", "limit": 5},
            _action("list_projects", "query_records", None, status="active", search="web", limit=5),
        ),
        ("list_all_projects", {"search": None}, _action("list_all_projects", "query_records", None)),
        ("get_project", {"project_id": OLD["id"]}, _action("get_project", "query_records", OLD["id"])),
        (
            "update_project",
            {"project_id": PROJECT["id"], "status": "archived"},
            _action("update_project", "update_record", PROJECT["id"], status="archived"),
        ),
        (
            "update_project",
            {"project_id": OLD["id"], "name": " Shop ", "description": None, "status": "active"},
            _action("update_project", "update_record", OLD["id"], name="Shop", description=None, status="active"),
        ),
        (
            "delete_project",
            {"project_id": PROJECT["id"]},
            _action("delete_project", "delete_record", PROJECT["id"]),
        ),
    ],
)
def test_a_call_makes_exactly_this_action(name: str, arguments: Any, action: dict[str, Any]) -> None:
    assert CALLS.wire(name, arguments) == action


def test_create_project() -> None:
    assert CALLS.wire("create_project", {"name": "Garden", "description": None}) == {
        "name": "create_project",
        "type": "create_record",
        "table": "projects",
        "data": {"name": "Garden"},
        "destructive": False,
    }


def test_archived_projects_are_in_the_full_list_only() -> None:
    assert CALLS.find("list_projects") == ["Website"]
    assert CALLS.find("list_all_projects") == ["Website", "Old shop"]
    assert CALLS.find("list_all_projects", search="php") == ["Old shop"]
    assert CALLS.find("list_all_projects", limit=1) == ["Website"]
    assert CALLS.find("get_project", project_id=OLD["id"]) == ["Old shop"]


def test_a_project_made_in_this_turn_can_be_changed_in_it() -> None:
    run = CALLS.run()
    made = CALLS.act("create_project", {"name": "Garden"}, run)
    changed = CALLS.act("update_project", {"project_id": made.record_id, "status": "archived"}, run)
    assert changed.record_id == made.record_id


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_projects", {"status": "archived"}),
        ("list_projects", {"limit": 0}),
        ("list_all_projects", {"search": "x" * 201}),
        ("get_project", {}),
        ("get_project", {"project_id": "Website"}),
        ("get_project", {"project_id": UNKNOWN}),
        ("create_project", {}),
        ("create_project", {"name": "  "}),
        ("create_project", {"name": "x" * 501}),
        ("create_project", {"name": "x", "status": "active"}),
        ("create_project", {"name": "x", "due_date": "2026-12-01"}),
        ("create_project", {"name": "x", "description": 5}),
        ("update_project", {"project_id": PROJECT["id"]}),
        ("update_project", {"project_id": PROJECT["id"], "name": None}),
        ("update_project", {"project_id": PROJECT["id"], "status": None}),
        ("update_project", {"project_id": PROJECT["id"], "status": "done"}),
        ("update_project", {"project_id": UNKNOWN, "status": "archived"}),
        ("update_project", {"project_id": BETA["id"], "status": "archived"}),
        ("delete_project", {"project_id": UNKNOWN}),
        ("delete_project", {"project_id": [PROJECT["id"]]}),
        ("delete_project", None),
    ],
)
def test_bad_arguments_never_act(name: str, arguments: Any) -> None:
    with pytest.raises(ToolError, match="Nothing was done"):
        CALLS.act(name, arguments)
