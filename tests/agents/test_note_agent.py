"""The note agent with a scripted model, over the loop and a real provider connection."""

from tests.agents.support import PROJECT, Device
from tests.agents.tools.support import MINUTES, PASTA, UNKNOWN, tool_messages, turn_with
from tests.fakes.llm_server import LoopbackLLM, call, calls, text

MARKDOWN = "## To buy\n\n- [ ] `salt`\n- [x] **water** & <b>pasta</b>"


async def test_each_call_becomes_its_action(provider: LoopbackLLM) -> None:
    provider.script(
        calls(
            call("create_note", id="1", title="Shopping", content=MARKDOWN, project_id=PROJECT["id"]),
            call("update_note", id="2", note_id=PASTA["id"], title="Pasta recipe"),
            call("delete_note", id="3", note_id=MINUTES["id"]),
            call("list_notes", id="4", search="salt"),
            call("get_note", id="5", note_id=PASTA["id"]),
        ),
        text("Done."),
    )
    done = await turn_with("note_agent", "tidy up")
    made = [(action.name, action.type, action.record_id, action.data) for action in done.actions]
    shopping = {"title": "Shopping", "content": MARKDOWN, "project_id": PROJECT["id"]}
    assert made == [
        ("create_note", "create_record", done.actions[0].record_id, shopping),
        ("update_note", "update_record", PASTA["id"], {"title": "Pasta recipe"}),
        ("delete_note", "delete_record", MINUTES["id"], {}),
        ("list_notes", "query_records", None, {"search": "salt"}),
        ("get_note", "query_records", PASTA["id"], {}),
    ]
    assert {action.table for action in done.actions} == {"notes"}


async def test_bad_calls_are_told_to_the_model_and_never_act(provider: LoopbackLLM) -> None:
    provider.script(
        calls(
            call("create_note", id="1", content="no title"),
            call("update_note", id="2", note_id=UNKNOWN, content="x"),
            call("update_note", id="3", note_id=PASTA["id"], content=None),
            call("create_note", id="4", title="x", project_id=UNKNOWN),
            call("add_task_comment", id="5", task_id="x", content="x"),
        ),
        text("Which note?"),
    )
    done = await turn_with("note_agent", "x")
    assert done.actions == []
    assert [answer["ok"] for answer in tool_messages(provider.requests[-1])] == [False] * 5


async def test_a_note_is_read_on_the_device_before_it_is_added_to(provider: LoopbackLLM) -> None:
    device = Device({"get_note": {**PASTA, "content": "Salt the water"}})
    provider.script(
        calls(call("get_note", note_id=PASTA["id"])),
        calls(call("update_note", note_id=PASTA["id"], content="Salt the water\n\nEat it hot")),
        text("Done."),
    )
    done = await turn_with("note_agent", "add to Pasta: eat it hot", device)
    assert done.made == [("update_note", PASTA["id"], {"content": "Salt the water\n\nEat it hot"})]
    fenced = provider.requests[1]["messages"][-1]["content"]
    assert fenced.startswith('{"ok":true}\n<data source="get_note">')
