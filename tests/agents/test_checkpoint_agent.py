"""The checkpoint agent with a scripted model, over the loop and a real provider connection."""

from tests.agents.support import PROJECT
from tests.agents.tools.support import BETA, LAUNCH, UNKNOWN, tool_messages, turn_with
from tests.fakes.llm_server import Body, LoopbackLLM, Reply, call, calls, text

NEW = {"project_id": PROJECT["id"], "title": "Freeze"}


async def test_each_call_becomes_its_action(provider: LoopbackLLM) -> None:
    provider.script(
        calls(
            call("create_checkpoint", id="1", **NEW, due_date="2026-11-30", is_ai_suggested=False),
            call("update_checkpoint", id="2", checkpoint_id=LAUNCH["id"], is_approved=True),
            call("delete_checkpoint", id="3", checkpoint_id=BETA["id"]),
            call("list_checkpoints", id="4", project_id=PROJECT["id"]),
        ),
        text("Done."),
    )
    done = await turn_with("checkpoint_agent", "add the checkpoint Freeze, approve Launch, drop Beta")
    made = [(action.name, action.type, action.record_id, action.data) for action in done.actions]
    assert made == [
        (
            "create_checkpoint",
            "create_record",
            done.actions[0].record_id,
            {**NEW, "due_date": "2026-11-30", "is_ai_suggested": False, "is_approved": True},
        ),
        ("update_checkpoint", "update_record", LAUNCH["id"], {"is_approved": True}),
        ("delete_checkpoint", "delete_record", BETA["id"], {}),
        ("list_checkpoints", "query_records", None, {"project_id": PROJECT["id"]}),
    ]
    assert {action.table for action in done.actions} == {"checkpoints"}


async def test_what_the_model_proposes_waits_for_the_user(provider: LoopbackLLM) -> None:
    def approve(body: Body) -> Reply:
        made = tool_messages(body)[0]["record_id"]
        return calls(call("update_checkpoint", checkpoint_id=made, is_approved=True))

    provider.script(calls(call("create_checkpoint", **NEW)), approve, text("It waits for you."))
    done = await turn_with("checkpoint_agent", "suggest a checkpoint")
    assert [action.data for action in done.actions] == [{**NEW, "is_ai_suggested": True, "is_approved": False}]
    assert [answer["ok"] for answer in tool_messages(provider.requests[-1])] == [True, False]


async def test_bad_calls_are_told_to_the_model_and_never_act(provider: LoopbackLLM) -> None:
    provider.script(
        calls(
            call("create_checkpoint", id="1", title="No project"),
            call("create_checkpoint", id="2", title="x", project_id=UNKNOWN),
            call("create_checkpoint", id="3", **NEW, is_approved=True),
            call("update_checkpoint", id="4", checkpoint_id=BETA["id"], due_date="soon"),
            call("delete_checkpoint", id="5", checkpoint_id="Beta"),
            call("delete_project", id="6", project_id=PROJECT["id"]),
        ),
        text("Which project?"),
    )
    done = await turn_with("checkpoint_agent", "x")
    assert done.actions == []
    assert [answer["ok"] for answer in tool_messages(provider.requests[-1])] == [False] * 6
