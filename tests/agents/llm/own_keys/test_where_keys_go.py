"""A user's key goes to its provider alone, and nobody else's key goes there."""

import logging
from typing import Any

import pytest

from adiuva.api.errors import UpstreamError
from agents.llm import messages as message
from agents.llm.factory import get_llm, get_router_llm
from agents.llm.own_keys import OWN_KEY_KINDS, PLACEHOLDER, OwnKeyKind
from agents.llm.port import Reply
from tests.agents.llm.own_keys.conftest import Connect
from tests.fakes.llm_server import LoopbackLLM, call, status
from tests.fakes.llm_server import text as operators_answer
from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Refused, Trouble, say, use
from tests.fakes.providers.server import ProviderServer
from tests.support.foreign_hosts import USERS_KEY, VENDORS, ForeignHosts

ASKED = [message.system("Be brief."), message.user("Hello?")]
TOOL = {"type": "function", "function": {"name": "create_task", "description": "x", "parameters": {"type": "object"}}}
SCHEMA = {"title": "route", "type": "object", "properties": {"agents": {"type": "array"}}}
HEADERS = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}

every_kind = pytest.mark.parametrize("kind", OWN_KEY_KINDS)


def heads_of(server: ProviderServer) -> list[dict[str, str]]:
    return [dict(request.headers) for request in server.requests]


def assert_shows_the_users_key_alone(server: ProviderServer, kind: OwnKeyKind) -> None:
    name = HEADERS.get(kind, "authorization")
    for request in server.requests:
        shown = {header: value for header, value in request.headers.items() if USERS_KEY in value}
        assert shown == {name: USERS_KEY if kind in HEADERS else f"Bearer {USERS_KEY}"}
        said = f"{request.headers} {request.query} {request.path}"
        assert "operators-" not in said
        assert PLACEHOLDER not in said
        assert not {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"} - {name} & set(request.headers)


@every_kind
async def test_each_kind_answers_with_the_users_key(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, kind: OwnKeyKind
) -> None:
    server = foreign.vendor(kind)
    own = connect(kind)
    server.script(
        use(call("create_task", id="milkCall1", title="Buy milk"), text=("Let me see.",)),
        say("Done", "."),
        say('{"agents": ["task_agent"]}'),
    )
    parts = [part async for part in get_llm(provider=own).stream(ASKED, tools=[TOOL])]
    reply = parts[-1]
    assert isinstance(reply, Reply)
    assert [made.name for made in reply.calls] == ["create_task"]
    told = [
        *ASKED,
        message.assistant(reply.text, reply.calls, model=reply.model, state=reply.state),
        message.tool(reply.calls[0].id, "created"),
    ]
    answer = await get_llm("gpt-4o-mini", provider=own).complete(told)
    assert answer.text == "Done."
    routed = await get_router_llm(provider=own).complete(ASKED, schema=SCHEMA)
    assert "task_agent" in routed.text
    assert len(server.requests) >= 3
    assert_shows_the_users_key_alone(server, kind)
    assert (trap.requests, trap.headers) == ([], [])
    assert foreign.looked_up == [VENDORS[kind][1]]
    assert server.wait_closed(), "a connection that carried a user's key was kept"


@pytest.mark.parametrize("model", ["gpt-5-codex", "responses/gpt-4o"])
async def test_openais_other_interface_shows_the_users_key_alone(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, model: str
) -> None:
    server = foreign.responses()
    assert (await get_llm(provider=connect("openai", model)).complete(ASKED)).text == "Hello there."
    assert_shows_the_users_key_alone(server, "openai")
    assert trap.requests == []


async def test_a_server_of_the_users_own_is_never_asked_in_openais_other_interface(
    foreign: ForeignHosts, connect: Connect
) -> None:
    server = foreign.vendor("openai_compatible")
    await get_llm(provider=connect("openai_compatible", "gpt-5-codex")).complete(ASKED)
    assert [request.path for request in server.requests] == ["/v1/chat/completions"]
    assert server.bodies[0]["model"] == "gpt-5-codex"


@every_kind
async def test_the_operators_client_serves_no_user_and_the_users_none_of_the_operators_calls(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, settings: Any, kind: OwnKeyKind
) -> None:
    """LiteLLM keeps clients by key and address, and the operator's address is the vendor's here as well."""
    server = foreign.vendor(kind)
    trap.script(operators_answer("first"), operators_answer("second"))
    assert (await get_llm().complete(ASKED)).text == "first"
    await get_llm(provider=connect(kind)).complete(ASKED)
    assert (await get_llm().complete(ASKED)).text == "second"
    await get_llm(provider=connect(kind, key=USERS_KEY)).complete(ASKED)
    assert_shows_the_users_key_alone(server, kind)
    assert [head["authorization"] for head in trap.headers] == ["Bearer operators-OPENAI_API_KEY"] * 2
    assert USERS_KEY not in f"{trap.headers} {trap.requests}"


@every_kind
async def test_two_users_at_one_vendor_share_no_connection(
    foreign: ForeignHosts, connect: Connect, kind: OwnKeyKind
) -> None:
    server = foreign.vendor(kind)
    await get_llm(provider=connect(kind)).complete(ASKED)
    await get_llm(provider=connect(kind)).complete(ASKED)
    assert [request.connection for request in server.requests] == [1, 2]


@every_kind
async def test_nobody_stands_in_for_a_users_provider(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, kind: OwnKeyKind
) -> None:
    """Neither the operator's fallback nor the operator's key."""
    server = foreign.vendor(kind)
    server.script(*[Trouble("failed")] * 3)
    with pytest.raises(UpstreamError) as caught:
        await get_llm(provider=connect(kind)).complete(ASKED)
    assert caught.value.extra == {"reason": "unreachable"}
    assert_shows_the_users_key_alone(server, kind)
    assert trap.requests == []


@every_kind
async def test_a_redirect_is_not_followed(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, monkeypatch: pytest.MonkeyPatch, kind: OwnKeyKind
) -> None:
    server = foreign.vendor(kind)

    def redirect(_: object) -> None:
        raise Refused(307, "", {"Location": trap.base_url + "/chat/completions"})

    monkeypatch.setattr(server, "check", redirect)
    with pytest.raises(UpstreamError) as caught:
        await get_llm(provider=connect(kind)).complete(ASKED)
    assert caught.value.extra["reason"] == "unreachable"
    assert trap.requests == []


@every_kind
async def test_a_certificate_for_another_name_gets_no_key(
    foreign: ForeignHosts, connect: Connect, kind: OwnKeyKind
) -> None:
    make, host, _ = VENDORS[kind]
    server = make()
    foreign.run(server, host, certificate_for="evil.example.com")
    with pytest.raises(UpstreamError) as caught:
        await get_llm(provider=connect(kind)).complete(ASKED)
    assert caught.value.extra["reason"] == "unreachable"
    assert (server.requests, server.records.refused) == ([], [])


async def test_a_name_that_leads_elsewhere_a_moment_later_is_not_looked_up_again(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM
) -> None:
    server = foreign.vendor("openai_compatible")
    own = connect("openai_compatible")
    foreign.addresses["llm.example.com"] = [("127.0.0.1", int(trap.base_url.split(":")[2].removesuffix("/v1")))]
    await get_llm(provider=own).complete(ASKED)
    await get_llm(provider=own).complete(ASKED)
    assert len(server.requests) == 2
    assert foreign.looked_up == ["llm.example.com"]


async def test_of_two_addresses_the_living_one_answers(foreign: ForeignHosts, connect: Connect) -> None:
    server = foreign.vendor("openai_compatible")
    foreign.addresses["llm.example.com"].insert(0, ("127.0.0.1", 1))
    await get_llm(provider=connect("openai_compatible")).complete(ASKED)
    assert len(server.requests) == 1


async def test_what_a_users_server_refuses_is_no_ones_else(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, settings: Any
) -> None:
    """Within the request it is remembered, or each round of a turn would be asked twice."""
    from agents.llm import litellm

    server = foreign.vendor("openai_compatible")
    assert isinstance(server, OpenAIServer)
    server.refuses = frozenset({"temperature"})
    own = connect("openai_compatible", "gpt-4o-mini")
    for _ in range(3):
        await get_llm(provider=own).complete(ASKED)
    assert len(server.records.refused) == 1
    assert not litellm.refused_features.includes("openai/gpt-4o-mini", "temperature")
    trap.script(operators_answer("Hi"))
    await get_llm().complete(ASKED)
    assert trap.requests[-1]["temperature"] == 0
    await get_llm(provider=connect("openai_compatible", "gpt-4o-mini")).complete(ASKED)
    assert len(server.records.refused) == 2


async def test_the_users_choice_of_names_does_not_turn_out_what_is_kept_of_the_operators_models(
    foreign: ForeignHosts, connect: Connect
) -> None:
    from agents.llm.wire import openai

    foreign.vendor("openai_compatible")
    before = openai._make_options.cache_info().currsize
    await get_llm(provider=connect("openai_compatible", "a-model-of-mine")).complete(ASKED)
    assert openai._make_options.cache_info().currsize == before


async def test_a_request_of_a_users_provider_goes_nowhere_else(foreign: ForeignHosts, connect: Connect) -> None:
    """Whatever LiteLLM, or a model's name in a path, makes of the address."""
    from yarl import URL

    from adiuva.egress import EgressRefused
    from agents.llm.wire.http import OwnConnection

    foreign.vendor("gemini")
    connection = OwnConnection(connect("gemini"))
    for url in ("https://evil.example.com/v1", "http://generativelanguage.googleapis.com/", "https://x:8443/"):
        with pytest.raises(EgressRefused):
            connection.admit(URL(url), {})
    admitted, headers = connection.admit(
        URL("https://generativelanguage.googleapis.com/v1?key=operators&alt=sse"),
        {"Authorization": "operators", "X-API-Key": "operators", "OpenAI-Organization": "operators", "Accept": "x"},
    )
    assert str(admitted) == "https://generativelanguage.googleapis.com/v1?alt=sse"
    assert dict(headers) == {"Accept": "x", "x-goog-api-key": USERS_KEY}


async def test_a_cancelled_call_leaves_no_connection(foreign: ForeignHosts, connect: Connect) -> None:
    server = foreign.vendor("openai_compatible")
    server.script(say("One", "two", "three", delay=0.2))
    stream = get_llm(provider=connect("openai_compatible")).stream(ASKED)
    async for part in stream:
        assert part
        break
    await stream.aclose()
    assert server.wait_hung_up()
    assert server.wait_closed()


async def test_an_operators_fallback_still_works_for_the_operators_model(
    trap: LoopbackLLM, caplog: pytest.LogCaptureFixture
) -> None:
    """The trap springs: without it the tests above would say nothing."""
    trap.script(status(401), operators_answer("fallback"))
    with caplog.at_level(logging.INFO):
        assert (await get_llm().complete(ASKED)).text == "fallback"
    assert [body["model"] for body in trap.requests] == ["gpt-4o-mini", "gpt-4.1-mini"]
