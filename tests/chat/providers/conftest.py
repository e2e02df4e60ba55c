from collections.abc import Callable
from typing import Any

import pytest

from agents.llm import factory
from agents.llm.own_keys import OwnKeyKind
from tests.fakes.llm_server import LoopbackLLM
from tests.fakes.providers.server import ProviderServer
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.foreign_hosts import USERS_KEY, VENDORS, ForeignHosts, foreign

__all__ = ["foreign"]

OPERATORS_KEY = "key-of-the-operator"


def provider_body(kind: OwnKeyKind, **changes: Any) -> dict[str, Any]:
    """``provider`` of a request, as ``foreign`` has its server."""
    body = {"kind": kind, "api_key": USERS_KEY}
    if kind == "openai_compatible":
        body["base_url"] = f"https://{VENDORS[kind][1]}/v1"
    return body | changes


@pytest.fixture
def vendor(foreign: ForeignHosts, llm: LoopbackLLM) -> Callable[..., ProviderServer]:
    """``vendor(kind)``: its server, with a list that has its usual model; ``llm`` is the operator's."""
    factory.preload()

    def run(kind: OwnKeyKind, *models: str) -> ProviderServer:
        server = foreign.vendor(kind)
        server.models = [*models] or [VENDORS[kind][2], "another-model"]
        return server

    return run


@pytest.fixture
def send(api: ApiClient, pro: Account) -> Callable[..., Answer]:
    """``send(path, provider=…, …)``: a POST of the member's."""

    def post(path: str, **body: Any) -> Answer:
        return api.post(path, json=body, token=pro.access_token)

    return post
