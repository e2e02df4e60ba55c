"""What models and servers refuse, withhold and want back, each as the provider's own wire says it."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from adiuva.api.errors import UpstreamError, UpstreamUnavailable
from agents.llm import dialects
from agents.llm import messages as message
from agents.llm.factory import get_llm, get_router_llm
from agents.llm.meter import Meter
from agents.llm.port import NO_TOOLS, REFUSED, Reply
from tests.fakes import llm_server as reply
from tests.fakes.llm_server import Body, LoopbackLLM

ASKED = [message.system("Be brief."), message.user("Hello?")]
TOOL = {"type": "function", "function": {"name": "create_task", "description": "x", "parameters": {"type": "object"}}}
SCHEMA = {"title": "route", "type": "object", "properties": {"agents": {"type": "array"}}}


@pytest.fixture(autouse=True)
def _fresh(provider: LoopbackLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.llm import litellm

    litellm.refused_features.forget()
    monkeypatch.setattr("agents.llm.language_model._FIRST_BACKOFF_SECONDS", 0.01)


async def ask(**options: Any) -> tuple[str, Reply]:
    """The text that was shown, and the reply."""
    parts = [part async for part in get_llm().stream(ASKED, **options)]
    assert isinstance(parts[-1], Reply)
    return "".join(part for part in parts if isinstance(part, str)), parts[-1]


def refuse(key: str, words: str, code: int = 400) -> Any:
    """Refuses a request that has ``key``, as a server that does not know it does."""
    return lambda body: (
        reply.status(code, body=json.dumps({"error": {"message": words}})) if key in body else reply.text("fine")
    )


# --- refused features ---


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("This response_format type is unavailable now", 400),  # DeepSeek
        ("Input should be 'text' or 'json_object'", 422),
        ("Failed to parse grammar", 400),
    ],
)
async def test_a_shape_that_is_refused_is_asked_for_in_words_from_then_on(
    provider: LoopbackLLM, words: str, code: int
) -> None:
    provider.script(*[refuse("response_format", words, code)] * 3)
    for _ in range(2):
        assert (await get_router_llm().complete(ASKED, schema=SCHEMA)).text == "fine"
    refused, *asked_in_words = provider.requests
    assert "response_format" in refused
    assert len(asked_in_words) == 2
    for sent in asked_in_words:
        assert "response_format" not in sent
        assert json.dumps(SCHEMA, separators=(",", ":")) in sent["messages"][0]["content"]


async def test_what_was_thought_aloud_before_the_json_is_left_out(provider: LoopbackLLM) -> None:
    provider.script(reply.text('<think>Perhaps {"agents": ["note_agent"]}?</think>\n', '{"agents": []}'))
    assert (await get_router_llm().complete(ASKED, schema=SCHEMA)).text == '{"agents": []}'


async def test_a_temperature_that_is_refused_is_left_out_from_then_on(provider: LoopbackLLM) -> None:
    words = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
    provider.script(*[refuse("temperature", words)] * 3)
    assert [(await ask())[0] for _ in range(2)] == ["fine", "fine"]
    assert ["temperature" in sent for sent in provider.requests] == [True, False, False]


async def test_a_server_without_stream_options_is_asked_without_and_its_usage_estimated(provider: LoopbackLLM) -> None:
    provider.script(*[refuse("stream_options", "Unrecognized request argument supplied: stream_options")] * 2)
    shown, whole = await ask()
    assert shown == "fine"
    assert whole.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("library/gemma does not support tools", 400),
        ("No endpoints found that support tool use.", 404),
    ],
)
async def test_a_model_that_refuses_tools_gets_a_plain_sentence(provider: LoopbackLLM, words: str, code: int) -> None:
    provider.script(*[refuse("tools", words, code)] * 3)
    meter = Meter()
    for _ in range(3):
        shown, whole = await ask(tools=[TOOL], meter=meter)
        assert (shown, whole.text, whole.finish_reason) == (NO_TOOLS, NO_TOOLS, "stop")
    assert len(provider.requests) == 2, "what was refused twice is not asked again"
    assert meter.usage.input_tokens == 0, "nothing was read"


@pytest.mark.parametrize(
    "error",
    [
        {
            "message": "Failed to call a function.",
            "code": "tool_use_failed",
            "failed_generation": "Rust is not supported",
        },
        {"message": 'error parsing tool call: raw=\'{"title": "Tools are not supported'},
        {"message": "Invalid schema for function create_task: format uuid is not supported"},
        {"message": "messages.3: a tool_call_id has no tool that is available"},
    ],
)
async def test_words_of_a_user_or_about_one_tool_take_no_tools_away(
    provider: LoopbackLLM, error: dict[str, str]
) -> None:
    provider.script(*[reply.status(400, body=json.dumps({"error": error}))] * 6)
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await ask(tools=[TOOL])
    provider.forget()
    assert (await ask(tools=[TOOL]))[0] == "Hello there."


async def test_of_two_features_left_out_the_one_that_made_it_work_is_remembered(provider: LoopbackLLM) -> None:
    """FastAPI quotes the request, which names everything."""
    quoting = {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs", "input": {"stream_options": {}}}]}
    refusal = reply.status(422, body=json.dumps(quoting))
    provider.script(*[lambda body: refusal if "temperature" in body else reply.text("fine")] * 3)
    assert [(await ask())[0] for _ in range(2)] == ["fine", "fine"]
    assert ["stream_options" in sent for sent in provider.requests] == [True, True, True]


async def test_a_model_without_tools_leaves_the_work_to_the_fallback(provider: LoopbackLLM, settings: Any) -> None:
    settings.LLM_FALLBACK_MODEL = "gpt-other"

    def answer(body: Body) -> reply.Reply:
        return reply.text("fine") if body["model"] == "gpt-other" else reply.status(400, body='{"error": "no tools"}')

    provider.script(answer, answer)
    assert (await ask(tools=[TOOL]))[0] == "fine"


# --- how an answer ended ---


async def test_an_answer_cut_by_the_models_limit_says_so(provider: LoopbackLLM) -> None:
    provider.script(reply.text("So it goes on and", finish_reason="length"))
    meter = Meter()
    assert (await ask(meter=meter))[1].finish_reason == meter.finish_reason == "length"


@pytest.mark.parametrize(("tokens", "shown"), [((), REFUSED), (("Well, ",), f"Well, \n\n{REFUSED}")])
async def test_a_filtered_answer_is_a_sentence(provider: LoopbackLLM, tokens: tuple[str, ...], shown: str) -> None:
    provider.script(reply.text(*tokens, finish_reason="content_filter"))
    text, whole = await ask()
    assert (text, whole.text, whole.finish_reason) == (shown, shown, "content_filter")


async def test_a_refusal_in_the_models_own_words_is_shown(provider: LoopbackLLM) -> None:
    provider.script(reply.deltas({"refusal": "I'm sorry, "}, {"refusal": "I can't."}))
    text, whole = await ask()
    assert (text, whole.finish_reason) == ("I'm sorry, I can't.", "content_filter")


AZURE_FILTER = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
}


async def test_a_prompt_that_a_filter_refuses_is_a_sentence(provider: LoopbackLLM, settings: Any) -> None:
    settings.LLM_FALLBACK_MODEL = "gpt-other"
    provider.script(reply.status(400, body=json.dumps(AZURE_FILTER)))
    text, whole = await ask()
    assert (text, whole.finish_reason) == (REFUSED, "content_filter")
    assert len(provider.requests) == 1, "no other model is asked to say what this one would not"


async def test_json_that_is_refused_is_a_problem(provider: LoopbackLLM) -> None:
    provider.script(reply.status(400, body=json.dumps(AZURE_FILTER)))
    with pytest.raises(UpstreamError):
        await get_router_llm().complete(ASKED, schema=SCHEMA)


# --- broken pieces ---


@pytest.mark.parametrize(
    "usage",
    [
        '"7"',
        "[1]",
        '{"prompt_tokens": "7"}',
        '{"prompt_tokens": 1e25}',
        '{"prompt_tokens": -3}',
        '{"prompt_tokens": 14.5}',
    ],
)
async def test_a_usage_that_is_no_number_was_not_reported(provider: LoopbackLLM, usage: str) -> None:
    provider.script(reply.deltas('{"content": "Hi"}, "finish_reason": null}], "usage": ' + usage + ', "x": [{"y": 1'))
    shown, whole = await ask()
    assert shown == "Hi"
    assert type(whole.usage.input_tokens) is int
    assert 0 < whole.usage.input_tokens < 1000


@pytest.mark.parametrize("wait", ["nan", "inf", "1e300", "-5", "0"])
async def test_a_wait_that_is_none_is_a_busy_provider(provider: LoopbackLLM, wait: str) -> None:
    provider.script(*[reply.status(429, retry_after=wait)] * 3)
    with pytest.raises(UpstreamUnavailable) as raised:
        await ask()
    assert 1 <= int(raised.value.headers.get("Retry-After", "1")) <= 86_400


async def test_a_wait_may_be_a_date(provider: LoopbackLLM) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    provider.script(reply.status(503, retry_after=at))
    with pytest.raises(UpstreamUnavailable) as raised:
        await ask()
    assert 40 <= int(raised.value.headers["Retry-After"]) <= 50


@pytest.mark.parametrize(
    "call",
    [
        {"id": "a", "function": {"name": 5, "arguments": "{}"}},
        {"id": {}, "function": {"name": "create_task", "arguments": "{}"}},
        {"index": "0", "function": {"name": {}, "arguments": ["x"]}},
        {"function": "create_task"},
    ],
)
async def test_what_is_not_of_its_type_in_a_call_was_left_out(provider: LoopbackLLM, call: dict[str, Any]) -> None:
    provider.script(reply.deltas({"tool_calls": [call]}))
    _, whole = await ask(tools=[TOOL])
    (made,) = whole.calls
    assert (type(made.id), type(made.name), type(made.arguments)) == (str, str, str)


async def test_halves_of_emoji_in_ids_and_in_state_can_be_sent_back(provider: LoopbackLLM) -> None:
    half = '{"tool_calls": [{"id": "a\\ud83d", "function": {"name": "create_task", "arguments": "{}"}}], '
    provider.script(reply.deltas(half + '"reasoning_details": [{"text": "\\ud83d"}]}'), reply.text("Done."))
    _, whole = await ask(tools=[TOOL])
    conversation = [*ASKED, message.assistant("", whole.calls, model=whole.model, state=whole.state)]
    assert (await get_llm().complete(conversation)).text == "Done."


@pytest.mark.parametrize("many", [{"arguments": "x" * 200_000}, {"arguments": "", "reasoning": True}])
async def test_an_answer_without_end_ends(
    provider: LoopbackLLM, monkeypatch: pytest.MonkeyPatch, many: dict[str, Any]
) -> None:
    monkeypatch.setattr("agents.llm.assembly.MAX_CHARACTERS", 1_000_000)
    call = {"tool_calls": [{"index": 0, "function": {"name": "create_task", "arguments": many["arguments"]}}]}
    piece = {"reasoning_details": [{"text": "x" * 200_000}]} if many.get("reasoning") else call
    provider.script(reply.deltas(*[piece] * 20))
    with pytest.raises(UpstreamError):
        await ask(tools=[TOOL])
    assert len(provider.requests) == 1


async def test_halves_of_an_emoji_are_joined(provider: LoopbackLLM) -> None:
    provider.script(reply.deltas('{"content": "Hi \\ud83d"}', '{"content": "\\ude00!"}', '{"content": "\\ud83d"}'))
    text, whole = await ask()
    assert text == whole.text == "Hi 😀!\ufffd"


async def test_what_came_before_garbage_in_one_packet_is_shown(provider: LoopbackLLM) -> None:
    provider.script(reply.garbage("One", " two"))
    shown: list[str | Reply] = []
    with pytest.raises(UpstreamError):  # noqa: PT012 - what comes before it is the point
        async for part in get_llm().stream(ASKED):
            shown.append(part)  # noqa: PERF401 - it raises
    assert "".join(map(str, shown)) == "One two"


async def test_calls_that_break_off_before_anything_was_shown_are_asked_for_again(provider: LoopbackLLM) -> None:
    begun = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "create_task", "arguments": '{"ti'}}]}
    provider.script(reply.deltas(begun, fault="cut"), reply.calls(reply.call("create_task", title="Milk")))
    _, whole = await ask(tools=[TOOL])
    assert [call.arguments for call in whole.calls] == ['{"title": "Milk"}']


# --- what a provider wants back ---


async def test_reasoning_goes_back_to_the_model_that_thought_it_and_is_never_shown(provider: LoopbackLLM) -> None:
    """DeepSeek: 400 "The reasoning_content in the thinking mode must be passed back to the API." """
    thought = reply.deltas({"reasoning_content": "The user "}, {"reasoning_content": "wants milk."}, calls=(MADE,))
    provider.script(thought, reply.text("Done."))
    text, whole = await ask(tools=[TOOL])
    assert text == ""
    conversation = [*ASKED, message.assistant("", whole.calls, model=whole.model, state=whole.state)]
    conversation.append(message.tool(whole.calls[0].id, "{}"))
    await get_llm().complete(conversation)
    sent = provider.requests[-1]["messages"][2]
    assert sent["reasoning_content"] == "The user wants milk."
    assert sent["content"] is None
    assert set(sent) == {"role", "content", "tool_calls", "reasoning_content"}


async def test_another_model_is_not_given_it(provider: LoopbackLLM) -> None:
    state = {"reasoning_content": "SECRET", "thinking_blocks": [{"type": "thinking", "thinking": "SECRET"}]}
    await get_llm().complete([*ASKED, message.assistant("Hm.", model="deepseek/other", state=state), *ASKED[1:]])
    assert "SECRET" not in json.dumps(provider.requests)
    assert provider.requests[-1]["messages"][2] == {"role": "assistant", "content": "Hm."}


def test_a_conversation_that_the_assistant_begins_gets_a_greeting_where_the_user_must_begin() -> None:
    conversation = [ASKED[0], message.assistant("Good morning!"), message.user("Morning.")]
    assert dialects.for_model(conversation, "openai/gpt-4o") == conversation
    assert [each["role"] for each in dialects.for_model(conversation, "bedrock/x")] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert dialects.for_model(ASKED, "anthropic/x") == ASKED


def test_gemini_gets_one_of_two_equal_calls_and_one_result() -> None:
    made = [message.ToolCall(call_id, "create_task", '{"title": "Milk"}') for call_id in "ab"]
    conversation = [*ASKED, message.assistant("", made), message.tool("a", "{}"), message.tool("b", "{}")]
    _, _, answered, *told = dialects.for_model(conversation, "gemini/x")
    assert [call["id"] for call in answered["tool_calls"]] == [each["tool_call_id"] for each in told] == ["a"]


async def test_a_400_about_a_call_takes_no_tools_away(provider: LoopbackLLM) -> None:
    provider.script(reply.status(400, body='{"error": {"message": "Invalid parameter: messages with role tool"}}'))
    with pytest.raises(UpstreamError):
        await ask(tools=[TOOL])
    assert (await ask(tools=[TOOL]))[0] == "Hello there."


def test_mistral_gets_ids_of_nine_letters() -> None:
    call = message.ToolCall("call_" + "x" * 30, "create_task", "{}")
    conversation = [message.assistant("", [call]), message.tool(call.id, "{}")]
    answered, told = dialects.for_model(conversation, "mistral/mistral-small-latest")
    call_id = answered["tool_calls"][0]["id"]
    assert len(call_id) == 9
    assert call_id.isalnum()
    assert told["tool_call_id"] == call_id
    assert dialects.for_model(conversation, "openai/gpt-4o")[1]["tool_call_id"] == call.id


MADE = reply.call("create_task", id="a", title="Milk")
