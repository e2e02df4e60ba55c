"""The project agent with a scripted model, over the loop and a real provider connection."""

from tests.agents.support import PROJECT, Device
from tests.agents.tools.support import OLD, UNKNOWN, tool_messages, turn_with
from tests.fakes.llm_server import LoopbackLLM, call, calls, text


async def test_each_call_becomes_its_action(provider: LoopbackLLM) -> None:
    provider.script(
        calls(
            call("create_project", id="1", name="Garden", description="Beds"),
            call("update_project", id="2", project_id=PROJECT["id"], status="archived"),
            call("delete_project", id="3", project_id=OLD["id"]),
            call("list_projects", id="4"),
            call("list_all_projects", id="5"),
            call("get_project", id="6", project_id=PROJECT["id"]),
        ),
        text("Done."),
    )
    done = await turn_with("project_agent", "tidy up")
    made = [(action.name, action.type, action.record_id, action.data) for action in done.actions]
    garden = done.actions[0].record_id
    assert made == [
        ("create_project", "create_record", garden, {"name": "Garden", "description": "Beds"}),
        ("update_project", "update_record", PROJECT["id"], {"status": "archived"}),
        ("delete_project", "delete_record", OLD["id"], {}),
        ("list_projects", "query_records", None, {"status": "active"}),
        ("list_all_projects", "query_records", None, {}),
        ("get_project", "query_records", PROJECT["id"], {}),
    ]
    assert [action.destructive for action in done.actions] == [False, False, True, False, False, False]
    assert {action.table for action in done.actions} == {"projects"}


async def test_bad_calls_are_told_to_the_model_and_never_act(provider: LoopbackLLM) -> None:
    provider.script(
        calls(
            call("update_project", id="1", project_id=UNKNOWN, status="archived"),
            call("update_project", id="2", project_id=PROJECT["id"], status="done"),
            call("create_project", id="3", name=""),
            call("delete_project", id="4", raw="{"),
            call("create_task", id="5", title="Not mine"),
        ),
        text("Which one?"),
    )
    done = await turn_with("project_agent", "x")
    assert done.actions == []
    assert [answer["ok"] for answer in tool_messages(provider.requests[-1])] == [False] * 5


async def test_a_project_that_the_device_names_can_be_changed(provider: LoopbackLLM) -> None:
    device = Device({"get_project": {"project": {"id": "p-7", "name": "Garden"}}})
    provider.script(
        calls(call("get_project", project_id=PROJECT["id"])),
        calls(call("update_project", project_id="p-7", name="Orchard")),
        text("Done."),
    )
    done = await turn_with("project_agent", "x", device)
    assert [asked.arguments for asked in done.asked] == [{"project_id": PROJECT["id"]}]
    assert done.made == [("update_project", "p-7", {"name": "Orchard"})]


async def test_the_prompt_prefers_archiving(provider: LoopbackLLM) -> None:
    provider.script(text("ok"))
    await turn_with("project_agent", "x")
    prompt = provider.requests[0]["messages"][0]["content"]
    assert "are met by archiving (reversible, lossless)" in prompt
    assert "# What you must not do" in prompt
    assert [tool["function"]["name"] for tool in provider.requests[0]["tools"]][-1] == "delete_project"
