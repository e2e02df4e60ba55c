"""What the tests of the project, checkpoint and note tools share: records, and one call by itself."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.actions import Action
from agents.agents import ChatAgent
from agents.events import ClientToolCall
from agents.registry import registry
from agents.tools.base import Tool, ToolRun
from agents.tools.records import RunRecords
from tests.agents.support import PROJECT, Device, Turn, context
from tests.fakes.llm_server import Body

OLD = {"id": "0b7cd3f4-0000-4000-8000-00000000000b", "name": "Old shop", "status": "archived", "description": "PHP"}
BETA: dict[str, Any] = {
    "id": "0b7cd3f4-0000-4000-8000-000000000011",
    "project_id": PROJECT["id"],
    "title": "Beta",
    "due_date": "2026-12-01",
    "is_ai_suggested": False,
    "is_approved": True,
}
LAUNCH: dict[str, Any] = {
    "id": "0b7cd3f4-0000-4000-8000-000000000012",
    "project_id": PROJECT["id"],
    "title": "Launch",
    "due_date": "2026-12-20",
    "is_ai_suggested": True,
    "is_approved": False,
}
MINUTES = {
    "id": "0b7cd3f4-0000-4000-8000-000000000021",
    "title": "Kick-off minutes",
    "content": "# Agreed\n- Blue",
    "project_id": PROJECT["id"],
}
PASTA = {"id": "0b7cd3f4-0000-4000-8000-000000000022", "title": "Pasta", "content": "Salt the water"}
UNKNOWN = "0b7cd3f4-0000-4000-8000-0000000000ff"
RECORDS: Mapping[str, Any] = {
    "user_profile": {"name": "Eva", "timezone": "Europe/Berlin"},
    "projects": [PROJECT, OLD],
    "checkpoints": [BETA, LAUNCH],
    "notes": [MINUTES, PASTA],
}


class Calls:
    """One agent's tools, called by name over ``RECORDS``."""

    def __init__(self, agent: type[ChatAgent]) -> None:
        self.tools: dict[str, Tool[Any]] = {tool.name: tool for tool in agent(user_id=UUID(int=1)).get_tools()}

    def run(self, query: str = "") -> ToolRun:
        return ToolRun(RunRecords.of(RECORDS, query), context(RECORDS))

    def act(self, name: str, arguments: Any, run: ToolRun | None = None) -> Action:
        tool = self.tools[name]
        run = run or self.run()
        action = tool.action(tool.parse(json.dumps(arguments)), run)
        if tool.find is None:
            run.records.apply(action)
        return action

    def wire(self, name: str, arguments: Any) -> dict[str, Any]:
        """The Action without what is fresh in it: its id, and the record's where the call makes one."""
        action = self.act(name, arguments).as_dict()
        assert action.pop("id")
        if action["type"] == "create_record":
            assert action.pop("record_id")
        return action

    def find(self, name: str, **arguments: Any) -> list[str]:
        tool = self.tools[name]
        assert tool.find is not None
        rows = tool.find(tool.parse(json.dumps(arguments)), self.run())
        return [str(row.get("title", row.get("name"))) for row in rows]


async def turn_with(agent: str, query: str, device: Device | None = None, data: Mapping[str, Any] = RECORDS) -> Turn:
    """A whole turn of ``agent``, collected."""
    events = []
    async for event in registry.call_agent(agent, query, context(data, device), user_id=UUID(int=1)):
        events.append(event)
        if device is not None and isinstance(event, ClientToolCall):
            device.asked.append(event)
    return Turn(events)


def tool_messages(request: Body) -> list[dict[str, Any]]:
    """The first line of each tool's answer, as the model was told in ``request``."""
    messages = request["messages"]
    return [json.loads(message["content"].split("\n", 1)[0]) for message in messages if message["role"] == "tool"]
