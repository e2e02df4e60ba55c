from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from agents import llm as models
from tests.chat.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account
from tests.support.server import RunningServer

MODEL = "gpt-test"
KEY = "sk-loopback-0123456789"


@pytest.fixture(scope="session")
def _loopback() -> Iterator[LoopbackLLM]:
    models.preload()
    with LoopbackLLM() as running:
        yield running


@pytest.fixture
def llm(_loopback: LoopbackLLM, settings: Any) -> Iterator[LoopbackLLM]:
    """The provider behind the default model ``MODEL`` and the choice ``gpt-other``, with an empty script."""
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = MODEL
    settings.LLM_MODELS = ("gpt-other",)
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 5.0
    settings.OPENAI_API_KEY = KEY
    settings.OPENAI_API_BASE = _loopback.base_url
    _loopback.forget()
    yield _loopback
    assert _loopback.wait_closed(2.0), "a connection to the provider was left open"


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


@pytest.fixture(scope="session")
def chat_server(
    server_environment: dict[str, str], _loopback: LoopbackLLM, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The real server in front of the loopback provider."""
    env = {
        **server_environment,
        "LLM_MODEL": MODEL,
        "OPENAI_API_KEY": KEY,
        "OPENAI_API_BASE": _loopback.base_url,
        "LLM_TIMEOUT_SECONDS": "20",
    }
    running = RunningServer(folder=tmp_path_factory.mktemp("chat-server"), env=env).start()
    yield running
    running.stop()
