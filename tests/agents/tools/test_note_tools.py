"""Each tool of the note agent by itself: what its arguments may be, and the exact Action it makes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.agents import CheckpointAgent, NoteAgent, ProjectAgent
from agents.tools.base import Tool, ToolError, ToolRun
from agents.tools.records import RunRecords
from tests.agents.support import PROJECT, context
from tests.agents.tools.support import MINUTES, PASTA, UNKNOWN, Calls

CALLS = Calls(NoteAgent)
EVERY_TOOL = {**CALLS.tools, **Calls(ProjectAgent).tools, **Calls(CheckpointAgent).tools}


def _action(name: str, action_type: str, record_id: str | None, /, **data: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": action_type,
        "table": "notes",
        "record_id": record_id,
        "data": data,
        "destructive": action_type == "delete_record",
    }


def test_the_vocabulary_is_the_contracts() -> None:
    assert list(CALLS.tools) == ["list_notes", "get_note", "create_note", "update_note", "delete_note"]


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("list_notes", {}, _action("list_notes", "query_records", None)),
        (
            "list_notes",
            {"search": "salt", "project_id": PROJECT["id"]},
            _action("list_notes", "query_records", None, search="salt", project_id=PROJECT["id"]),
        ),
        ("get_note", {"note_id": PASTA["id"]}, _action("get_note", "query_records", PASTA["id"])),
        (
            "update_note",
            {"note_id": PASTA["id"], "content": "Salt the water\n\n- [ ] buy **salt**"},
            _action("update_note", "update_record", PASTA["id"], content="Salt the water\n\n- [ ] buy **salt**"),
        ),
        (
            "update_note",
            {"note_id": MINUTES["id"], "title": "Minutes", "content": "", "project_id": None},
            _action("update_note", "update_record", MINUTES["id"], title="Minutes", content="", project_id=None),
        ),
        ("delete_note", {"note_id": PASTA["id"]}, _action("delete_note", "delete_record", PASTA["id"])),
    ],
)
def test_a_call_makes_exactly_this_action(name: str, arguments: Any, action: dict[str, Any]) -> None:
    assert CALLS.wire(name, arguments) == action


@pytest.mark.parametrize(
    "data",
    [
        {"title": "Ideas"},
        {"title": "Ideas", "content": "## Colours\n\n| a | b |\n|---|---|\n| 1 | 2 |", "project_id": PROJECT["id"]},
    ],
)
def test_create_note(data: dict[str, Any]) -> None:
    assert CALLS.wire("create_note", {"content": None, **data}) == {
        "name": "create_note",
        "type": "create_record",
        "table": "notes",
        "data": data,
        "destructive": False,
    }


def test_list_notes_filters() -> None:
    assert CALLS.find("list_notes") == ["Kick-off minutes", "Pasta"]
    assert CALLS.find("list_notes", project_id=PROJECT["id"]) == ["Kick-off minutes"]
    assert CALLS.find("list_notes", search="WATER salt") == ["Pasta"]
    assert CALLS.find("list_notes", limit=1) == ["Kick-off minutes"]
    assert CALLS.find("get_note", note_id=PASTA["id"]) == ["Pasta"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_notes", {"project_id": UNKNOWN}),
        ("list_notes", {"search": 5}),
        ("get_note", {"note_id": "Pasta"}),
        ("get_note", {"title": "Pasta"}),
        ("create_note", {}),
        ("create_note", {"content": "text without a title"}),
        ("create_note", {"title": " "}),
        ("create_note", {"title": "x", "content": ["a", "b"]}),
        ("create_note", {"title": "x", "content": "x" * 100_001}),
        ("create_note", {"title": "x", "project_id": UNKNOWN}),
        ("create_note", {"title": "x", "tags": ["a"]}),
        ("update_note", {"note_id": PASTA["id"]}),
        ("update_note", {"note_id": PASTA["id"], "title": None}),
        ("update_note", {"note_id": PASTA["id"], "content": None}),
        ("update_note", {"note_id": PASTA["id"], "project_id": MINUTES["id"]}),
        ("update_note", {"note_id": UNKNOWN, "title": "x"}),
        ("delete_note", {"note_id": UNKNOWN}),
        ("delete_note", {"note_id": PROJECT["id"]}),
    ],
)
def test_bad_arguments_never_act(name: str, arguments: Any) -> None:
    with pytest.raises(ToolError, match="Nothing was done"):
        CALLS.act(name, arguments)


@pytest.mark.parametrize("tool", EVERY_TOOL.values(), ids=list(EVERY_TOOL))
def test_schema_is_closed_and_described(tool: Tool[Any]) -> None:
    function = tool.schema()["function"]
    assert function["name"] == tool.name
    assert len(function["description"]) > 20
    assert function["parameters"]["type"] == "object"
    assert function["parameters"]["additionalProperties"] is False
    assert "$defs" not in function["parameters"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
arguments_alike = st.dictionaries(
    st.sampled_from(["project_id", "checkpoint_id", "note_id", "title", "name", "content", "status", "is_approved"]),
    st.sampled_from([PROJECT["id"], PASTA["id"], "x", "", None, True, "archived"]) | json_values,
)


@given(st.sampled_from(sorted(EVERY_TOOL)), st.text(max_size=200) | (json_values | arguments_alike).map(json.dumps))
def test_any_text_is_either_an_action_or_a_tool_error(name: str, text: str) -> None:
    tool = EVERY_TOOL[name]
    try:
        action = tool.action(tool.parse(text), CALLS.run())
    except ToolError:
        return
    assert action.name == name
    json.dumps(action.as_dict(), allow_nan=False)


@given(json_values, json_values, json_values)
def test_any_context_can_be_read(projects: Any, checkpoints: Any, notes: Any) -> None:
    data = {"projects": projects, "checkpoints": checkpoints, "notes": notes}
    run = ToolRun(RunRecords.of(data), context(data))
    for name in ("list_projects", "list_all_projects", "list_checkpoints", "list_notes"):
        tool = EVERY_TOOL[name]
        assert tool.find is not None
        tool.find(tool.parse('{"search": "x"}' if name != "list_checkpoints" else '{"is_approved": false}'), run)
