import json
from typing import Any, get_args

import pytest
from drf_spectacular.generators import SchemaGenerator

from agents.registry import registry
from chat.openapi import CLIENT_FRAMES
from chat.ws import frames


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    generated: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return generated


def test_the_rest_route_names_its_request_and_answer(schema: dict[str, Any]) -> None:
    post = schema["paths"]["/api/v1/chat"]["post"]

    assert "ChatRequest" in str(post["requestBody"])
    assert "ChatAnswer" in str(post["responses"]["200"])
    answers = str(schema["components"]["schemas"]["ChatAnswer"])
    assert "ChatResponse" in answers
    assert "ExecutionPlan" in answers


def test_every_frame_of_the_websocket_is_documented(schema: dict[str, Any]) -> None:
    stream = schema["paths"]["/api/v1/chat/stream"]
    frames = schema["components"]["schemas"]

    assert set(stream["get"]["responses"]) >= {"101", "403"}
    for direction, kinds in {
        "client": {"tool_result", "cancel", "resume", "map", "items", "pong"},
        "server": {"chunk", "action", "tool_call", "ping", "need", "item", "progress", "done", "error"},
    }.items():
        names = [reference["$ref"].rpartition("/")[2] for reference in stream["get"]["x-websocket"][direction]]
        told = {frames[name].get("properties", {}).get("type", {}).get("const") for name in names}
        assert told - {None} == kinds


def test_every_reference_of_the_chat_leads_somewhere(schema: dict[str, Any]) -> None:
    def references(node: Any) -> Any:
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    named = {reference.removeprefix("#/components/") for reference in references(schema)}

    assert named <= {f"{kind}/{name}" for kind, members in schema["components"].items() for name in members}


def test_every_tool_that_an_agent_has_is_named(schema: dict[str, Any]) -> None:
    tools = [tool for agent in registry.list_agents() for tool in agent.get_tools(agent)]  # type: ignore[arg-type]
    named = schema["components"]["schemas"]

    assert set(named["ToolEnum"]["enum"]) == {tool.name for tool in tools}
    assert set(named["ReadTool"]["enum"]) == {tool.name for tool in tools if tool.find is not None}


def test_the_frames_of_clients_are_those_that_the_server_reads() -> None:
    """By their names, and each example by the parser itself."""
    kinds = {kind.__name__: kind for kind in get_args(frames.ClientFrame)}
    assert CLIENT_FRAMES.keys() == kinds.keys() - {"BadFrame"}
    for name, schema in CLIENT_FRAMES.items():
        for example in schema["examples"]:
            assert isinstance(frames.parse(json.dumps(example)), kinds[name]), name
