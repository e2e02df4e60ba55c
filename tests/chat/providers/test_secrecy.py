"""The routes tell nobody a key: no line of the log, and no answer, whatever breaks inside."""

import io
import logging
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adiuva.observability.logging import JsonFormatter
from tests.chat.providers.conftest import provider_body
from tests.fakes.llm_server import LoopbackLLM
from tests.fakes.providers.script import say
from tests.fakes.providers.server import ProviderServer
from tests.support.client import Answer

Send = Callable[..., Answer]
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat.views.orchestrate", {"message": "Hi"}),
    "plans/templates/tpl_task_agent_default/run": ("chat.plans.views.run_template", {"variables": {"message": "Hi"}}),
    "chat/providers/test": ("chat.providers.views.list_models", {}),
}


@pytest.fixture
def key() -> str:
    """Of no shape that a pattern knows."""
    return f"Own.{secrets.token_hex(16)}"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """As the server writes it at LOG_LEVEL=DEBUG, formatted as it happens."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("path", DOORS)
def test_a_fault_of_ours_is_500_without_the_key(
    vendor: Callable[..., ProviderServer],
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    key: str,
    path: str,
) -> None:
    place, body = DOORS[path]
    vendor("openai_compatible")

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"cannot send 'Bearer' of {key}")

    async def fail_later(*_: Any, **__: Any) -> None:
        fail()

    monkeypatch.setattr(place, fail if path == "chat/providers/test" else fail_later)
    answer = send(path, **body, model="m", provider=provider_body("openai_compatible", api_key=key))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert key.encode() not in answer.content
    assert "RuntimeError" in log.getvalue()
    assert key not in log.getvalue()


def test_a_whole_turn_leaves_no_key_in_the_log_or_on_disk(
    vendor: Callable[..., ProviderServer],
    send: Send,
    llm: LoopbackLLM,
    all_agents: None,
    log: io.StringIO,
    key: str,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.DATA_DIR = tmp_path
    server = vendor("openai_compatible")
    server.key = key  # type: ignore[misc]
    server.default = say('{"agents": ["task_agent"]}')
    provider = provider_body("openai_compatible", api_key=key)
    for body in ({"message": "Hi"}, {"message": "Hi", "execution_mode": "plan"}):
        assert send("chat", **body, model="m", provider=provider).status == 200
    assert send("chat/providers/test", provider=provider).status == 200
    misplaced = {**provider, "kind": "mistral", "base_url": None}
    assert send("chat", message="Hi", model=key, provider=misplaced).status == 502
    assert key not in log.getvalue()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()] == []
