"""Template runs on the real server: what is left behind, who sees what, and a client that goes away."""

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.llm_server import LoopbackLLM, Reply, hang, status, text
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

EXTRACT = "tpl_task_extract_from_project"
CANARY = re.compile(r"canary-[0-9a-f]{32}")


@pytest.fixture
def provider(_loopback: LoopbackLLM) -> LoopbackLLM:
    _loopback.forget()
    return _loopback


def canary() -> str:
    return f"canary-{uuid.uuid4().hex}"


async def register(client: httpx.AsyncClient) -> dict[str, str]:
    body = {"email": f"plans-{uuid.uuid4().hex}@example.com", "password": "correct horse battery"}
    answer = await client.post("auth/register", json=body)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def client_of(server: RunningServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{server.url}/api/v1/", timeout=30)


def one_task(body: dict[str, Any]) -> Reply:
    """One task, named by the first canary of the prompt."""
    (bird, *_) = CANARY.findall(body["messages"][0]["content"])
    return text(json.dumps({"records": [{"title": bird}]}), delay=0.01)


async def test_nothing_of_a_run_is_left_behind(chat_server: RunningServer, provider: LoopbackLLM) -> None:
    bird = canary()
    provider.script(
        text(json.dumps({"records": [{"title": bird}]})),
        text(f"no JSON, {bird}"),
        text(f'{{"records": [{{"title": "A", "priority": "{bird}"}}]}}'),
        status(401, body=bird),
        text(bird),
    )
    async with client_of(chat_server) as client:
        headers = await register(client)
        material = {"variables": {"project_text": bird}, "context": {"notes": [{"content": bird}]}}
        answers = [
            await client.post(f"plans/templates/{EXTRACT}/run", json=material, headers=headers) for _ in range(3)
        ]
        await client.post(f"plans/templates/{EXTRACT}/run", json={"variables": {bird: bird}}, headers=headers)
        body = {"variables": {"message": bird}}
        answer = await client.post("plans/templates/tpl_task_agent_default/run", json=body, headers=headers)

    assert [answer.status_code for answer in answers] == [200, 502, 502]
    assert bird in answer.text
    assert len(provider.requests) == 5
    assert bird not in chat_server.log_text()
    folder = Path(chat_server.env["DATA_DIR"]).parent
    assert [path for path in folder.rglob("*") if path.is_file() and bird.encode() in path.read_bytes()] == []


async def test_runs_at_once_see_their_own_material_only(chat_server: RunningServer, provider: LoopbackLLM) -> None:
    provider.script(*[one_task] * 50)
    async with client_of(chat_server) as client:
        users = [await register(client) for _ in range(5)]

        async def run(headers: dict[str, str]) -> tuple[str, str]:
            bird = canary()
            body = {"variables": {"project_text": bird}}
            answer = await client.post(f"plans/templates/{EXTRACT}/run", json=body, headers=headers)
            return bird, answer.text

        answers = await asyncio.gather(*(run(headers) for headers in users * 10))

    for bird, answer in answers:
        assert json.loads(answer)["result"] == [{"title": bird}]


async def test_a_client_that_goes_away_ends_the_model_call(chat_server: RunningServer, provider: LoopbackLLM) -> None:
    provider.script(hang())
    async with client_of(chat_server) as client:
        headers = await register(client)
        body = {"variables": {"project_text": "x"}}
        running = asyncio.create_task(client.post(f"plans/templates/{EXTRACT}/run", json=body, headers=headers))
        assert await asyncio.to_thread(provider.wait_requests, 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert await asyncio.to_thread(provider.wait_closed)
