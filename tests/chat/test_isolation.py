"""The real server: conversations never see one another, and nothing of them is left behind."""

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, cut, garbage, hang, reset, status, text
from tests.support.server import RunningServer

CANARY = re.compile(r"canary-[0-9a-f]{32}")


@pytest.fixture
def provider(_loopback: LoopbackLLM) -> LoopbackLLM:
    _loopback.forget()
    return _loopback


def canary() -> str:
    return f"canary-{uuid.uuid4().hex}"


async def register(client: httpx.AsyncClient) -> str:
    body = {"email": f"isolated-{uuid.uuid4().hex}@example.com", "password": "correct horse battery"}
    token: str = (await client.post("auth/register", json=body)).json()["access_token"]
    return token


def client_of(server: RunningServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{server.url}/api/v1/", timeout=60)


def repeat_canary(body: dict[str, Any]) -> Reply:
    """A task named by every canary of the prompt; then all of them in words."""
    seen = list(dict.fromkeys(CANARY.findall(json.dumps(body))))
    if body["messages"][-1]["role"] == "tool":
        return text(*[part for one in seen for part in (one[:20], one[20:], " ")], delay=0.01)
    return calls(call("create_task", title=" ".join(seen)))


async def over_rest(server: RunningServer, token: str, bird: str) -> dict[str, Any]:
    async with client_of(server) as client:
        body = {"message": f"Note {bird}", "context": {"notes": [{"id": bird, "title": bird}]}}
        answer = await client.post("chat", json=body, headers={"Authorization": f"Bearer {token}"})
    body_of_answer: dict[str, Any] = answer.json()
    return body_of_answer


async def over_socket(server: RunningServer, token: str, bird: str) -> dict[str, Any]:
    async with connect(f"{server.ws_url}/api/v1/chat/stream?token={token}", compression=None) as socket:
        history = [{"role": "user", "content": bird}]
        await socket.send(json.dumps({"message": "Go on", "context": {"conversation_history": history}}))
        frames: list[dict[str, Any]] = []
        while not frames or not frames[-1].get("done"):
            frames.append(json.loads(await socket.recv()))
    streamed = "".join(frame["text"] for frame in frames if frame["type"] == "chunk")
    assert streamed == frames[-1]["response"]
    return frames[-1]


@pytest.mark.thorough
async def test_fifty_conversations_at_once_see_their_own_content_and_leave_nothing(
    chat_server: RunningServer, provider: LoopbackLLM
) -> None:
    provider.script(*[repeat_canary] * 100)
    birds = [canary() for _ in range(50)]
    async with client_of(chat_server) as client:
        tokens = [await register(client) for _ in range(10)]

    asking = [
        (over_rest if number % 2 else over_socket)(chat_server, tokens[number % 10], bird)
        for number, bird in enumerate(birds)
    ]
    answers = await asyncio.gather(*asking)

    for bird, answer in zip(birds, answers, strict=True):
        assert answer["response"].split() == [bird]
        assert [action["data"]["title"] for action in answer["actions"]] == [bird]
    left = chat_server.log_text()
    assert not CANARY.findall(left)
    assert token_free(left, tokens)
    folder = Path(chat_server.env["DATA_DIR"]).parent
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not CANARY.findall(kept.decode("latin-1"))


def token_free(log: str, tokens: list[str]) -> bool:
    return not any(token in log for token in tokens)


@pytest.mark.parametrize("fault", [status(400), garbage("some"), cut("some"), reset("some")])
async def test_a_failing_turn_leaves_nothing_either(
    chat_server: RunningServer, provider: LoopbackLLM, fault: Reply
) -> None:
    bird = canary()
    provider.script(fault)
    async with client_of(chat_server) as client:
        token = await register(client)

    answer = await over_rest(chat_server, token, bird)

    assert answer["status"] in {502, 503}
    assert not CANARY.findall(json.dumps(answer))
    assert not CANARY.findall(chat_server.log_text())


async def test_a_cancelled_turn_leaves_nothing_either(chat_server: RunningServer, provider: LoopbackLLM) -> None:
    bird = canary()
    provider.script(hang())
    async with client_of(chat_server) as client:
        token = await register(client)
    asking = asyncio.create_task(over_rest(chat_server, token, bird))
    assert await asyncio.to_thread(provider.wait_requests, 1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert await asyncio.to_thread(provider.wait_closed, 2.0)
    async with client_of(chat_server) as client:
        counted = (await client.get("chat/usage", headers={"Authorization": f"Bearer {token}"})).json()
    assert counted["today"]["turns"] == 1
    assert counted["today"]["input_tokens"] > 500
    assert not CANARY.findall(chat_server.log_text())
