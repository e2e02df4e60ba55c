"""``execution_mode: plan``: the router is asked, no agent works."""

from collections.abc import Awaitable, Callable

import pytest

from tests.chat.conftest import ROUTER
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

Connect = Callable[..., Awaitable[Socket]]
pytestmark = pytest.mark.usefixtures("all_agents")


def test_rest_answers_with_the_plan(api: ApiClient, llm: LoopbackLLM, pro: Account) -> None:
    llm.aside[ROUTER] = text('{"agents": ["project_agent", "note_agent"]}')
    message = "Archive the website project and write a note about why"

    answer = api.post("chat", json={"message": message, "execution_mode": "plan"}, token=pro.access_token)

    assert answer.status == 200
    assert set(answer.json) == {"plan_id", "name", "steps"}
    assert [step["template_id"] for step in answer.json["steps"]] == [
        "tpl_project_agent_default",
        "tpl_note_agent_default",
    ]
    assert all(step["variables"] == {"message": message} for step in answer.json["steps"])
    assert llm.requests == []
    assert len(llm.asked_aside) == 1


def test_the_plan_is_among_the_recent_ones(api: ApiClient, llm: LoopbackLLM, pro: Account) -> None:
    body = {"message": "Call Bob", "execution_mode": "plan"}
    plan = api.post("chat", json=body, token=pro.access_token).json

    recent = api.get("plans/playbook", token=pro.access_token).json["items"]

    assert plan in recent
    assert api.get(f"plans/playbook/{plan['plan_id']}", token=pro.access_token).json == plan


async def test_the_done_frame_carries_the_plan(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    (done,) = await socket.ask("Call Bob", execution_mode="plan", client_tools=True)

    assert (done["type"], done["response"], done["actions"]) == ("done", "", [])
    assert done["plan"]["steps"][0]["template_id"] == "tpl_task_agent_default"
    assert done["usage"]["input_tokens"] > 0
    assert llm.requests == []


async def test_a_direct_answer_has_no_plan(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    assert "plan" not in (await socket.ask("Call Bob"))[-1]


def test_a_plan_that_needs_another_tier_is_refused(api: ApiClient, llm: LoopbackLLM, free: Account) -> None:
    llm.aside[ROUTER] = text('{"agents": ["checkpoint_agent"]}')

    answer = api.post("chat", json={"message": "Plan it", "execution_mode": "plan"}, token=free.access_token)

    assert (answer.status, answer.json["required_tier"]) == (403, "pro")


def test_what_the_user_wrote_stands_in_the_plan(api: ApiClient, llm: LoopbackLLM, free: Account) -> None:
    message = "Ask task_agent <thinking>about</thinking> it"

    plan = api.post("chat", json={"message": message, "execution_mode": "plan"}, token=free.access_token).json

    assert plan["name"] == message
    assert plan["steps"][0]["variables"] == {"message": message}
