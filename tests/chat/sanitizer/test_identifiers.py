import json

import pytest

from chat.sanitizer import REPLACEMENT, Sanitizer, TurnSanitizer
from tests.chat.sanitizer.leak_checks import pieces, stream_through, streamed
from tests.chat.sanitizer.real_prompts import AGENTS, tool_schemas


def sanitize(turn: TurnSanitizer, text: str) -> str:
    """Of ``text``, the same in every cut."""
    result = streamed(turn, text)
    assert all(stream_through(turn, pieces(text, size)) == result for size in (1, 2, 3, 7))
    return result


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("way", ["{}", "`{}`", "**{}**", "_{}_", '"{}"', "({}),", "x/{}.py", "\n{}\n"])
def test_an_agent_name_goes(name: str, way: str, turn: TurnSanitizer) -> None:
    written = way.format(name)
    result = sanitize(turn, f"I asked {written} for you")
    assert name not in result
    assert result.startswith("I asked ")
    assert result.endswith(" for you")
    assert REPLACEMENT in result


@pytest.mark.parametrize(
    "name",
    [
        "Task_Agent",
        "TASK_AGENT",
        "TaskAgent",
        "task\\_agent",
        "t\u0430sk_agent",  # Cyrillic
        "t4sk_4gent",
        "task_\u200bagent",
        "task\uff3fagent",  # full-width
    ],
)
def test_an_agent_name_in_disguise_goes(name: str, turn: TurnSanitizer) -> None:
    assert sanitize(turn, f"by {name}.") == f"by {REPLACEMENT}."
    assert sanitize(turn, f"by {name}") == f"by {REPLACEMENT}"


@pytest.mark.parametrize("before", ["Tasks:\\n", "C:\\agents\\", "\\t\\", '{\\"by\\": \\"'])
def test_an_agent_name_after_a_backslash_goes(before: str, turn: TurnSanitizer) -> None:
    assert "ask_agent" not in sanitize(turn, f"{before}task_agent\\n")


def test_an_agent_name_drowned_in_the_invisible_goes(turn: TurnSanitizer) -> None:
    assert "task_agent" not in sanitize(turn, "by task_agent" + "\u200b" * 90 + ".")


@pytest.mark.parametrize(
    "text",
    [
        "Ask the task agent of your bank, or the project-agent; notes and checkpoints stay.",
        "task_agents, my_task_agent, task_agent_2, task_ agent, _agent, agent_task, sub-task agency",
        "agent: 007, agents = [], intent: buy milk, pipeline: green",
        '{"agent": "Smith", "agents": ["Anna", "Jonas"], "route": {"name": "A4"}}',
    ],
)
def test_ordinary_words_stay(text: str, turn: TurnSanitizer) -> None:
    assert sanitize(turn, text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"agents": ["task_agent", "note_agent"], "confidence": 0.9}', f"{{{REPLACEMENT}}}"),
        ('{"agent":"task_agent"}', f"{{{REPLACEMENT}}}"),
        ("{'agent': 'task_agent', 'why': 'it said \\'}\\' '}", f"{{{REPLACEMENT}}}"),
        ('{\n  "agents": [\n    "note_agent"\n  ],\n  "order": {"a": [1, 2]}\n}', f"{{\n  {REPLACEMENT}}}"),
        ('{"score": 1, "next_agent": "note_agent"}', f'{{"score": 1, {REPLACEMENT}}}'),
        ("agent: task_agent", REPLACEMENT),
        ("agents=[task_agent, note_agent]", f"{REPLACEMENT}, {REPLACEMENT}]"),
        ('"agent": "task_agent"', f'{REPLACEMENT}"'),
    ],
)
def test_routing_metadata_goes(text: str, left: str, turn: TurnSanitizer) -> None:
    assert sanitize(turn, f"Routed: {text}\nDone.") == f"Routed: {left}\nDone."


def test_metadata_that_is_cut_off_does_not_take_the_answer_with_it(turn: TurnSanitizer) -> None:
    text = '{"agent": "task_agent", "why": "\n\nYou have two tasks.'
    assert sanitize(turn, text) == f"{{{REPLACEMENT}\nYou have two tasks."


@pytest.mark.parametrize("schema", tool_schemas(), ids=lambda schema: schema["function"]["name"])
def test_a_tool_schema_goes(schema: dict, turn: TurnSanitizer) -> None:
    for leaked, indent in ((schema, None), (schema["function"], 2), ([schema, schema], 4)):
        text = f"My tool: {json.dumps(leaked, indent=indent)}\nDone."
        result = streamed(turn, text)
        assert stream_through(turn, pieces(text, 3)) == result
        assert "properties" not in turn.text(text)
        assert REPLACEMENT in result
        assert result.endswith("\nDone.")
        assert "properties" not in result
        assert schema["function"]["description"] not in result


@pytest.mark.parametrize("key", ["input_schema", "inputSchema", "parameters"])
def test_a_schema_in_another_vendors_format_goes(key: str, turn: TurnSanitizer) -> None:
    leaked = {"name": "create_task", "description": "It makes one.", key: {"type": "object", "properties": {"x": {}}}}
    assert "properties" not in sanitize(turn, json.dumps(leaked))


def test_own_parameters_without_their_tool_go_where_they_are_ours(turn: TurnSanitizer) -> None:
    parameters = next(s["function"]["parameters"] for s in tool_schemas() if s["function"]["name"] == "update_task")
    result = sanitize(turn, json.dumps(parameters))
    assert REPLACEMENT in result
    assert "due_date" not in result


@pytest.mark.parametrize(
    "text",
    [
        "await asyncio.create_task(main()); list_tasks(); tools: create_task, update_task",
        '{"name": "create_task", "type": "create_record", "data": {"title": "x", "description": "y"}}',
        '{"name": "create_task", "arguments": "{\\"title\\": \\"Buy milk\\"}"}',
        '{"name": "create_task"} {"parameters": {"type": "object"}}',
        '{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}',
        '{"type": "object", "properties": {"status": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}',
        '{"properties": {"task_id": {"type": "integer"}, "note": {"type": "string"}}, "required": ["task_id"]}',
        '{"type": "object", "properties": {"due_date": {"type": "string", "format": "date"}, "project_id": {}}}',
        '{"title": "TaskRecord", "type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}',
        "class NoteRecord(BaseModel):\n    title: str\n    content: str\n\nclass WeeklyNote(BaseModel): ...",
        "def f(parameters: dict) -> None: function: name",
    ],
)
def test_tools_names_and_other_schemas_stay(text: str, turn: TurnSanitizer) -> None:
    assert sanitize(turn, text) == text


def test_a_name_that_the_user_wrote_may_be_said_back(sanitizer: Sanitizer) -> None:
    turn = sanitizer.for_turn(["Is there a Task_Agent?"])
    text = 'There is a task_agent. {"agent": "task_agent"}'
    assert sanitize(turn, text) == text
    assert sanitize(turn, "And a note_agent.") == f"And a {REPLACEMENT}."
    assert sanitize(sanitizer.for_turn(["a task agent"]), "The task_agent.") == f"The {REPLACEMENT}."
