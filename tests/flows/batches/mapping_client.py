"""A client that runs one instruction over many records on the chat socket (docs/api.md § 14), and its user's tasks."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.llm_server import Body, Reply, call, calls, text
from tests.support.server import RunningServer

Frame = dict[str, Any]
Record = dict[str, Any]
INSTRUCTION = "Prioritise this task"
MOST_A_NEED = 20
_TASK_ID = re.compile(r"7a5c0000-0000-4000-8000-[0-9]{12}")


class CutError(Exception):
    """The connection is lost, as the client wanted it."""


@dataclass(slots=True)
class Run:
    """What a client has of a run, over however many sockets: ``results`` by key, and each ``done`` frame."""

    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    results: dict[str, Frame] = field(default_factory=dict)
    again: list[Frame] = field(default_factory=list)
    progress: list[Frame] = field(default_factory=list)
    ends: list[Frame] = field(default_factory=list)

    def actions(self) -> list[dict[str, Any]]:
        return [action for frame in self.results.values() for action in frame["actions"]]

    def usage(self) -> tuple[int, int]:
        """Input and output tokens of the items that have arrived."""
        frames = [*self.results.values(), *self.again]
        read, written = (sum(frame["usage"][name] for frame in frames) for name in ("input_tokens", "output_tokens"))
        return read, written


@asynccontextmanager
async def chat_socket(server: RunningServer, token: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"{server.ws_url}/api/v1/chat/stream?token={token}", compression=None) as connection:
        yield connection


async def map_over(
    connection: ClientConnection,
    run: Run,
    records: Mapping[str, Record],
    *,
    cut_at: int | None = None,
    instruction: str = INSTRUCTION,
    tools: Sequence[str] = ("update_task",),
) -> None:
    """Until the run's last frame. Raises ``CutError`` as soon as ``cut_at`` results of this socket are there, with the
    connection gone.
    """
    start = {"type": "map", "run_id": run.run_id, "instruction": instruction, "tools": list(tools)}
    await connection.send(json.dumps(start | {"total": len(records)}))
    waiting = list(records.items())
    arrived = 0
    while True:
        async with asyncio.timeout(60):
            frame: Frame = json.loads(await connection.recv())
        match frame["type"]:
            case "need":
                assert 1 <= frame["count"] <= MOST_A_NEED
                given, waiting = waiting[: frame["count"]], waiting[frame["count"] :]
                items = [{"key": key, "record": record} for key, record in given]
                await connection.send(json.dumps({"type": "items", "items": items}))
            case "item":
                if frame["key"] in run.results:
                    run.again.append(frame)
                else:
                    run.results[frame["key"]] = frame
                arrived += 1
                if arrived == cut_at:
                    connection.transport.abort()
                    raise CutError
            case "progress":
                run.progress.append(frame)
            case "done":
                run.ends.append(frame)
                return
            case other:
                assert other == "ping", frame


def make_tasks(count: int) -> dict[str, Record]:
    """By the key that a client maps them under."""
    ids = [f"7a5c0000-0000-4000-8000-{number:012}" for number in range(count)]
    return {f"task:{number}": {"id": one, "title": f"Errand {number}"} for number, one in enumerate(ids)}


def prioritise(body: Body) -> Reply:
    """What the model says of the one task that a call shows it: first the call of a tool, then that it is done."""
    said = json.dumps(body["messages"])
    shown = set(_TASK_ID.findall(said))
    assert len(shown) == 1, f"one item sees {len(shown)} records"
    if any(message["role"] == "tool" for message in body["messages"]):
        return text("Done.", usage=(30, 2))
    return calls(call("update_task", task_id=shown.pop(), priority="high"), usage=(20, 10), delay=0.002)


def deterministic_id(run_id: str, key: str, number: int = 0) -> str:
    return str(uuid.uuid5(uuid.UUID(run_id), f"{key}:{number}"))


def without(records: Mapping[str, Record], keys: Iterable[str]) -> dict[str, Record]:
    gone = set(keys)
    return {key: record for key, record in records.items() if key not in gone}
