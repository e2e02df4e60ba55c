"""A client that runs a map: answers need frames from its records, and keeps what came of each."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Sum
from django.db.models.functions import Coalesce

from chat.models import DailyUsage
from tests.chat.ws.sockets import Frame, in_database
from tests.fakes.llm_server import Body, Reply, Scripted, call, calls, text
from tests.support.accounts import Account

INSTRUCTION = "Give each of my tasks the priority that it deserves."
RUN_ID = "7d9f2a10-5f0e-4c68-9a53-0c8e6f1b2d34"


def task(number: int) -> dict[str, Any]:
    return {"id": f"task-{number:04}", "title": f"Task number {number}", "status": "todo"}


def tasks(count: int, first: int = 0) -> dict[str, dict[str, Any]]:
    return {f"task-{number:04}": task(number) for number in range(first, first + count)}


def is_first_call(body: Body) -> bool:
    """Of its item: later ones hold the results of tools."""
    return all(message["role"] != "tool" for message in body["messages"])


def prioritise(body: Body) -> Reply:
    """A model that sets the priority of whatever task it is shown."""
    if not is_first_call(body):
        return text("Done.", usage=(20, 2))
    return calls(call("update_task", task_id=key_in(body), priority="high"), usage=(10, 5))


def key_in(body: Body) -> str:
    return str(body["messages"][0]["content"]).partition('"id":"')[2].partition('"')[0]


def only(answers: Mapping[str, Reply]) -> Scripted:
    """``prioritise``, but for the first call of the tasks that are named."""
    return lambda body: (answers.get(key_in(body)) if is_first_call(body) else None) or prioritise(body)


class Wire(Protocol):
    """A socket, in this process or of a server."""

    async def send(self, **frame: Any) -> None: ...

    async def frame(self, seconds: float = 60) -> Frame: ...


W = TypeVar("W", bound=Wire)


@dataclass
class MapDevice(Generic[W]):
    """``records`` by key are what is to be done; ``final`` is there once the run has ended."""

    socket: W
    records: dict[str, Any]
    items: dict[str, Frame] = field(default_factory=dict)
    needs: list[int] = field(default_factory=list)
    progress: list[tuple[int, int, int]] = field(default_factory=list)
    final: Frame = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)

    async def start(self, **fields: Any) -> None:
        self.unsent = list(self.records)
        body = {"run_id": RUN_ID, "instruction": INSTRUCTION, "tools": ["update_task"], "total": len(self.records)}
        await self.socket.send(type="map", **(body | fields))

    async def run(self, **fields: Any) -> Frame:
        await self.start(**fields)
        return await self.go_on()

    async def go_on(self, *, stop_after: int | None = None) -> Frame:
        """``stop_after``: leave it there, once so many items have come back."""
        while not self.final:
            await self.take(await self.socket.frame())
            if stop_after is not None and len(self.items) >= stop_after:
                break
        return self.final

    async def take(self, frame: Frame) -> None:
        match frame["type"]:
            case "need":
                self.needs.append(frame["count"])
                await self.send_items(frame["count"])
            case "item":
                assert frame["key"] not in self.items, "told twice"
                self.items[frame["key"]] = frame
            case "progress":
                self.progress.append((frame["completed"], frame["failed"], frame["total"]))
            case "done" | "error":
                self.final = frame
            case other:
                assert other == "ping"

    async def send_items(self, count: int) -> None:
        keys, self.unsent = self.unsent[:count], self.unsent[count:]
        await self.socket.send(type="items", items=[{"key": key, "record": self.records[key]} for key in keys])

    @property
    def actions(self) -> list[Frame]:
        return [action for item in self.items.values() for action in item["actions"]]


def action_id(key: str, number: int, run_id: str = RUN_ID) -> str:
    return str(uuid.uuid5(uuid.UUID(run_id), f"{key}:{number}"))


async def spent_by(account: Account) -> dict[str, int]:
    """What is counted of the user, of all days: ``{turns, input_tokens, output_tokens}``."""
    names = ("turns", "input_tokens", "output_tokens")
    spent: dict[str, int] = await in_database(
        DailyUsage.objects.filter(user=account.user).aggregate, **{name: Coalesce(Sum(name), 0) for name in names}
    )
    return spent
