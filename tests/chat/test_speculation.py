"""``LLM_SPECULATE``: the likely agent begins while the router still thinks."""

import asyncio
from typing import Any

import pytest

from tests.chat.conftest import ROUTER
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import Body, LoopbackLLM, Reply, call, calls, hang, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = [pytest.mark.usefixtures("all_agents")]


@pytest.fixture(autouse=True)
def _speculate(settings: Any, llm: LoopbackLLM) -> None:
    settings.LLM_SPECULATE = True


def to(*agents: str) -> Reply:
    """A router that takes its time."""
    named = ", ".join(f'"{agent}"' for agent in agents)
    return text(f'{{"agents": [{named}]}}', delay=0.2)


def test_a_right_guess_has_been_asked_before_the_router_answers(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    open_then: list[int] = []

    def act(body: Body) -> Reply:
        open_then.append(llm.open_connections)
        return calls(call("create_task", title="Milk"))

    llm.aside[ROUTER] = to("task_agent")
    llm.script(act, text("Done."))
    answer = api.post("chat", json={"message": "Buy milk"}, token=pro.access_token)
    assert (answer.json["response"], len(answer.json["actions"])) == ("Done.", 1)
    assert open_then == [2], "the router's call was still open"
    assert len(llm.requests) == 2, "nothing is asked twice"


@pytest.mark.parametrize("guess", [hang(), calls(call("create_task", title="Wrong")), text("Wrong")])
def test_of_a_wrong_guess_nothing_is_seen_or_done(api: ApiClient, pro: Account, llm: LoopbackLLM, guess: Reply) -> None:
    llm.aside[ROUTER] = to("note_agent")
    llm.script(guess, calls(call("create_note", title="Milk", content="Buy it")), text("Noted."))
    answer = api.post("chat", json={"message": "A note about milk"}, token=pro.access_token)
    assert answer.status == 200, answer.json
    assert answer.json["response"] == "Noted."
    assert [action["name"] for action in answer.json["actions"]] == ["create_note"]
    assert answer.json["usage"]["input_tokens"] > 3 * 7, "what the guess cost is counted"


def test_a_refused_agent_ends_the_guess(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    llm.aside[ROUTER] = to("checkpoint_agent")
    llm.script(hang())
    answer = api.post("chat", json={"message": "A milestone"}, token=free.access_token)
    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert llm.wait_closed()


async def test_a_client_that_vanishes_ends_both_calls(connect: Any, pro: Account, llm: LoopbackLLM) -> None:
    llm.aside[ROUTER] = hang()
    llm.script(hang())
    socket: Socket = await connect(pro)
    await socket.send(message="Hello")
    assert await asyncio.to_thread(llm.wait_requests, 1)
    await socket.leave()
    assert await asyncio.to_thread(llm.wait_closed)
