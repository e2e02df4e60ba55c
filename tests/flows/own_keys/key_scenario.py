"""Everything that may carry a user's own key (docs/api.md § 15), with every way in which it goes wrong. Each try has a
key of its own, so that what is found anywhere says where it came from.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fakes.llm_server import LoopbackLLM, Reply, garbage, hang, reset, status, text
from tests.support import canaries
from tests.support.server import RunningServer

MODEL = "own-model"
AT_ONCE = 6
TASKS = [{"key": f"task:{number}", "record": {"id": str(uuid.uuid4()), "title": "Errand"}} for number in range(2)]
Body = dict[str, Any]


@dataclass
class OwnKeys:
    """``keys`` by what they were tried with, ``key_of`` by the model that was asked for with them; ``told`` is
    everything that the server said to the user.
    """

    server: RunningServer
    token: str
    own: LoopbackLLM
    keys: dict[str, str] = field(default_factory=dict)
    key_of: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    statuses: dict[str, int | str] = field(default_factory=dict)

    def new_key(self, name: str) -> str:
        self.keys[name] = canaries.new("sk-own-")
        return self.keys[name]

    def provider(self, key: str, **changed: Any) -> Body:
        """With the model that every body names beside it."""
        provider = {"kind": "openai_compatible", "api_key": key, "base_url": self.own.base_url, **changed}
        return {"model": MODEL, "provider": {name: value for name, value in provider.items() if value is not None}}

    def post(self, path: str, body: Any, *, raw: bytes | None = None) -> int:
        bearer = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.server.url}/api/v1/{path}"
        if raw is None:
            answer = httpx.post(url, json=body, headers=bearer, timeout=60)
        else:
            answer = httpx.post(url, content=raw, headers=bearer | {"Content-Type": "application/json"}, timeout=60)
        self.told.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer.status_code

    def open_socket(self) -> ClientConnection:
        return connect(f"{self.server.ws_url}/api/v1/chat/stream?token={self.token}")

    def hear(self, socket: ClientConnection, *, until: Callable[[Body], bool] = lambda _: False) -> Body:
        """The last frame of a turn, or the first that is wanted."""
        while True:
            message = socket.recv(timeout=60)
            self.told.append(str(message))
            frame: Body = json.loads(message)
            if frame.get("done") or until(frame):
                return frame


# --- the routes ------------------------------------------------------------------------------------------------

Ask = Callable[[OwnKeys, Body], int | str]


def chat(life: OwnKeys, choice: Body) -> int | str:
    return life.post("chat", {"message": "Hello", **choice})


def plan(life: OwnKeys, choice: Body) -> int | str:
    return life.post("chat", {"message": "Plan my week", "execution_mode": "plan", **choice})


def template(life: OwnKeys, choice: Body) -> int | str:
    return life.post("plans/templates/tpl_task_agent_default/run", {"variables": {"message": "Hello"}, **choice})


def extracting_template(life: OwnKeys, choice: Body) -> int | str:
    body = {"variables": {"project_text": "Paint the house", "max_tasks": 3}, **choice}
    return life.post("plans/templates/tpl_task_extract_from_project/run", body)


def build(life: OwnKeys, choice: Body) -> int | str:
    return life.post("batches/build", {"message": "Every day at 9 tidy my tasks", "timezone": "Europe/Rome", **choice})


def test_route(life: OwnKeys, choice: Body) -> int | str:
    return life.post("chat/providers/test", choice)


def socket_turn(life: OwnKeys, choice: Body) -> int | str:
    with life.open_socket() as socket:
        socket.send(json.dumps({"message": "Hello", **choice}))
        return outcome(life.hear(socket))


def resumed_turn(life: OwnKeys, choice: Body) -> int | str:
    with life.open_socket() as socket:
        socket.send(json.dumps({"message": "Hello", "resume": True, **choice}))
        first = life.hear(socket, until=lambda frame: "turn_id" in frame)
    if "turn_id" not in first:
        return outcome(first)
    with life.open_socket() as socket:
        socket.send(json.dumps({"type": "resume", "turn_id": first["turn_id"], "after": first["seq"]}))
        return outcome(life.hear(socket))


def map_run(life: OwnKeys, choice: Body) -> int | str:
    start = {"type": "map", "run_id": str(uuid.uuid4()), "instruction": "Prioritise", "tools": ["update_task"]}
    with life.open_socket() as socket:
        socket.send(json.dumps({**start, "total": len(TASKS), **choice}))
        frame = life.hear(socket, until=lambda frame: frame["type"] == "need")
        if frame["type"] != "need":
            return outcome(frame)
        socket.send(json.dumps({"type": "items", "items": TASKS[: frame["count"]]}))
        return outcome(life.hear(socket))


def outcome(frame: Body) -> int | str:
    return int(frame["error"]["status"]) if frame["type"] == "error" else str(frame.get("outcome", "done"))


ROUTES: dict[str, Ask] = {
    "chat": chat,
    "plan": plan,
    "template": template,
    "extracting template": extracting_template,
    "build": build,
    "test": test_route,
    "socket": socket_turn,
    "resume": resumed_turn,
    "map": map_run,
}


# --- what goes wrong -------------------------------------------------------------------------------------------


def echo(code: int) -> Callable[[str], Reply]:
    """A provider that quotes the key it was sent."""
    return lambda key: status(
        code,
        body=json.dumps({"error": {"message": f"Incorrect API key: {key}, Bearer {key}", "type": key, "code": key}}),
        www_authenticate=f'Bearer realm="{key}"',
        x_request_id=key,
    )


FAULTS: dict[str, Callable[[str], Reply]] = {
    "fine": lambda _: text("Hello", " there", "."),
    "401": echo(401),
    "400": echo(400),
    "404": echo(404),
    "429": echo(429),
    "500": echo(500),
    "hang": lambda _: hang(),
    "garbage": lambda key: garbage(f"{key[:4]} well"),
    "reset": lambda _: reset("Well, "),
}


def models_listed(*names: str) -> Reply:
    """OpenAI's list of models."""
    return Reply(body=json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}))


def try_all(life: OwnKeys, tries: Mapping[str, tuple[Ask, Body]]) -> None:
    """Side by side: most of them wait for something."""
    with ThreadPoolExecutor(AT_ONCE) as crowd:
        for name, status_told in zip(tries, crowd.map(lambda one: one[0](life, one[1]), tries.values()), strict=True):
            life.statuses[name] = status_told


def warm_up(life: OwnKeys) -> None:
    """The first turn of a process loads LiteLLM, which on a busy machine takes longer than a provider may here."""
    life.own.default = text("Hello")
    for _ in range(5):
        if life.post("chat", {"message": "Hello", **life.provider(life.new_key("warm-up"))}) == 200:
            break
    life.own.requests.clear()
    life.own.headers.clear()


def every_fault_on_every_route(life: OwnKeys) -> None:
    """What the provider does is chosen by the model's name, and by the key where a list of models is asked for."""
    replies: dict[str, Reply] = {}
    listings: dict[str, Reply] = {}
    tries: dict[str, tuple[Ask, Body]] = {}
    for route, ask in ROUTES.items():
        for fault, reply in FAULTS.items():
            name = f"{route}, {fault}"
            key, model = life.new_key(name), f"model-{len(replies)}"
            life.key_of[model] = key
            replies[model] = reply(key)
            listings[f"Bearer {key}"] = models_listed(model) if fault == "fine" else reply(key)
            tries[name] = ask, life.provider(key) | {"model": model}
    warm_up(life)
    life.own.default = lambda body: replies[body["model"]]
    life.own.listing = lambda headers: listings[headers["authorization"]]
    try_all(life, tries)
    life.own.default = text("Hello")
    life.own.listing = lambda _: models_listed(MODEL)


def bad_places(life: OwnKeys, *, tls_port: int, closed_port: int, redirecting_port: int) -> None:
    places = {
        "bad TLS": f"https://127.0.0.1:{tls_port}/v1",
        "nobody listens": f"http://127.0.0.1:{closed_port}/v1",
        "redirect": f"http://127.0.0.1:{redirecting_port}/v1",
        "link-local": "https://169.254.169.254/v1",
        "private": "https://10.0.0.1/v1",
        "mapped": "https://[::ffff:127.0.0.1]/v1",
        "not allowed": "http://127.0.0.1:9/v1",
        "no scheme": "127.0.0.1/v1",
    }
    tries = {
        f"{route}, {place}": (ask, life.provider(life.new_key(f"{route}, {place}"), base_url=url))
        for route, ask in ROUTES.items()
        for place, url in places.items()
    }
    try_all(life, tries)


def keys_in_the_wrong_place(life: OwnKeys) -> None:
    """What a client with a fault sends: the key is somewhere else, or no header can hold it."""
    wrong = {
        f"{route}, {place}": (ask, choice)
        for route, ask in ROUTES.items()
        for place, choice in _wrong_choices(life, route)
    }
    try_all(life, wrong)
    key = life.new_key("broken JSON")
    for path in ("chat", "batches/build", "chat/providers/test", "plans/templates/tpl_task_agent_default/run"):
        life.post(path, None, raw=f'{{"message": "Hello", "provider": {{"api_key": "{key}", '.encode())
        life.post(path, None, raw=f'["{key}"]'.encode())
    with life.open_socket() as socket, suppress(ConnectionClosed):
        for frame in (f'{{"message": "Hello", "provider": {{"api_key": "{key}"', f'["{key}"]', f'"{key}"'):
            socket.send(frame)
            life.hear(socket)


def _wrong_choices(life: OwnKeys, route: str) -> Iterator[tuple[str, Body]]:
    def key(place: str) -> str:
        return life.new_key(f"{route}, {place}")

    yield "as kind", life.provider("x", kind=key("as kind"))
    yield "as base_url", life.provider("x", base_url=key("as base_url"))
    yield "as host", life.provider("x", base_url=f"https://{key('as host')}.invalid/v1")
    yield "as user of the URL", life.provider("x", base_url=f"https://u:{key('as user of the URL')}@127.0.0.1/v1")
    yield "as query", life.provider("x", base_url=f"{life.own.base_url}?key={key('as query')}")
    yield "as provider", {"model": MODEL, "provider": key("as provider")}
    yield "as model", {"model": key("as model")}
    yield "as object", life.provider("x", api_key={"key": key("as object")})
    yield "as list", life.provider("x", api_key=[key("as list")])
    yield "blank around", life.provider(f" {key('blank around')} ")
    yield "with a line's end", life.provider(f"{key('with a line’s end')}\r\nX-Evil: 1")
    yield "with an umlaut", life.provider(f"{key('with an umlaut')}ü")
    yield "with NUL", life.provider(f"{key('with NUL')}\0")
    yield "too long", life.provider(key("too long") * 400)
    yield "no model", {"provider": life.provider(key("no model"))["provider"]}
    yield "unknown field", life.provider("x", api_secret=key("unknown field"))
    yield "of a vendor, with a base_url", life.provider(key("of a vendor, with a base_url"), kind="anthropic")


def the_server_fails(life: OwnKeys, break_it: Callable[[], None], mend_it: Callable[[], None]) -> None:
    """Within its own code, with the key in the hands of who fails."""
    break_it()
    try:
        for route, ask in ROUTES.items():
            name = f"{route}, our fault"
            with suppress(ConnectionClosed):
                life.statuses[name] = ask(life, life.provider(life.new_key(name)))
    finally:
        mend_it()


def vendors(life: OwnKeys) -> None:
    """Kinds that go to their vendor's own address, which this machine does not find."""
    tries = {
        f"{route}, {kind}": (ask, life.provider(life.new_key(f"{route}, {kind}"), kind=kind, base_url=None))
        for kind in ("openai", "anthropic", "gemini", "mistral", "openrouter")
        for route, ask in ROUTES.items()
    }
    try_all(life, tries)
