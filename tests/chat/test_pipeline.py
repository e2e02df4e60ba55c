"""A message for several agents: their order, what they know of each other, and one answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chat.conftest import ROUTER
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, call, calls, hang, status, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

Connect = Callable[..., Awaitable[Socket]]
pytestmark = pytest.mark.usefixtures("all_agents")


def route_to(llm: LoopbackLLM, *names: str, **options: Any) -> None:
    listed = ", ".join(f'"{name}"' for name in names)
    llm.aside[ROUTER] = text(f'{{"agents": [{listed}]}}', **options)


def system(llm: LoopbackLLM, number: int) -> str:
    return str(llm.requests[number]["messages"][0]["content"])


def tools(llm: LoopbackLLM, number: int) -> set[str]:
    return {tool["function"]["name"] for tool in llm.requests[number].get("tools") or []}


async def test_the_agents_work_in_order_and_one_answer_is_said(
    connect: Connect, llm: LoopbackLLM, pro: Account
) -> None:
    route_to(llm, "project_agent", "task_agent")

    def second(body: dict[str, Any]) -> Any:
        made = body["messages"][0]["content"].split('"record_id":"')[1][:36]
        return calls(call("create_task", title="Hire a band", project_id=made))

    llm.script(
        calls(call("create_project", name="Wedding")),
        text("I made the project Wedding."),
        second,
        text("I put a task into it."),
        text("Your project Wedding is there, ", "with a task to hire a band."),
    )
    socket = await connect(pro)

    frames = await socket.ask("Make a project Wedding and in it a task to hire a band")

    project, task = (frame["action"] for frame in frames if frame["type"] == "action")
    done = frames[-1]
    assert [frame["type"] for frame in frames[:2]] == ["action", "action"]
    assert (project["name"], task["name"]) == ("create_project", "create_task")
    assert task["data"] == {"title": "Hire a band", "project_id": project["record_id"]}
    assert done["response"] == "Your project Wedding is there, with a task to hire a band."
    assert done["actions"] == [project, task]
    assert "create_project" in tools(llm, 0)
    assert "create_task" in tools(llm, 2)
    assert not tools(llm, 4)
    assert "I made the project Wedding." in system(llm, 2)
    assert "I put a task into it." in system(llm, 4)
    # The new project stands among the data, as one that the client sent would.
    assert project["record_id"] in system(llm, 2).split('source="projects"')[1].split("</data>")[0]


async def test_one_agent_alone_hears_of_no_pipeline(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    route_to(llm, "note_agent")
    llm.script(text("Which note do you mean?"))
    socket = await connect(pro)

    done = (await socket.ask("Open my note"))[-1]

    assert done["response"] == "Which note do you mean?"
    assert len(llm.requests) == 1
    assert "previous_results" not in system(llm, 0)


async def test_what_one_changed_or_deleted_the_next_sees(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    route_to(llm, "task_agent", "note_agent")
    tasks = [{"id": "task-0001", "title": "Old title"}, {"id": "task-0002", "title": "Superfluous"}]
    llm.script(
        calls(call("update_task", task_id="task-0001", title="New title"), call("delete_task", task_id="task-0002")),
        text("Done."),
        text("Noted."),
        text("All done."),
    )
    socket = await connect(pro)

    await socket.ask("Rename it, delete the other, note it", context={"recent_tasks": tasks})

    data = system(llm, 2).split('source="recent_tasks"')[1].split("</data>")[0]
    assert "New title" in data
    assert "Old title" not in data
    assert "Superfluous" not in data


async def test_without_a_synthesis_the_agents_texts_are_the_answer(
    connect: Connect, llm: LoopbackLLM, pro: Account
) -> None:
    route_to(llm, "project_agent", "task_agent")
    llm.script(text("There is one project."), text("There are two tasks."), text())
    socket = await connect(pro)

    done = (await socket.ask("Projects and tasks?"))[-1]

    assert done["response"] == "There is one project.\n\nThere are two tasks."


def test_usage_is_that_of_all_calls(api: ApiClient, llm: LoopbackLLM, pro: Account) -> None:
    route_to(llm, "project_agent", "task_agent", usage=(1, 1))
    llm.script(text("A", usage=(10, 2)), text("B", usage=(20, 3)), text("C", usage=(30, 4)))

    answer = api.post("chat", json={"message": "Projects and tasks?"}, token=pro.access_token)

    assert answer.json["usage"] == {"input_tokens": 61, "output_tokens": 10}


def test_a_failing_agent_is_a_problem(api: ApiClient, llm: LoopbackLLM, pro: Account) -> None:
    route_to(llm, "project_agent", "task_agent")
    llm.script(text("A"), status(400))

    answer = api.post("chat", json={"message": "Projects and tasks?"}, token=pro.access_token)

    assert (answer.status, answer.code) == (502, "upstream_error")


def test_one_deadline_for_all_of_it(api: ApiClient, llm: LoopbackLLM, pro: Account, settings: Any) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.8
    route_to(llm, "project_agent", "task_agent")
    llm.script(text("A", delay=0.2), hang())

    answer = api.post("chat", json={"message": "Projects and tasks?"}, token=pro.access_token)

    assert (answer.status, answer.code) == (504, "upstream_timeout")


def test_the_tier_is_asked_for_every_agent_before_any_of_them_works(
    api: ApiClient, llm: LoopbackLLM, free: Account
) -> None:
    route_to(llm, "project_agent", "checkpoint_agent")

    answer = api.post("chat", json={"message": "A project with milestones"}, token=free.access_token)

    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert answer.json["required_tier"] == "pro"
    assert llm.requests == []
