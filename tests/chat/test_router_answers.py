"""A router whose provider knows no structured output: whatever it writes, a turn has an agent."""

from typing import Any

import pytest

from tests.chat.conftest import ROUTER
from tests.fakes.llm_server import LoopbackLLM, call, calls, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

TOOL_OF = {
    "task_agent": "create_task",
    "project_agent": "create_project",
    "note_agent": "create_note",
    "checkpoint_agent": "create_checkpoint",
}


def _list_offered_agents(llm: LoopbackLLM) -> list[str]:
    """The agents whose tools the model was offered, call by call; the router is offered none."""
    offered = [{tool["function"]["name"] for tool in request.get("tools", ())} for request in llm.requests]
    return [agent for tools in offered for agent, tool in TOOL_OF.items() if tool in tools]


@pytest.mark.parametrize(
    ("answer", "agent"),
    [
        ("The best choice here is the note_agent.", "note_agent"),
        ('Sure!\n```json\n{"agents": ["project_agent"]}\n```\nLet me know.', "project_agent"),
        ('{"agents": ["chef_agent", "note_agent"]}', "note_agent"),
        ('{"agents": ["chef_agent"]}', "task_agent"),
        ("chef_agent", "task_agent"),
        ("Either note_agent or project_agent would do.", "task_agent"),
        ('{"agents": "note_agent", "reason": "it is {about} a note"}', "note_agent"),
        ("", "task_agent"),
        ("{" * 5_000, "task_agent"),
    ],
)
def test_one_agent_serves_the_turn(
    api: ApiClient, pro: Account, llm: LoopbackLLM, all_agents: None, answer: str, agent: str
) -> None:
    llm.aside[ROUTER] = text(answer)
    llm.script(text("Done."))

    done = api.post("chat", json={"message": "Hello"}, token=pro.access_token)

    assert (done.status, done.json["response"]) == (200, "Done.")
    assert _list_offered_agents(llm) == [agent]


def test_prose_about_an_agent_beyond_the_tier_is_403(
    api: ApiClient, free: Account, llm: LoopbackLLM, all_agents: None
) -> None:
    llm.aside[ROUTER] = text("That is a matter for the checkpoint_agent, I think.")

    answer = api.post("chat", json={"message": "Hello"}, token=free.access_token)

    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert _list_offered_agents(llm) == []


def test_an_agent_has_its_own_tools_only(api: ApiClient, pro: Account, llm: LoopbackLLM, all_agents: None) -> None:
    llm.aside[ROUTER] = text('{"agents": ["note_agent"]}')
    llm.script(calls(call("create_task", title="Not mine"), call("create_note", title="Mine")), text("Done."))

    answer: Any = api.post("chat", json={"message": "Hello"}, token=pro.access_token)

    assert [action["name"] for action in answer.json["actions"]] == ["create_note"]
