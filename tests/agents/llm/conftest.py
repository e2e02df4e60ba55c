import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.agents import TaskAgent
from agents.llm import factory
from agents.llm.providers import PROVIDER_VARIABLES
from agents.registry import registry
from chat.sanitizer import protected_texts
from tests.agents.llm.cases import CASES, Case
from tests.fakes.providers.server import ProviderServer
from tests.support.accounts import Account
from tests.support.client import ApiClient

# What LiteLLM writes into a conversation to please a provider: no user and no model has said it.
MADE_UP = ("[System: Empty message", "Please continue.", "dummy")
# A busy machine is given this long (seconds) for what takes milliseconds.
PROMPTLY = 5.0


@pytest.fixture(scope="session")
def _servers() -> Iterator[dict[str, ProviderServer]]:
    """Those that some test has asked for, by the titles of their cases."""
    factory.preload()
    running: dict[str, ProviderServer] = {}
    yield running
    for server in running.values():
        server.__exit__(None, None, None)


@pytest.fixture(params=CASES, ids=[str(case) for case in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    """A test that takes it runs against each provider."""
    chosen: Case = request.param
    return chosen


@pytest.fixture
def run_provider(
    _servers: dict[str, ProviderServer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Case], ProviderServer]]:
    """``run_provider(case)``: the provider behind ``get_llm()`` and ``get_router_llm()``, with an empty script.

    Of another one that was run before in the test, key and address stay.
    """
    from agents.llm import litellm

    used: list[ProviderServer] = []

    def run(case: Case) -> ProviderServer:
        if case.title not in _servers:
            _servers[case.title] = case.server().__enter__()
        provider = _servers[case.title]
        for name, value in case.environment(provider).items():
            setattr(settings, name, value)
        settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = case.model
        used.append(provider)
        return provider

    for name in PROVIDER_VARIABLES:
        setattr(settings, name, "")
        monkeypatch.delenv(name, raising=False)
    settings.LLM_FALLBACK_MODEL = ""
    settings.LLM_TIMEOUT_SECONDS = 4 * PROMPTLY
    monkeypatch.setattr("agents.llm.language_model._FIRST_BACKOFF_SECONDS", 0.01)
    litellm.refused_features.forget()
    yield run
    faults = [fault for provider in used for fault in provider.records.faults]
    for provider in used:
        provider.forget()
    assert faults == []


@pytest.fixture
def server(case: Case, run_provider: Callable[[Case], ProviderServer]) -> ProviderServer:
    return run_provider(case)


@pytest.fixture
def pro(transactional_db: None, make_user: Callable[..., Account]) -> Account:
    protected_texts.preload()
    return make_user(tier="pro")


@pytest.fixture
def task_agent_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a choice no router is asked."""
    monkeypatch.setattr(registry, "_agents", {TaskAgent.name: TaskAgent})


@pytest.fixture
def chat(api: ApiClient, pro: Account, run_provider: Any, _servers: dict[str, ProviderServer]) -> Callable[..., Any]:
    """``chat(message)``: the answer of ``POST /chat``; nothing that nobody has said was sent to a provider for it."""

    def ask(message: str = "Buy milk", *, expect: int = 200, **body: Any) -> Any:
        answer = api.post("chat", json={"message": message, **body}, token=pro.access_token)
        assert answer.status == expect, answer.json
        sent = json.dumps([server.bodies for server in _servers.values()])
        assert [words for words in MADE_UP if words in sent] == []
        return answer.json

    return ask
