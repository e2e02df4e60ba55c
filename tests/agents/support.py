"""A turn with the task agent, collected."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.registry import registry
from agents.run_context import ClientToolFailed, ClientTools, RunContext

SUNDAY = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
MILK = {"id": "0b7cd3f4-0000-4000-8000-000000000001", "title": "Buy milk", "status": "todo", "due_date": "2026-11-22"}
BOB = {"id": "0b7cd3f4-0000-4000-8000-000000000002", "title": "Call Bob", "status": "done", "priority": "low"}
ANNA = {"id": "0b7cd3f4-0000-4000-8000-000000000003", "title": "Call Anna", "status": "todo", "due_date": "2026-11-27"}
PROJECT = {"id": "0b7cd3f4-0000-4000-8000-00000000000a", "name": "Website"}
COMMENT = {"id": "0b7cd3f4-0000-4000-8000-00000000000c", "task_id": MILK["id"], "content": "Oat, not cow"}
DATA: Mapping[str, Any] = {
    "user_profile": {"name": "Eva", "timezone": "Europe/Berlin"},
    "recent_tasks": [MILK, BOB, ANNA],
    "task_comments": [COMMENT],
    "projects": [PROJECT],
}


@dataclass
class Device:
    """A client with ``client_tools``: answers by tool name; a ``ClientToolFailed`` is raised."""

    answers: dict[str, Any]
    asked: list[ClientToolCall] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    async def result(self, call_id: str) -> Any:
        call = next(call for call in self.asked if call.id == call_id)
        self.log.append(f"result {call.name}")
        answer = self.answers[call.name]
        if isinstance(answer, ClientToolFailed):
            raise answer
        return answer


@dataclass
class Turn:
    events: list[AgentEvent]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def actions(self) -> list[Action]:
        return [event.action for event in self.events if isinstance(event, ActionEmitted)]

    @property
    def made(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        return [(action.name, action.record_id, action.data) for action in self.actions]

    @property
    def asked(self) -> list[ClientToolCall]:
        return [event for event in self.events if isinstance(event, ClientToolCall)]


def context(data: Mapping[str, Any] = DATA, client_tools: ClientTools | None = None, **options: Any) -> RunContext:
    return RunContext.of(data, now=SUNDAY, client_tools=client_tools, **options)


async def turn(query: str, data: Mapping[str, Any] = DATA, device: Device | None = None, **options: Any) -> Turn:
    events = []
    run = context(data, device, **options)
    async for event in registry.call_agent("task_agent", query, run, user_id=uuid.uuid4()):
        events.append(event)
        if device is not None and isinstance(event, ClientToolCall):
            device.asked.append(event)
            device.log.append(f"call {event.name}")
    return Turn(events)
