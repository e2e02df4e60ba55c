"""``POST /chat`` in one process; what needs a real server is in test_live_server."""

from typing import Any

import pytest

from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, hang, reset, status, text
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough


def test_the_answer_is_a_chat_response(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    llm.script(calls(call("create_task", title="Buy milk"), usage=(10, 2)), text("Done", ".", usage=(20, 3)))

    answer = api.post("chat", json={"message": "Buy milk"}, token=free.access_token)

    assert answer.status == 200
    assert set(answer.json) == {"response", "actions", "usage", "finish_reason"}
    assert answer.json["response"] == "Done."
    assert answer.json["usage"] == {"input_tokens": 30, "output_tokens": 5}
    assert answer.json["finish_reason"] == "stop"
    (action,) = answer.json["actions"]
    assert set(action) == {"id", "name", "type", "table", "record_id", "data", "destructive"}
    assert (action["name"], action["type"], action["table"]) == ("create_task", "create_record", "tasks")


def test_reads_are_answered_from_the_context(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    llm.script(calls(call("list_tasks")), text("You have one."))
    context = {"recent_tasks": [{"id": "t-1", "title": "Water the ficus", "status": "todo"}]}

    answer = api.post("chat", json={"message": "My tasks?", "context": context}, token=free.access_token)

    assert [action["type"] for action in answer.json["actions"]] == ["query_records"]
    told = [message["content"] for message in llm.requests[1]["messages"] if message["role"] == "tool"]
    assert "Water the ficus" in told[0]


def test_without_a_token_it_is_401_before_anything_else(api: ApiClient, db: None) -> None:
    answer = api.post("chat", body=b"{not json")

    assert (answer.status, answer.code) == (401, "not_authenticated")


def test_other_methods_are_405(api: ApiClient, free: Account) -> None:
    assert api.get("chat", token=free.access_token).status == 405


@pytest.mark.parametrize("fault", [reset(), status(401), status(500), thorough(hang())])
def test_provider_trouble_is_a_problem(
    api: ApiClient, free: Account, llm: LoopbackLLM, settings: Any, fault: Reply
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.0
    llm.script(*[fault] * 3)

    answer = api.post("chat", json={"message": "Hello"}, token=free.access_token)

    assert answer.status in {502, 503, 504}
    assert answer.code
    assert b"SECRET" not in answer.content
    assert b"sk-loopback" not in answer.content


def test_a_rate_limited_user_is_429(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    answers = [api.post("chat", json={"message": "Hello"}, token=free.access_token) for _ in range(21)]

    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
