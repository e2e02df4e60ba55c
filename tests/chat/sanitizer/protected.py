"""The texts under test: the real prompts and tools, and a prompt of our own that has been translated by hand."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from uuid import UUID

from agents.registry import registry
from chat.sanitizer import Sanitizer

AGENTS = ("task_agent", "project_agent", "checkpoint_agent", "note_agent")
ROUTER = (
    "Choose the one agent that shall answer the last message of the user. Reply with JSON only, and when unsure, "
    "choose the first."
)


def prompts() -> dict[str, str]:
    folder = files("agents.prompts")
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".txt")}


def tool_schemas() -> list[dict[str, Any]]:
    return list(_schemas())


def _schemas() -> Iterator[dict[str, Any]]:
    for agent in registry.list_agents():
        for tool in agent(user_id=UUID(int=1)).get_tools():
            yield tool.schema()


def real_sanitizer() -> Sanitizer:
    descriptions = [agent.description for agent in registry.list_agents()]
    return Sanitizer(
        prompts=[*prompts().values(), ROUTER, *descriptions], agent_names=AGENTS, tool_schemas=tool_schemas()
    )
