"""Users' own keys beside an operator who has set everything: keys, addresses and a fallback, all at a trap."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adiuva.observability.secrets import Secret
from agents.llm import factory
from agents.llm.own_keys import OwnKeyKind, OwnProvider
from agents.llm.providers import PROVIDERS
from tests.fakes.llm_server import LoopbackLLM
from tests.support.foreign_hosts import USERS_KEY, VENDORS, ForeignHosts, foreign

__all__ = ["foreign"]

Connect = Callable[..., OwnProvider]


@pytest.fixture(scope="session")
def _trap() -> Iterator[LoopbackLLM]:
    factory.preload()
    with LoopbackLLM() as running:
        yield running


@pytest.fixture
def trap(_trap: LoopbackLLM, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackLLM]:
    """What the operator has: a server at which no request of a user's key may arrive."""
    from agents.llm import litellm
    from agents.llm.wire import http

    _trap.forget()
    for provider in PROVIDERS:
        values = {name: f"operators-{name}" for name in provider.key_variables}
        for name, value in (values | {provider.base_variable: _trap.base_url}).items():
            setattr(settings, name, value)
            monkeypatch.setenv(name, value)
    for name in ("OPENAI_ORGANIZATION", "OPENAI_PROJECT", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, f"operators-{name}")
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, _trap.base_url)
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "openai/gpt-4o-mini"
    settings.LLM_FALLBACK_MODEL = "openai/gpt-4.1-mini"
    settings.LLM_TIMEOUT_SECONDS = 20.0
    monkeypatch.setattr("agents.llm.language_model._FIRST_BACKOFF_SECONDS", 0.01)
    litellm.refused_features.forget()
    http.find_proxy.cache_clear()
    yield _trap
    http.find_proxy.cache_clear()


@pytest.fixture
def connect(foreign: ForeignHosts, trap: LoopbackLLM) -> Connect:
    """``connect(kind)``: the provider as a request would name it."""

    def connected(kind: OwnKeyKind, model: str = "", key: str = USERS_KEY) -> OwnProvider:
        _, host, usual = VENDORS[kind]
        base_url = f"https://{host}/v1" if kind == "openai_compatible" else None
        return OwnProvider.connect(kind=kind, model=model or usual, api_key=Secret(key), base_url=base_url)

    return connected
