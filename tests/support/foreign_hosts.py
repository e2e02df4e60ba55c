"""Hosts of the internet on this machine: their names lead to loopback, and their certificates are a test's own."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adiuva.egress import client_context, guard
from agents.llm.own_keys import OwnKeyKind
from tests.fakes.providers.anthropic import AnthropicServer
from tests.fakes.providers.gemini import GeminiServer
from tests.fakes.providers.mistral import MistralServer
from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.openai_responses import ResponsesServer
from tests.fakes.providers.openrouter import OpenRouterServer
from tests.fakes.providers.server import ProviderServer
from tests.support.certificates import Authority

USERS_KEY = "users-Own_key.0123456789"
VENDORS: dict[OwnKeyKind, tuple[type[ProviderServer], str, str]] = {
    "openai": (OpenAIServer, "api.openai.com", "gpt-4o-mini"),
    "anthropic": (AnthropicServer, "api.anthropic.com", "claude-haiku-4-5"),
    "gemini": (GeminiServer, "generativelanguage.googleapis.com", "gemini-3-flash-preview"),
    "mistral": (MistralServer, "api.mistral.ai", "mistral-small-latest"),
    "openrouter": (OpenRouterServer, "openrouter.ai", "openai/gpt-4o-mini"),
    "openai_compatible": (OpenAIServer, "llm.example.com", "llama-3.1-8b-instruct"),
}


class ForeignHosts:
    """``looked_up``: the names that were looked up, in order. Their addresses are taken for global ones."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.looked_up: list[str] = []
        self.addresses: dict[str, list[tuple[str, int]]] = {}
        self._running: list[ProviderServer] = []

    def look_up(self, host: str, port: int) -> list[tuple[str, int]]:
        self.looked_up.append(host)
        if host not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.addresses[host]

    def run(self, server: ProviderServer, host: str, *, certificate_for: str | None = None) -> None:
        """``server`` behind https://``host``, until the test is over; it takes ``USERS_KEY`` alone."""
        server.tls = self.authority.server_context(certificate_for or host)
        server.key = USERS_KEY  # type: ignore[misc]  # of this one
        self._running.append(server.__enter__())
        self.addresses[host] = [("127.0.0.1", server.port)]

    def vendor(self, kind: OwnKeyKind) -> ProviderServer:
        """The one of ``kind`` behind its own name."""
        make, host, _ = VENDORS[kind]
        server = make()
        self.run(server, host)
        return server

    def responses(self) -> ProviderServer:
        """OpenAI's other interface."""
        server = ResponsesServer()
        self.run(server, "api.openai.com")
        return server

    def close(self) -> None:
        """Nobody answers any more."""
        while self._running:
            self._running.pop().__exit__(None, None, None)


@pytest.fixture
def foreign(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForeignHosts]:
    hosts = ForeignHosts(tmp_path)
    monkeypatch.setattr(guard, "_ask_system", hosts.look_up)
    monkeypatch.setattr(guard, "is_global", lambda address: address == "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(hosts.authority.roots))
    client_context.cache_clear()
    yield hosts
    hosts.close()
    client_context.cache_clear()
