from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from agents.llm import factory
from tests.fakes.llm_server import LoopbackLLM

KEY = "sk-loopback-0123456789"
MODEL = "gpt-test"


@pytest.fixture(scope="session")
def _loopback() -> Iterator[LoopbackLLM]:
    factory.preload()
    with LoopbackLLM() as running:
        yield running


@pytest.fixture
def provider(_loopback: LoopbackLLM, settings: Any) -> Iterator[LoopbackLLM]:
    """A provider for ``get_llm()``, with an empty script."""
    settings.LLM_MODEL = MODEL
    settings.LLM_ROUTER_MODEL = MODEL
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 5.0
    settings.OPENAI_API_KEY = KEY
    settings.OPENAI_API_BASE = _loopback.base_url
    _loopback.forget()
    yield _loopback
    assert _loopback.wait_closed(5.0), "a connection to the provider was left open"


@pytest.fixture(autouse=True)
async def _no_open_pools() -> AsyncIterator[None]:
    yield
    await factory.close()
