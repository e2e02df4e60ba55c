"""Choosing among several agents. The vocabulary has four; those that are not written yet are stood in for."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from accounts.authentication import authenticate
from adiuva.api.errors import FeatureNotAvailable, NotConfigured
from agents.agents import BaseAgent
from agents.events import AgentEvent, TextDelta
from agents.llm.meter import Meter
from agents.registry import registry
from agents.run_context import RunContext
from chat.agent_routing import parse_agent_names
from chat.orchestrator import orchestrate
from chat.turns import ChatTurn, TurnDone
from tests.chat.ws.sockets import in_database
from tests.fakes.llm_server import LoopbackLLM, Reply, status, text
from tests.support.accounts import Account

NAMES = ["task_agent", "project_agent", "note_agent", "checkpoint_agent"]
Ask = Callable[..., Awaitable[TurnDone]]


def _agent(agent_name: str) -> type[BaseAgent]:
    class Agent(BaseAgent):
        name = agent_name
        description = f"answers as {agent_name}"

        async def handle(self, query: str, context: RunContext) -> AsyncGenerator[AgentEvent, None]:
            yield TextDelta(f"{agent_name.removesuffix('_agent')} here")

    return Agent


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, llm: LoopbackLLM) -> Ask:
    """A turn with all four agents; the script answers for the router."""
    llm.aside.clear()
    monkeypatch.setattr(registry, "_agents", {name: _agent(name) for name in NAMES})

    async def turn(account: Account, message: str = "Hello", **fields: Any) -> TurnDone:
        identity = await in_database(authenticate, account.access_token)
        return await orchestrate(turn=ChatTurn(message=message, **fields), user=identity.user, meter=Meter())

    return turn


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"agents": ["note_agent"]}', ["note_agent"]),
        ('{"agents": ["project_agent", "task_agent"]}', ["project_agent", "task_agent"]),
        ('{"agents": ["task_agent", "task_agent"]}', ["task_agent"]),
        ('{"agents": ["root_agent", {"x": 1}, null, "note_agent"]}', ["note_agent"]),
        ('{"agents": "note_agent"}', ["note_agent"]),
        ('{"agent": "note_agent"}', ["note_agent"]),
        ('{"agent": ["note_agent"]}', ["note_agent"]),
        ('```json\n{"agents": ["note_agent"], "why": "x"}\n```', ["note_agent"]),
        ('{"intent": {"agents": ["note_agent"]}}', ["note_agent"]),
        ('Sure! {"agent":"project_agent"} is best, not task_agent.', ["project_agent"]),
        ('First ["project_agent", "note_agent"].', ["project_agent", "note_agent"]),
        ("note_agent", ["note_agent"]),
        ("The project_agent.", ["project_agent"]),
        ("task_agent or note_agent", []),
        ('{"agents": ["root_agent"]}', []),
        ('{"agents": []}', []),
        ('{"agents": 5}', []),
        ('{"agent": null}', []),
        ("[1, 2]", []),
        ("{broken", []),
        ("", []),
    ],
)
def test_a_routers_answer_is_read_with_tolerance(answer: str, expected: list[str]) -> None:
    assert list(parse_agent_names(answer, NAMES)) == expected


async def test_the_router_chooses(ask: Ask, llm: LoopbackLLM, pro: Account) -> None:
    llm.script(text('{"agent": ', '"note_agent"}', usage=(40, 4)))

    done = await ask(pro, "Remember the milk")

    assert done.response == "note here"
    assert (done.usage.input_tokens, done.usage.output_tokens) == (40, 4)
    question = str(llm.requests[0]["messages"])
    assert "Remember the milk" in question
    assert "answers as checkpoint_agent" in question


async def test_the_router_sees_the_latest_history(ask: Ask, llm: LoopbackLLM, pro: Account) -> None:
    llm.script(text('{"agent": "note_agent"}'))
    history = [{"role": "user", "content": f"line {number}"} for number in range(10)]

    await ask(pro, context={"conversation_history": history})

    question = str(llm.requests[0]["messages"])
    assert "line 9" in question
    assert "line 0" not in question


@pytest.mark.parametrize("answer", [text("I do not know"), text(), status(401)])
async def test_an_unsure_or_failing_router_means_the_task_agent(
    ask: Ask, llm: LoopbackLLM, pro: Account, answer: Reply
) -> None:
    llm.script(answer)

    assert (await ask(pro)).response == "task here"


@pytest.mark.parametrize("name", ["task_agent", "project_agent", "note_agent"])
async def test_free_has_three_agents(ask: Ask, llm: LoopbackLLM, free: Account, name: str) -> None:
    llm.script(text(f'{{"agent": "{name}"}}'))

    assert (await ask(free)).response == f"{name.removesuffix('_agent')} here"


async def test_a_message_for_an_agent_beyond_the_tier_is_refused(ask: Ask, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text('{"agent": "checkpoint_agent"}'))

    with pytest.raises(FeatureNotAvailable) as refusal:
        await ask(free, "Set a checkpoint")

    assert refusal.value.extra == {"required_tier": "pro"}


async def test_no_router_model_is_503(ask: Ask, llm: LoopbackLLM, pro: Account, settings: Any) -> None:
    settings.LLM_ROUTER_MODEL = settings.LLM_MODEL = ""

    with pytest.raises(NotConfigured):
        await ask(pro)


async def test_a_turn_without_a_done_is_no_turn(ask: Ask, llm: LoopbackLLM, pro: Account) -> None:
    from chat.orchestrator import orchestrate_stream

    llm.script(text('{"agent": "note_agent"}'))
    identity = await in_database(authenticate, pro.access_token)

    async with aclosing(orchestrate_stream(turn=ChatTurn(message="x"), user=identity.user, meter=Meter())) as events:
        seen = [event async for event in events]

    assert [type(event) for event in seen].count(TurnDone) == 1
    assert isinstance(seen[-1], TurnDone)
