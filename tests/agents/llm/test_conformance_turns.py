"""Whole turns with each provider: what a user gets, and that no request was one that the vendor refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from agents.agents import CheckpointAgent, NoteAgent, ProjectAgent, TaskAgent
from agents.registry import registry
from tests.agents.llm.cases import ANTHROPIC, GEMINI, Case
from tests.fakes.llm_server import call
from tests.fakes.providers.deepseek import DeepSeekServer
from tests.fakes.providers.script import Answer, Body, Trouble, say, use
from tests.fakes.providers.server import ProviderServer

SECRET = "The user wants milk, so I call the tool."


def offered_tools(body: Body) -> str:
    return json.dumps([body.get("tools"), body.get("toolConfig")])


def test_route(chat: Callable[..., Any], server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    agents = (TaskAgent, ProjectAgent, NoteAgent, CheckpointAgent)
    monkeypatch.setattr(registry, "_agents", {agent.name: agent for agent in agents})
    agent = iter([use(call("create_note", id="noteCall1", title="Milk")), say("Done."), say("Done.")])

    def answer_by_what_is_offered(body: Body) -> Answer:
        return next(agent) if "create_note" in offered_tools(body) else say('{"agents": ', '["note_agent"]}')

    server.default = answer_by_what_is_offered
    answer = chat("Note: milk is out")
    assert [action["name"] for action in answer["actions"]] == ["create_note"]
    before = (len(server.requests), len(server.records.refused))
    chat("Note: eggs, too")
    # One for the router and one for the agent: what the model does not take is known by now.
    assert (len(server.requests), len(server.records.refused)) == (before[0] + 2, before[1])


def test_tools(chat: Callable[..., Any], server: ProviderServer, task_agent_only: None) -> None:
    server.script(
        use(call("create_task", id="milkCall1", title="Buy milk"), text=("On it.",), usage=(10, 2)),
        say("Done", ".", usage=(20, 3)),
    )
    answer = chat()
    assert answer["response"] == "On it.\n\nDone."
    assert [(action["name"], action["data"]["title"]) for action in answer["actions"]] == [("create_task", "Buy milk")]
    assert answer["usage"] == {"input_tokens": 30, "output_tokens": 5}
    assert answer["finish_reason"] == "stop"
    assert server.records.refused == []
    assert "create_task" in json.dumps(server.bodies[0]["tools"] if "tools" in server.bodies[0] else server.bodies[0])


def test_parallel_tools(chat: Callable[..., Any], server: ProviderServer, task_agent_only: None) -> None:
    server.script(
        use(
            call("create_task", id="milkCall1", title="Buy milk"),
            call("create_task", id="eggsCall2", title="Buy eggs"),
            call("list_tasks", id="listCall3"),
        ),
        say("Both are on your list."),
    )
    answer = chat("Buy milk and eggs")
    assert [(action["name"], action["data"].get("title")) for action in answer["actions"]] == [
        ("create_task", "Buy milk"),
        ("create_task", "Buy eggs"),
        ("list_tasks", None),
    ]
    assert answer["response"] == "Both are on your list."
    assert server.records.refused == []


def test_reasoning_hidden(
    chat: Callable[..., Any], server: ProviderServer, task_agent_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never shown, but a provider that wants it back for its calls gets it."""
    for insists in ("thinks", "signs"):
        if hasattr(server, insists):
            monkeypatch.setattr(server, insists, True)
    server.script(
        use(call("create_task", id="milkCall1", title="Buy milk"), reasoning=(SECRET[:20], SECRET[20:])),
        use(call("create_task", id="eggsCall2", title="Buy eggs"), reasoning=(SECRET,)),
        say("Done.", reasoning=(SECRET,)),
    )
    answer = chat()
    assert answer["response"] == "Done."
    assert len(answer["actions"]) == 2
    assert "call the tool" not in json.dumps(answer)
    assert server.records.refused == []
    if isinstance(server, DeepSeekServer):
        assert [m["reasoning_content"] for m in server.bodies[2]["messages"] if m.get("tool_calls")] == [SECRET, SECRET]


def test_refusal(chat: Callable[..., Any], server: ProviderServer, case: Case, task_agent_only: None) -> None:
    """A prompt that the provider's filter stops is a sentence to the user, not an empty answer and not a 502."""
    if not server.filters:
        pytest.skip(f"{case.title} filters nothing")
    in_an_answer = case.title in {"Gemini", "Bedrock"}
    server.script(say(end="refused") if in_an_answer else Trouble("filtered_prompt"))
    answer = chat("Something forbidden")
    assert answer["finish_reason"] == "content_filter"
    assert answer["response"].endswith(".")


def test_a_call_that_breaks_after_an_action_is_made_again(
    chat: Callable[..., Any], server: ProviderServer, task_agent_only: None
) -> None:
    made = use(call("create_task", id="milkCall1", title="Buy milk"))
    server.script(made, Trouble("overloaded"), Answer(breaks="error"), say("Done."))
    answer = chat()
    assert (answer["response"], len(answer["actions"])) == ("Done.", 1)


def test_the_fallback_takes_over_what_another_provider_has_begun(
    chat: Callable[..., Any], run_provider: Any, case: Case, settings: Any, task_agent_only: None
) -> None:
    """Mistral wants ids of nine letters, and nobody another one's thoughts and signatures."""
    fallback, first = run_provider(case), run_provider(ANTHROPIC if case is GEMINI else GEMINI)
    settings.LLM_FALLBACK_MODEL = case.model
    begun = use(
        call("create_task", id="toolu_01", title="Buy milk"), call("list_tasks", id="toolu_02"), reasoning=(SECRET,)
    )
    first.script(begun, *[Trouble("overloaded")] * 3)
    fallback.script(say("It is on your list."))
    answer = chat()
    assert answer["response"] == "It is on your list."
    assert [action["name"] for action in answer["actions"]] == ["create_task", "list_tasks"]
    assert fallback.records.refused == []
    assert SECRET not in json.dumps(fallback.bodies)
