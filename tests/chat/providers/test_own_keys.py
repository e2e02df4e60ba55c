"""A user's own provider in a request: over REST, over the WebSocket and in template runs."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agents.llm.own_keys import OWN_KEY_KINDS, OwnKeyKind
from tests.chat.conftest import MODEL
from tests.chat.providers.conftest import provider_body
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, call
from tests.fakes.providers.script import Trouble, say, use
from tests.fakes.providers.server import ProviderServer
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.foreign_hosts import USERS_KEY, VENDORS, ForeignHosts
from tests.support.thorough import thorough

Vendor = Callable[..., ProviderServer]
Send = Callable[..., Answer]
Connect = Callable[..., Awaitable[Socket]]

BODIES: dict[str, dict[str, Any]] = {
    "chat": {"message": "Buy milk"},
    "plans/templates/tpl_task_agent_default/run": {"variables": {"message": "Buy milk"}},
}
each_door = pytest.mark.parametrize("path", BODIES)
every_kind = pytest.mark.parametrize("kind", OWN_KEY_KINDS)
MILK = call("create_task", id="milkCall1", title="Buy milk")


def own(kind: OwnKeyKind, **changes: Any) -> dict[str, Any]:
    return {"provider": provider_body(kind, **changes), "model": VENDORS[kind][2]}


# --- who answers ---


@each_door
@every_kind
def test_the_users_provider_answers_and_the_operators_is_not_asked(
    vendor: Vendor, send: Send, llm: LoopbackLLM, path: str, kind: OwnKeyKind
) -> None:
    server = vendor(kind)
    server.script(use(MILK), say("Done."))
    answer = send(path, **BODIES[path], **own(kind))
    assert answer.status == 200, answer
    said = answer.json.get("result", answer.json)
    assert said["response"] == "Done."
    assert [action["name"] for action in said["actions"]] == ["create_task"]
    assert USERS_KEY.encode() not in answer.content
    assert (llm.requests, llm.asked_aside) == ([], [])
    assert server.wait_closed()


def test_the_users_provider_also_picks_the_agent(
    vendor: Vendor, send: Send, llm: LoopbackLLM, all_agents: None
) -> None:
    server = vendor("openai_compatible")
    server.script(say('{"agents": ["note_agent"]}'), say("Noted."))
    assert send("chat", message="Remember this", **own("openai_compatible")).json["response"] == "Noted."
    assert {body["model"] for body in server.bodies} == {VENDORS["openai_compatible"][2]}
    assert (llm.requests, llm.asked_aside) == ([], [])


def test_plans_are_made_by_the_users_provider(vendor: Vendor, send: Send, llm: LoopbackLLM, all_agents: None) -> None:
    server = vendor("openai_compatible")
    server.default = say('{"agents": ["task_agent"]}')
    answer = send("chat", message="Buy milk", execution_mode="plan", **own("openai_compatible"))
    assert answer.status == 200
    assert answer.json["steps"]
    assert (llm.requests, llm.asked_aside) == ([], [])


def test_an_extracting_template_asks_the_users_provider(vendor: Vendor, send: Send, llm: LoopbackLLM) -> None:
    server = vendor("openai_compatible")
    server.script(say('{"tasks": [{"title": "Paint the fence"}]}'))
    answer = send(
        "plans/templates/tpl_task_extract_from_project/run",
        variables={"project_text": "Paint the fence."},
        **own("openai_compatible"),
    )
    assert [record["title"] for record in answer.json["result"]] == ["Paint the fence"]
    assert llm.requests == []


def test_a_template_may_name_one_of_the_operators_models(send: Send, llm: LoopbackLLM) -> None:
    path = "plans/templates/tpl_task_agent_default/run"
    assert send(path, **BODIES[path], model="gpt-other").status == 200
    assert send(path, **BODIES[path], model="gpt-unknown").json["errors"].keys() == {"model"}
    assert send(path, **BODIES[path], model=None, provider=None).status == 200
    assert [body["model"] for body in llm.requests] == ["gpt-other", MODEL]


@each_door
def test_a_server_without_a_model_of_its_own_still_serves_users_keys(
    vendor: Vendor, send: Send, settings: Any, path: str
) -> None:
    vendor("openai")
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = settings.OPENAI_API_KEY = settings.OPENAI_API_BASE = ""
    assert send(path, **BODIES[path], **own("openai")).status == 200
    assert send(path, **BODIES[path]).code == "not_configured"


async def test_on_the_socket_each_request_brings_its_own(
    vendor: Vendor, connect: Connect, pro: Account, llm: LoopbackLLM
) -> None:
    server = vendor("openai_compatible")
    socket = await connect(pro)
    frames = await socket.ask("Hello", **own("openai_compatible"))
    assert frames[-1]["response"] == "Hello there."
    assert len(server.requests) == 1
    assert (await socket.ask("Hello"))[-1]["done"]
    assert (len(server.requests), len(llm.requests)) == (1, 1)


async def test_on_the_socket_a_failure_is_an_error_frame_with_its_reason(
    vendor: Vendor, connect: Connect, pro: Account
) -> None:
    vendor("openai_compatible").script(Trouble("unauthorized"))
    socket = await connect(pro)
    (frame,) = await socket.ask("Hello", **own("openai_compatible"))
    assert (frame["type"], frame["error"]["code"], frame["error"]["reason"]) == ("error", "upstream_error", "auth")
    (frame,) = await socket.ask("Hello", **own("openai_compatible", base_url="https://[::1]/v1"))
    assert frame["error"]["errors"].keys() == {"provider.base_url"}


@each_door
def test_a_refused_key_is_502_and_never_401(vendor: Vendor, send: Send, path: str) -> None:
    vendor("openai_compatible").script(Trouble("unauthorized"))
    answer = send(path, **BODIES[path], **own("openai_compatible"))
    assert (answer.status, answer.code, answer.json["reason"]) == (502, "upstream_error", "auth")
    assert "WWW-Authenticate" not in answer.headers


# --- what is refused ---


@each_door
@pytest.mark.parametrize("provider", [thorough({}), {"kind": "openai", "api_key": " "}, thorough("openai")])
def test_free_is_told_of_its_tier_before_any_mistake(api: ApiClient, free: Account, path: str, provider: Any) -> None:
    answer = api.post(path, json={"provider": provider}, token=free.access_token)
    assert (answer.status, answer.code, answer.json["required_tier"]) == (403, "feature_not_available", "pro")
    assert api.post(path, json={**BODIES[path], "provider": None}, token=free.access_token).status == 200


@each_door
def test_free_has_no_keys_of_its_own(
    api: ApiClient, free: Account, llm: LoopbackLLM, foreign: ForeignHosts, path: str
) -> None:
    answer = api.post(path, json={**BODIES[path], **own("openai")}, token=free.access_token)
    assert (answer.status, answer.code, answer.json["required_tier"]) == (403, "feature_not_available", "pro")
    assert (foreign.looked_up, llm.requests) == ([], [])


@each_door
@pytest.mark.parametrize(
    "key",
    [
        *("", " ", "\t", "\n", "a b", "key\r\nX-Injected: 1", "key\n", "ключ-ключ", "schlüssel", "key\x01", "\x7fkey"),
        *("k" * 4097, None, 5, [], {}, "\u2028", "key\u200b", "\ud83d\ude00"),
    ],
)
def test_a_key_that_is_none_is_refused(
    send: Send, llm: LoopbackLLM, foreign: ForeignHosts, path: str, key: Any
) -> None:
    answer = send(path, **BODIES[path], **own("openai", api_key=key))
    assert (answer.status, list(answer.json["errors"])) == (400, ["provider.api_key"])
    assert (foreign.looked_up, llm.requests) == ([], [])


def test_spaces_around_a_key_are_nobodys(vendor: Vendor, send: Send) -> None:
    vendor("openai")
    assert send("chat", **BODIES["chat"], **own("openai", api_key=f"  {USERS_KEY} ")).status == 200


@each_door
@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ({"api_key": USERS_KEY}, "provider.kind"),
        ({"kind": "openai"}, "provider.api_key"),
        ({"kind": USERS_KEY, "api_key": "openai"}, "provider.kind"),
        ({"kind": "azure", "api_key": USERS_KEY}, "provider.kind"),
        ({"kind": "openai_compatible", "api_key": USERS_KEY}, "provider.base_url"),
        ({"kind": "openai_compatible", "api_key": USERS_KEY, "base_url": None}, "provider.base_url"),
        ({"kind": "openai_compatible", "api_key": USERS_KEY, "base_url": " "}, "provider.base_url"),
        ({"kind": "openai_compatible", "api_key": USERS_KEY, "base_url": "x" * 2049}, "provider.base_url"),
        ({"kind": "openai", "api_key": USERS_KEY, "base_url": "https://llm.example.com/v1"}, "provider.base_url"),
        ({"kind": "gemini", "api_key": USERS_KEY, "base_url": "https://evil.example.com"}, "provider.base_url"),
        (USERS_KEY, "provider"),
        ([USERS_KEY], "provider"),
    ],
)
def test_what_is_wrong_with_a_provider_is_named_and_no_key_quoted(
    send: Send, llm: LoopbackLLM, foreign: ForeignHosts, path: str, provider: Any, field: str
) -> None:
    answer = send(path, **BODIES[path], provider=provider, model="m")
    assert (answer.status, list(answer.json["errors"])) == (400, [field])
    assert USERS_KEY.encode() not in answer.content
    assert (foreign.looked_up, llm.requests) == ([], [])


@each_door
@pytest.mark.parametrize(
    "base_url",
    [
        *("http://llm.example.com/v1", "https://llm.example.com:8443/v1", "https://user:pass@llm.example.com/v1"),
        *("https://127.0.0.1/v1", "https://localhost/v1", "https://[::1]/v1", "https://169.254.169.254/latest"),
        *("https://2130706433/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/", "https://nowhere.example.com/"),
        *("file:///etc/passwd", "llm.example.com", "https://llm.example.com/v1?x=1", "https://llm.example.com/#x"),
    ],
)
def test_an_address_that_is_not_connected_to_is_named(
    vendor: Vendor, send: Send, monkeypatch: pytest.MonkeyPatch, path: str, base_url: str
) -> None:
    monkeypatch.setattr("adiuva.egress.guard.is_global", lambda _: False)
    server = vendor("openai_compatible")
    answer = send(path, **BODIES[path], **own("openai_compatible", base_url=base_url))
    assert (answer.status, list(answer.json["errors"])) == (400, ["provider.base_url"])
    assert server.records.connections == 0


def test_what_the_operator_allows_may_be_plain_http_on_this_network(
    send: Send, llm: LoopbackLLM, settings: Any
) -> None:
    body = own("openai_compatible", base_url=llm.base_url)
    assert send("chat", **BODIES["chat"], **body).json["errors"].keys() == {"provider.base_url"}
    settings.EGRESS_ALLOW = frozenset({llm.base_url.removeprefix("http://").removesuffix("/v1")})
    assert send("chat", **BODIES["chat"], **body).status == 200
    assert [headers["authorization"] for headers in llm.headers] == [f"Bearer {USERS_KEY}"]


@each_door
@pytest.mark.parametrize("model", [None, "", " ", "gpt\n4", "gpt\x01", "m" * 201, 5])
def test_a_provider_needs_a_models_name(
    send: Send, llm: LoopbackLLM, foreign: ForeignHosts, path: str, model: Any
) -> None:
    answer = send(path, **BODIES[path], provider=provider_body("openai"), model=model)
    assert (answer.status, list(answer.json["errors"])) == (400, ["model"])
    assert llm.requests == []


@pytest.mark.parametrize("model", ["../../v1/files", "x?key=1", "x#y", "a/b", "%2e%2e"])
def test_a_name_that_becomes_a_path_is_no_path(vendor: Vendor, send: Send, model: str) -> None:
    server = vendor("gemini")
    answer = send("chat", **BODIES["chat"], provider=provider_body("gemini"), model=model)
    assert list(answer.json["errors"]) == ["model"]
    assert server.records.connections == 0


@pytest.mark.parametrize(
    "model", ["huggingface/a/b", "responses/huggingface/a/b", "responses/ollama/a", "ollama_chat/a"]
)
def test_a_name_with_another_providers_prefix_sends_nothing_there(
    vendor: Vendor, send: Send, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """LiteLLM, in doubt what an Anthropic model may write, asks whoever its name names: on the event loop, past the
    egress guard, at an address of the operator's.
    """
    asked: list[str] = []

    def ask(_client: object, url: str, *_: object, **__: object) -> None:
        asked.append(url)
        raise OSError("a test asks nobody")

    for method in ("get", "post"):
        monkeypatch.setattr(f"litellm.llms.custom_httpx.http_handler.HTTPHandler.{method}", ask)
    server = vendor("anthropic")
    answer = send("chat", **BODIES["chat"], provider=provider_body("anthropic"), model=model)
    assert asked == []
    assert list(answer.json["errors"]) == ["model"]
    assert server.records.connections == 0


def test_a_vendor_that_cannot_be_found_is_unreachable(send: Send, llm: LoopbackLLM, foreign: ForeignHosts) -> None:
    answer = send("chat", **BODIES["chat"], **own("mistral"))
    assert (answer.status, answer.json["reason"]) == (502, "unreachable")


def test_the_operators_models_are_no_models_of_the_user(vendor: Vendor, send: Send, llm: LoopbackLLM) -> None:
    """With a provider the name is that provider's, also where the operator has one of the same name."""
    server = vendor("openai_compatible")
    body = {"provider": provider_body("openai_compatible"), "model": MODEL}
    assert send("chat", **BODIES["chat"], **body).status == 200
    assert json.dumps(server.bodies).count(MODEL) == len(server.bodies)
    assert llm.requests == []
