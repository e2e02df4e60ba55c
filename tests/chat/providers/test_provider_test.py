"""``POST /chat/providers/test``: whether a key of one's own works, before it is needed."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.llm.own_keys import OWN_KEY_KINDS, OwnKeyKind
from tests.chat.providers.conftest import provider_body
from tests.fakes.llm_server import LoopbackLLM
from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Refused, Trouble
from tests.fakes.providers.server import ProviderServer
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.foreign_hosts import USERS_KEY, VENDORS, ForeignHosts

TEST = "chat/providers/test"
Vendor = Callable[..., ProviderServer]
Send = Callable[..., Answer]
every_kind = pytest.mark.parametrize("kind", OWN_KEY_KINDS)


def reason(answer: Answer) -> Any:
    assert (answer.status, answer.code) == (502, "upstream_error"), answer
    assert USERS_KEY.encode() not in answer.content
    return answer.json["reason"]


def refuse_lists(monkeypatch: pytest.MonkeyPatch, server: ProviderServer, status: int, body: Any = "") -> None:
    def aside(_: object) -> None:
        raise Refused(status, body)

    monkeypatch.setattr(server, "answer_aside", aside)


@every_kind
def test_a_key_that_works_shows_the_providers_models(
    vendor: Vendor, send: Send, llm: LoopbackLLM, kind: OwnKeyKind
) -> None:
    server = vendor(kind)
    answer = send(TEST, provider=provider_body(kind), model=VENDORS[kind][2])
    assert (answer.status, answer.json) == (200, {"ok": True, "models": [VENDORS[kind][2], "another-model"]})
    header = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}.get(kind, "authorization")
    shown = [
        {name for name, value in request.headers.items() if USERS_KEY in value} for request in server.records.lists
    ]
    assert shown == [{header}] * len(shown)
    assert len(shown) >= 1
    assert all("key=" not in str(request.query) for request in server.records.lists)
    assert (server.requests, llm.requests) == ([], [])
    assert server.wait_closed()


@every_kind
def test_a_wrong_key_is_auth(vendor: Vendor, send: Send, kind: OwnKeyKind) -> None:
    vendor(kind)
    assert reason(send(TEST, provider=provider_body(kind, api_key="wrong-key-0123456789"))) == "auth"


@every_kind
def test_a_model_that_the_provider_does_not_list_is_model(vendor: Vendor, send: Send, kind: OwnKeyKind) -> None:
    server = vendor(kind)
    assert reason(send(TEST, provider=provider_body(kind), model="not-there")) == "model"
    assert server.requests == []


def test_names_that_stand_for_a_model_need_not_be_listed(vendor: Vendor, send: Send) -> None:
    vendor("anthropic", "claude-haiku-4-5-20251001")
    for alias in ("claude-haiku-4-5", "claude-haiku-latest"):
        assert send(TEST, provider=provider_body("anthropic"), model=alias).status == 200
    assert send(TEST, provider=provider_body("anthropic"), model="../models").status == 400
    vendor("openrouter", "openai/gpt-4o-mini")
    assert send(TEST, provider=provider_body("openrouter"), model="openai/gpt-4o-mini:nitro").status == 200


@pytest.mark.parametrize(
    ("status", "expected"),
    [(429, "quota"), (402, "quota"), (403, "auth"), (500, "unreachable"), (503, "unreachable"), (302, "unreachable")],
)
@every_kind
def test_other_refusals_of_the_list_have_their_reason(
    vendor: Vendor, send: Send, monkeypatch: pytest.MonkeyPatch, kind: OwnKeyKind, status: int, expected: str
) -> None:
    refuse_lists(monkeypatch, vendor(kind), status, {"error": {"message": f"no {USERS_KEY}"}})
    assert reason(send(TEST, provider=provider_body(kind))) == expected


@every_kind
def test_nobody_there_is_unreachable(vendor: Vendor, send: Send, foreign: ForeignHosts, kind: OwnKeyKind) -> None:
    vendor(kind)
    foreign.close()
    assert reason(send(TEST, provider=provider_body(kind))) == "unreachable"


def test_a_vendor_whose_name_leads_nowhere_is_unreachable(foreign: ForeignHosts, send: Send) -> None:
    assert reason(send(TEST, provider=provider_body("mistral"))) == "unreachable"


def test_a_certificate_for_another_name_is_unreachable(foreign: ForeignHosts, send: Send) -> None:
    server = OpenAIServer()
    server.models = ["gpt-4o-mini"]
    foreign.run(server, "api.openai.com", certificate_for="evil.example.com")
    assert reason(send(TEST, provider=provider_body("openai"))) == "unreachable"
    assert server.records.lists == []


# --- servers without a list ---


def test_a_server_without_a_list_is_asked_one_token_of_the_model(vendor: Vendor, send: Send) -> None:
    server = vendor("openai_compatible")
    server.models = None
    answer = send(TEST, provider=provider_body("openai_compatible"), model="llama")
    assert (answer.status, answer.json) == (200, {"ok": True, "models": []})
    assert [(body["model"], body["max_tokens"]) for body in server.bodies] == [("llama", 1)]


def test_without_list_and_model_there_is_nothing_to_ask(vendor: Vendor, send: Send) -> None:
    server = vendor("openai_compatible")
    server.models = None
    assert reason(send(TEST, provider=provider_body("openai_compatible"))) == "model"
    assert server.requests == []


@pytest.mark.parametrize(("trouble", "expected"), [("unauthorized", "auth"), ("hang", "unreachable")])
def test_what_the_one_token_fails_for_is_told(
    vendor: Vendor, send: Send, monkeypatch: pytest.MonkeyPatch, trouble: Any, expected: str
) -> None:
    monkeypatch.setattr("chat.providers.views._ASK_SECONDS", 0.5)
    server = vendor("openai_compatible")
    server.models = None
    server.script(Trouble(trouble))
    assert reason(send(TEST, provider=provider_body("openai_compatible"), model="llama")) == expected


@pytest.mark.parametrize(
    "body",
    ["<html>", "[]", '{"data": 5}', '{"data": ["x"]}', '{"data": [{"id": 5}, {}]}', "[" * 5000, '{"data": null}', "5"],
)
def test_a_list_that_cannot_be_read_is_no_list(
    vendor: Vendor, send: Send, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    server = vendor("openai_compatible")
    monkeypatch.setattr(server, "answer_aside", lambda request: body if request.method == "GET" else None)
    assert reason(send(TEST, provider=provider_body("openai_compatible"))) == "model"
    assert send(TEST, provider=provider_body("openai_compatible"), model="llama").status == 200


def test_a_list_without_end_is_no_list(vendor: Vendor, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    server = vendor("openai_compatible", *[f"{number:0100}" for number in range(20_000)])
    assert reason(send(TEST, provider=provider_body("openai_compatible"))) == "model"
    assert len(server.records.lists) == 1


def test_names_are_told_once_and_none_that_is_no_name(vendor: Vendor, send: Send) -> None:
    vendor("openai_compatible", "a", "b", "a", "", "x" * 201, "bell\x07")
    assert send(TEST, provider=provider_body("openai_compatible")).json["models"] == ["a", "b"]


# --- who may, and what of ---


def test_free_has_no_keys_of_its_own(api: ApiClient, free: Account, foreign: ForeignHosts) -> None:
    for body in ({"provider": provider_body("openai")}, {}, {"provider": {"kind": "x", "api_key": ""}}):
        answer = api.post(TEST, json=body, token=free.access_token)
        assert (answer.status, answer.code, answer.json["required_tier"]) == (403, "feature_not_available", "pro")
    assert foreign.looked_up == []


def test_a_test_counts_as_a_request_and_as_no_usage(vendor: Vendor, send: Send, api: ApiClient, pro: Account) -> None:
    server = vendor("openai_compatible")
    server.models = None
    answer = send(TEST, provider=provider_body("openai_compatible"), model="llama")
    assert answer.headers["RateLimit-Limit"] == "60"
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.get("chat/usage", token=pro.access_token).json["today"]["turns"] == 0


def test_the_server_has_to_have_room(vendor: Vendor, send: Send, settings: Any) -> None:
    vendor("openai")
    settings.LLM_MAX_RUNNING_TURNS = 0
    answer = send(TEST, provider=provider_body("openai"))
    assert (answer.status, answer.code) == (503, "upstream_unavailable")


def test_the_provider_is_given_ten_seconds_and_a_mebibyte() -> None:
    from adiuva.egress import http

    assert (http.ANSWER_SECONDS, http.MOST_ANSWER_BYTES) == (10.0, 1024 * 1024)
