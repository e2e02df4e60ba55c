"""Each tool by itself: what its arguments may be, and the exact Action it makes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.actions import Action
from agents.agents import TaskAgent
from agents.tools.base import Tool, ToolError, ToolRun
from agents.tools.records import RunRecords
from tests.agents.support import ANNA, BOB, COMMENT, DATA, MILK, PROJECT, context

TOOLS = {tool.name: tool for tool in TaskAgent(user_id=None).get_tools()}  # type: ignore[arg-type]
UNKNOWN = "0b7cd3f4-0000-4000-8000-0000000000ff"


def run_for(query: str = "") -> ToolRun:
    return ToolRun(RunRecords.of(DATA, query), context())


def act(name: str, arguments: dict[str, Any], query: str = "") -> Action:
    tool = TOOLS[name]
    return tool.action(tool.parse(json.dumps(arguments)), run_for(query))


def find(name: str, **arguments: Any) -> list[str]:
    tool: Tool[Any] = TOOLS[name]
    assert tool.find is not None
    return [
        str(row.get("title", row.get("content"))) for row in tool.find(tool.parse(json.dumps(arguments)), run_for())
    ]


def test_the_vocabulary_is_the_contracts() -> None:
    assert list(TOOLS) == [
        "list_tasks",
        "create_task",
        "update_task",
        "delete_task",
        "list_tasks_due_today",
        "list_task_comments",
        "add_task_comment",
        "delete_task_comment",
    ]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))
def test_schema_is_closed_and_described(tool: Tool[Any]) -> None:
    function = tool.schema()["function"]
    assert function["name"] == tool.name
    assert len(function["description"]) > 20
    assert function["parameters"]["type"] == "object"
    assert function["parameters"]["additionalProperties"] is False
    assert "$defs" not in function["parameters"]


def test_create_task_with_everything() -> None:
    given_fields = {
        "title": "Buy milk",
        "description": "Oat",
        "status": "in_progress",
        "priority": "high",
        "due_date": "2026-11-23",
        "project_id": PROJECT["id"],
    }
    action = act("create_task", given_fields)
    assert action.data == given_fields
    assert (action.name, action.type, action.table, action.destructive) == (
        "create_task",
        "create_record",
        "tasks",
        False,
    )
    assert action.record_id
    assert action.record_id != action.id


def test_create_task_holds_only_what_was_given() -> None:
    assert act("create_task", {"title": " Buy milk ", "priority": None}).data == {"title": "Buy milk"}


def test_two_creations_have_ids_of_their_own() -> None:
    first, second = act("create_task", {"title": "a"}), act("create_task", {"title": "a"})
    assert len({first.id, second.id, first.record_id, second.record_id}) == 4


def test_update_task() -> None:
    action = act("update_task", {"task_id": MILK["id"], "status": "done"})
    assert action.as_dict() == {
        "id": action.id,
        "name": "update_task",
        "type": "update_record",
        "table": "tasks",
        "record_id": MILK["id"],
        "data": {"status": "done"},
        "destructive": False,
    }


def test_update_task_can_clear_a_field() -> None:
    action = act("update_task", {"task_id": MILK["id"], "due_date": None, "project_id": None})
    assert action.data == {"due_date": None, "project_id": None}


def test_delete_task_is_destructive() -> None:
    action = act("delete_task", {"task_id": MILK["id"]})
    assert (action.type, action.table, action.record_id, action.data, action.destructive) == (
        "delete_record",
        "tasks",
        MILK["id"],
        {},
        True,
    )


def test_add_task_comment() -> None:
    action = act("add_task_comment", {"task_id": MILK["id"], "content": "Oat"})
    assert (action.type, action.table, action.destructive) == ("create_record", "task_comments", False)
    assert action.record_id not in (None, MILK["id"])
    assert action.data == {"task_id": MILK["id"], "content": "Oat"}


def test_delete_task_comment_is_destructive() -> None:
    action = act("delete_task_comment", {"comment_id": COMMENT["id"]})
    assert (action.type, action.table, action.record_id, action.destructive) == (
        "delete_record",
        "task_comments",
        COMMENT["id"],
        True,
    )


@pytest.mark.parametrize(
    ("name", "arguments", "table", "data"),
    [
        ("list_tasks", {}, "tasks", {}),
        ("list_tasks", {"status": "todo", "limit": 3, "search": None}, "tasks", {"status": "todo", "limit": 3}),
        ("list_tasks_due_today", {}, "tasks", {"due_date": "2026-11-22"}),
        ("list_task_comments", {"task_id": MILK["id"]}, "task_comments", {"task_id": MILK["id"]}),
    ],
)
def test_reads_are_query_actions(name: str, arguments: dict[str, Any], table: str, data: dict[str, Any]) -> None:
    action = act(name, arguments)
    assert (action.type, action.table, action.record_id, action.data, action.destructive) == (
        "query_records",
        table,
        None,
        data,
        False,
    )


def test_list_tasks_filters() -> None:
    assert find("list_tasks") == ["Buy milk", "Call Bob", "Call Anna"]
    assert find("list_tasks", limit=1) == ["Buy milk"]
    assert find("list_tasks", status="done") == ["Call Bob"]
    assert find("list_tasks", priority="low") == ["Call Bob"]
    assert find("list_tasks", search="CALL") == ["Call Bob", "Call Anna"]
    assert find("list_tasks", due_from="2026-11-23") == ["Call Anna"]
    assert find("list_tasks", due_to="2026-11-22") == ["Buy milk"]
    assert find("list_tasks", project_id=PROJECT["id"]) == []


def test_due_today_is_the_users_day() -> None:
    assert find("list_tasks_due_today") == ["Buy milk"]
    moment = {**BOB, "due_date": "2026-11-22T23:30:00Z"}
    tool = TOOLS["list_tasks_due_today"]
    assert tool.find is not None
    records = RunRecords.of({**DATA, "recent_tasks": [moment]})
    # 00:30 on Monday in Berlin.
    assert tool.find(tool.parse("{}"), ToolRun(records, context())) == []


def test_list_task_comments_finds_those_of_the_task() -> None:
    assert find("list_task_comments", task_id=MILK["id"]) == ["Oat, not cow"]
    assert find("list_task_comments", task_id=ANNA["id"]) == []


BAD_ARGUMENTS = [
    ("create_task", {}),
    ("create_task", {"title": ""}),
    ("create_task", {"title": "   "}),
    ("create_task", {"title": "x" * 501}),
    ("create_task", {"title": 5}),
    ("create_task", {"title": "x", "user_id": "me"}),
    ("create_task", {"title": "x", "priority": "urgent"}),
    ("create_task", {"title": "x", "status": "finished"}),
    ("create_task", {"title": "x", "due_date": "tomorrow"}),
    ("create_task", {"title": "x", "due_date": "2026-02-30"}),
    ("create_task", {"title": "x", "due_date": "20261122"}),
    ("create_task", {"title": "x", "due_date": "2026-11-22T10:00:00Z"}),
    ("create_task", {"title": "x", "due_date": "\uff12\uff10\uff12\uff16-11-22"}),
    ("create_task", {"title": "x", "due_date": 1795371354}),
    ("create_task", {"title": "x", "description": "x" * 20_001}),
    ("create_task", {"title": "x", "project_id": UNKNOWN}),
    ("create_task", [{"title": "x"}]),
    ("create_task", "x"),
    ("create_task", None),
    ("update_task", {"task_id": MILK["id"]}),
    ("update_task", {"task_id": MILK["id"], "title": None}),
    ("update_task", {"task_id": MILK["id"], "status": None}),
    ("update_task", {"task_id": MILK["id"], "priority": "none"}),
    ("update_task", {"task_id": MILK["id"], "project_id": UNKNOWN}),
    ("update_task", {"task_id": UNKNOWN, "status": "done"}),
    ("update_task", {"task_id": PROJECT["id"], "status": "done"}),
    ("update_task", {"status": "done"}),
    ("delete_task", {"task_id": UNKNOWN}),
    ("delete_task", {"task_id": "Buy milk"}),
    ("delete_task", {}),
    ("list_tasks", {"limit": 0}),
    ("list_tasks", {"limit": 201}),
    ("list_tasks", {"status": "all"}),
    ("list_tasks_due_today", {"date": "2026-11-22"}),
    ("list_task_comments", {"task_id": UNKNOWN}),
    ("add_task_comment", {"task_id": UNKNOWN, "content": "x"}),
    ("add_task_comment", {"task_id": MILK["id"], "content": ""}),
    ("add_task_comment", {"task_id": MILK["id"], "content": "x" * 10_001}),
    ("delete_task_comment", {"comment_id": UNKNOWN}),
    ("delete_task_comment", {"comment_id": MILK["id"]}),
]


@pytest.mark.parametrize(("name", "arguments"), BAD_ARGUMENTS)
def test_bad_arguments_never_act(name: str, arguments: Any) -> None:
    with pytest.raises(ToolError) as refused:
        act(name, arguments)
    assert str(refused.value).startswith("Nothing was done")
    assert "pydantic" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["{", '{"title": "x"', "nonsense", '{"title": NaN}', '{"title": "\\ud800"}', '{"title": "\\u0000"}', "[" * 100_000],
)
def test_malformed_json_never_acts(text: str) -> None:
    with pytest.raises(ToolError):
        TOOLS["create_task"].parse(text)


def test_no_arguments_at_all_are_an_empty_object() -> None:
    assert TOOLS["list_tasks_due_today"].parse("")


def test_an_id_that_the_user_wrote_out_is_known() -> None:
    assert act("delete_task", {"task_id": UNKNOWN}, query=f"delete {UNKNOWN}").record_id == UNKNOWN
    with pytest.raises(ToolError):
        act("delete_task", {"task_id": "e"}, query="delete the task")


def test_what_the_turn_made_is_known_and_what_it_deleted_is_gone() -> None:
    run = run_for()
    create, update, delete = TOOLS["create_task"], TOOLS["update_task"], TOOLS["delete_task"]
    made = create.action(create.parse('{"title": "New"}'), run)
    run.records.apply(made)
    changed = update.action(update.parse(json.dumps({"task_id": made.record_id, "status": "done"})), run)
    run.records.apply(changed)
    tasks = {row["id"]: row for row in run.records.rows("tasks")}
    assert tasks[made.record_id] == {"id": made.record_id, "title": "New", "status": "done"}
    arguments = delete.parse(json.dumps({"task_id": made.record_id}))
    run.records.apply(delete.action(arguments, run))
    with pytest.raises(ToolError):
        delete.action(arguments, run)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(TOOLS)), st.text(max_size=200) | json_values.map(json.dumps))
def test_any_text_is_either_an_action_or_a_tool_error(name: str, text: str) -> None:
    tool = TOOLS[name]
    try:
        action = tool.action(tool.parse(text), run_for())
    except ToolError:
        return
    assert action.name == name
    json.dumps(action.as_dict(), allow_nan=False)


@given(json_values, json_values, json_values)
def test_any_context_can_be_read(tasks: Any, comments: Any, history: Any) -> None:
    data = {"recent_tasks": tasks, "task_comments": comments, "conversation_history": history}
    run = ToolRun(RunRecords.of(data), context(data))
    for name in ("list_tasks", "list_tasks_due_today"):
        tool = TOOLS[name]
        assert tool.find is not None
        tool.find(tool.parse("{}"), run)
