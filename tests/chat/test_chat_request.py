"""What a ChatRequest may hold, over REST (the WebSocket uses the same serializer; see test_socket_frames)."""

import json
from typing import Any

import pytest

from chat.requests import MAX_CONTEXT_BYTES
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account
from tests.support.client import ApiClient


def context_of(size: int) -> dict[str, Any]:
    """A context of exactly ``size`` bytes as compact JSON."""
    empty = len(json.dumps({"notes": [{"body": ""}]}, separators=(",", ":")))
    return {"notes": [{"body": "x" * (size - empty)}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": " \n\t "}, "message"),
        ({"message": "x" * 32_001}, "message"),
        ({"message": None}, "message"),
        ({"message": 5}, "message"),
        ({"message": ["x"]}, "message"),
        ({"message": "x", "execution_mode": "turbo"}, "execution_mode"),
        ({"message": "x", "execution_mode": 1}, "execution_mode"),
        ({"message": "x", "model": "gpt-unknown"}, "model"),
        ({"message": "x", "model": ""}, "model"),
        ({"message": "x", "model": 5}, "model"),
        ({"message": "x", "context": []}, "context"),
        ({"message": "x", "context": "x"}, "context"),
        ({"message": "x", "context": {"user_profile": []}}, "context.user_profile"),
        ({"message": "x", "context": {"user_profile": {"timezone": "Mars"}}}, "context.user_profile.timezone"),
        ({"message": "x", "context": {"user_profile": {"timezone": 5}}}, "context.user_profile.timezone"),
        ({"message": "x", "context": {"user_profile": {"timezone": ""}}}, "context.user_profile.timezone"),
        ({"message": "x", "context": {"recent_tasks": {}}}, "context.recent_tasks"),
        ({"message": "x", "context": {"projects": "x"}}, "context.projects"),
        ({"message": "x", "context": {"notes": [{}, "x"]}}, "context.notes.1"),
        ({"message": "x", "context": {"checkpoints": [5]}}, "context.checkpoints.0"),
        ({"message": "x", "context": {"relevant_documents": [5]}}, "context.relevant_documents.0"),
        ({"message": "x", "context": {"conversation_history": {}}}, "context.conversation_history"),
        ({"message": "x", "context": {"conversation_history": ["x"]}}, "context.conversation_history.0"),
        (
            {"message": "x", "context": {"conversation_history": [{"role": "system", "content": "x"}]}},
            "context.conversation_history.0.role",
        ),
        (
            {"message": "x", "context": {"conversation_history": [{"role": ["user"], "content": "x"}]}},
            "context.conversation_history.0.role",
        ),
        (
            {"message": "x", "context": {"conversation_history": [{"role": "user"}]}},
            "context.conversation_history.0.content",
        ),
    ],
)
def test_a_wrong_field_is_named(
    api: ApiClient, free: Account, llm: LoopbackLLM, body: dict[str, Any], field: str
) -> None:
    answer = api.post("chat", json=body, token=free.access_token)

    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == [field]
    assert llm.requests == []


@pytest.mark.parametrize(
    "fields",
    [
        {"message": "x" * 32_000},
        {"message": "🦊" * 32_000},
        {"context": None, "execution_mode": None, "model": None},
        {"context": {"user_profile": None, "notes": None}},
        {"execution_mode": "direct"},
        {"model": "gpt-test"},
        {"context": {"surprise": {"deep": []}}, "tier": "team", "client_tools": "odd"},
        {"context": {"relevant_documents": ["plain text", {"title": "x"}]}},
        {"context": {"conversation_history": [{"role": "assistant", "content": "", "at": 5}]}},
    ],
)
def test_what_the_contract_allows_is_answered(
    api: ApiClient, free: Account, llm: LoopbackLLM, fields: dict[str, Any]
) -> None:
    answer = api.post("chat", json={"message": "Hello", **fields}, token=free.access_token)

    assert answer.status == 200, answer


def test_a_context_at_the_limit_is_taken(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    answer = api.post(
        "chat", json={"message": "Hello", "context": context_of(MAX_CONTEXT_BYTES)}, token=free.access_token
    )

    assert answer.status == 200, answer


def test_a_larger_context_is_413(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    answer = api.post(
        "chat", json={"message": "Hello", "context": context_of(MAX_CONTEXT_BYTES + 1)}, token=free.access_token
    )

    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert answer.json["field"] == "context"


def test_spacing_and_escapes_do_not_count(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    context = {"notes": [{"body": "ü" * (MAX_CONTEXT_BYTES // 2 - 100)}]}
    body = json.dumps({"message": "Hello", "context": context}, indent=4)  # each ü as \u00fc: three times the bytes

    answer = api.post("chat", body=body, token=free.access_token)

    assert answer.status == 200, answer


def test_free_has_the_default_model_only(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    answer = api.post("chat", json={"message": "Hello", "model": "gpt-other"}, token=free.access_token)

    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert answer.json["required_tier"] == "pro"


def test_pro_may_choose_a_model(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    answer = api.post("chat", json={"message": "Hello", "model": "gpt-other"}, token=pro.access_token)

    assert answer.status == 200
    assert llm.requests[0]["model"] == "gpt-other"


@pytest.mark.parametrize(
    ("profile", "shown"),
    [({"timezone": "UTC+05:45"}, "UTC+05:45"), ({"timezone": None}, "UTC"), ({"timezone": "Asia/Tokyo"}, "Asia/Tokyo")],
)
def test_the_users_time_zone_reaches_the_model(
    api: ApiClient, free: Account, llm: LoopbackLLM, profile: dict[str, Any], shown: str
) -> None:
    body = {"message": "What is due today?", "context": {"user_profile": profile}}
    assert api.post("chat", json=body, token=free.access_token).status == 200

    assert f"in the user's timezone, {shown}." in llm.requests[0]["messages"][0]["content"]
