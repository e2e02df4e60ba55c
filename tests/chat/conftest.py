import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.agents import CheckpointAgent, NoteAgent, ProjectAgent, TaskAgent
from agents.llm import factory as models
from agents.registry import registry
from chat.sanitizer import protected_texts
from chat.ws.resume.turns import turns
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, text
from tests.support.accounts import PASSWORD, Account
from tests.support.server import InspectedServer, RunningServer

MODEL = "gpt-test"
ROUTER = "gpt-router"
AGENTS = (TaskAgent, ProjectAgent, NoteAgent, CheckpointAgent)
TO_TASKS = text('{"agents": ["task_agent"]}')
KEY = "sk-loopback-0123456789"


@pytest.fixture(scope="session")
def _loopback() -> Iterator[LoopbackLLM]:
    protected_texts.preload()
    models.preload()
    with LoopbackLLM() as running:
        running.aside[ROUTER] = TO_TASKS
        yield running


@pytest.fixture
def llm(_loopback: LoopbackLLM, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackLLM]:
    """The provider behind the default model ``MODEL`` and the choice ``gpt-other``, with an empty script.

    There is the task agent only, so that no router is asked, unless a test takes ``all_agents``.
    """
    monkeypatch.setattr(registry, "_agents", {TaskAgent.name: TaskAgent})
    settings.LLM_MODEL = MODEL
    settings.LLM_ROUTER_MODEL = ROUTER
    settings.LLM_MODELS = ("gpt-other",)
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 20.0  # twice as long as a call's end is waited for
    settings.OPENAI_API_KEY = KEY
    settings.OPENAI_API_BASE = _loopback.base_url
    _loopback.forget()
    _loopback.aside[ROUTER] = TO_TASKS
    yield _loopback
    _loopback.aside = {ROUTER: TO_TASKS}
    assert _loopback.wait_closed(), "a connection to the provider was left open"


@pytest.fixture
def all_agents(llm: LoopbackLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real ones; the router's answers come beside the script: ``llm.aside[ROUTER]``, the task agent by default."""
    monkeypatch.setattr(registry, "_agents", {agent.name: agent for agent in AGENTS})


@pytest.fixture(autouse=True)
async def _no_open_pools() -> AsyncIterator[None]:
    yield
    await models.close()


@pytest.fixture
def free(transactional_db: None, make_user: Callable[..., Account]) -> Account:
    return make_user(tier="free")


@pytest.fixture
def pro(transactional_db: None, make_user: Callable[..., Account]) -> Account:
    return make_user(tier="pro")


@pytest.fixture
async def connect(transactional_db: None, llm: LoopbackLLM) -> AsyncIterator[Callable[..., Awaitable[Socket]]]:
    """``await connect(account)``: an accepted socket; options are those of ``Socket``.

    It asks for ``llm`` so that sockets are closed before that looks for open connections.
    """
    sockets: list[Socket] = []

    async def connected(account: Account, **options: Any) -> Socket:
        sockets.append(Socket(query=f"token={account.access_token}", **options))
        assert await sockets[-1].open()
        return sockets[-1]

    yield connected
    for socket in sockets:
        await socket.leave()
    await turns.close()


def chat_environment(shared: dict[str, str], provider: LoopbackLLM, folder: Path) -> dict[str, str]:
    """Of a server that speaks to ``provider``; ``shared`` is what all servers of this run have in common."""
    return {
        **shared,
        "DATA_DIR": str(folder / "data"),  # a server that preloads holds the vectors there
        "LLM_MODEL": MODEL,
        "LLM_ROUTER_MODEL": ROUTER,
        "OPENAI_API_KEY": KEY,
        "OPENAI_API_BASE": provider.base_url,
        "LLM_TIMEOUT_SECONDS": "20",
        "LLM_PRELOAD": "true",
    }


@pytest.fixture(scope="session")
def chat_server(
    server_environment: dict[str, str], _loopback: LoopbackLLM, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InspectedServer]:
    """The real server in front of the loopback provider."""
    folder = tmp_path_factory.mktemp("chat-server")
    running = InspectedServer(folder=folder, env=chat_environment(server_environment, _loopback, folder))
    running.start()
    take_a_turn(running)
    yield running
    running.stop()


def take_a_turn(server: RunningServer) -> None:
    """Until one ends well: the server loads its model client meanwhile, and no test's turn has to wait for that."""
    email = f"first-{uuid.uuid4().hex}@example.com"
    with httpx.Client(base_url=f"{server.url}/api/v1/", timeout=60) as client:
        tokens = client.post("auth/register", json={"email": email, "password": PASSWORD}).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        answers = (client.post("chat", json={"message": "Hello"}, headers=bearer) for _ in range(10))
        assert any(answer.status_code == 200 for answer in answers), server.log_text()
