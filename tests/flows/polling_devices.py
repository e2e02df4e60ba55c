"""Devices that go on asking while what the server stands on goes away and comes back, and hold every answer against
what they know.
"""

import hashlib
import json
import secrets
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.contract import CHECKED, check_frame
from tests.support.server import RunningServer

PASSWORD = "a long sentence is best"
SLOWEST_SECONDS = 15
PAUSE_SECONDS = 0.3  # 200 requests a minute are the team tier's
AWAY = {"upstream_unavailable"}
SOCKET_ENDS = {4401, 1012}


def checksum_of(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def check_away(answer: httpx.Response) -> None:
    """A refusal that openapi.json and docs/operations.md name (``CHECKED`` has seen to the body's shape)."""
    assert answer.status_code == 503, (answer.request.url, answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] in AWAY
    assert int(answer.headers["Retry-After"]) >= 1


class Steady(threading.Thread, ABC):
    """Runs ``step`` again and again until it is stopped; what a step raises ends it and is raised by ``finish``.

    ``done`` and ``away`` count what each kind of request was answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: Counter[str] = Counter()
        self.away: Counter[str] = Counter()
        self._stopped = threading.Event()
        self._failure: BaseException | None = None

    @abstractmethod
    def step(self) -> None: ...

    def run(self) -> None:
        try:
            while not self._stopped.wait(PAUSE_SECONDS):
                self.step()
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for this thread
            self._failure = error

    def stop(self) -> None:
        self._stopped.set()

    def leave(self) -> None:
        """Returns when the thread has ended, whatever ended it."""
        self.stop()
        self.join(60)
        assert not self.is_alive()

    def finish(self) -> None:
        self.leave()
        self.check()

    def check(self) -> None:
        """Raises what has ended it, if something has."""
        if self._failure is not None:
            raise self._failure


class Device(Steady):
    """Another user's each: writes records, reads them, lists them, follows the feed, renews its tokens.

    ``records`` has, for each id, the checksums it may have: one where the last write was answered, several where it was
    refused, since nobody knows how far it came; None is "not there".
    """

    def __init__(self, server: RunningServer) -> None:
        super().__init__()
        self.email = f"{uuid.uuid4().hex[:12]}@example.com"
        self.http = httpx.Client(base_url=f"{server.url}/api/v1/", timeout=30, event_hooks=CHECKED)
        body = {"email": self.email, "password": PASSWORD}
        self._take(self.http.post("auth/register", json=body).raise_for_status().json())
        self.records: dict[str, set[str | None]] = {}
        self.followed: dict[str, str] = {}
        self.cursor, self.newest = "0", 0  # of the feed: where to go on, and the newest seq
        self._steps: list[Callable[[], None]] = [
            *(self.ask, self.create, self.read, self.follow),
            *(self.change, self.list, self.renew),
        ]
        self._turn = secrets.randbelow(len(self._steps))

    @property
    def kinds(self) -> set[str]:
        return {step.__name__ for step in self._steps}

    def step(self) -> None:
        self._turn = (self._turn + 1) % len(self._steps)
        self._steps[self._turn]()

    def ask(self) -> None:
        if answer := self._request("ask", "GET", "auth/me"):
            assert (answer.json()["email"], answer.json()["tier"]) == (self.email, "team")

    def create(self) -> None:
        record_id, blob = str(uuid.uuid4()), secrets.token_bytes(2000)
        self.records[record_id] = {None, checksum_of(blob)}
        self._write("create", "POST", f"storage/records?table_name=notes&id={record_id}", blob, record_id)

    def change(self) -> None:
        known = [record_id for record_id, may_be in self.records.items() if None not in may_be]
        if not known:
            return
        record_id, blob = secrets.choice(known), secrets.token_bytes(3000)
        self.records[record_id] = self.records[record_id] | {checksum_of(blob)}
        self._write("change", "PUT", f"storage/records/{record_id}", blob, record_id)

    def read(self) -> None:
        if not self.records:
            return
        self.download(secrets.choice(list(self.records)))

    def download(self, record_id: str) -> None:
        answer = self._request("read", "GET", f"storage/records/{record_id}", 200, 404)
        if answer is None:
            return
        held = checksum_of(answer.content) if answer.status_code == 200 else None
        assert held in self.records[record_id], (record_id, held, self.records[record_id])
        assert held is None or answer.headers["X-Checksum"] == held

    def list(self) -> None:
        if answer := self._request("list", "GET", "storage/records?limit=200"):
            self.check_holdings({item["id"]: item["checksum"] for item in answer.json()["items"]})

    def check_holdings(self, held: dict[str, str]) -> None:
        """``held`` is everything that the server says is there."""
        assert held.keys() <= self.records.keys()
        for record_id, may_be in self.records.items():
            assert held.get(record_id) in may_be, (record_id, held.get(record_id), may_be)

    def follow(self) -> None:
        answer = self._request("follow", "GET", f"storage/changes?since={self.cursor}&limit=200")
        if answer is None:
            return
        feed = answer.json()
        numbers = [change["seq"] for change in feed["changes"]]
        assert all(number > self.newest for number in numbers)
        self.newest = max([self.newest, *numbers])
        self.followed |= {change["id"]: change["checksum"] for change in feed["changes"]}
        self.cursor = feed["next"]
        if not feed["has_more"]:
            self.check_holdings(self.followed)

    def renew(self) -> None:
        body = {"refresh_token": self._refresh_token}
        if answer := self._request("renew", "POST", "auth/refresh", json=body):
            self._take(answer.json())

    def _take(self, tokens: dict[str, Any]) -> None:
        self.token = str(tokens["access_token"])
        self._refresh_token = str(tokens["refresh_token"])
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def _write(self, kind: str, method: str, path: str, blob: bytes, record_id: str) -> None:
        checksum = checksum_of(blob)
        headers = {"X-Checksum": checksum, "Content-Type": "application/octet-stream"}
        good = 201 if method == "POST" else 200
        answer = self._request(kind, method, path, good, content=blob, headers=headers)
        if answer is not None:
            assert (answer.json()["id"], answer.json()["checksum"]) == (record_id, checksum)
            self.records[record_id] = {checksum}

    def _request(self, kind: str, method: str, path: str, *good: int, **content: Any) -> httpx.Response | None:
        """None for an answer that says what is away, and nothing else may be said but ``good`` (200)."""
        begun = time.monotonic()
        answer = self.http.request(method, path, **content)
        assert time.monotonic() - begun < SLOWEST_SECONDS, (kind, answer.status_code)
        if answer.status_code in (good or (200,)):
            self.done[kind] += 1
            return answer
        check_away(answer)
        self.away[kind] += 1
        return None


class Talker(Steady):
    """One WebSocket that asks something now and then, and comes back when it was closed."""

    kinds = frozenset({"turn"})

    def __init__(self, server: RunningServer, *, token: Callable[[], str]) -> None:
        super().__init__()
        self._url = f"{server.ws_url}/api/v1/chat/stream"
        self._token = token
        self._socket: ClientConnection | None = None
        self._open = ExitStack()

    def run(self) -> None:
        with self._open:
            super().run()

    def step(self) -> None:
        if self._stopped.wait(1):
            return
        try:
            if self._socket is None:
                headers = {"Authorization": f"Bearer {self._token()}"}
                opening = connect(self._url, additional_headers=headers, open_timeout=30)
                self._socket = self._open.enter_context(opening)
            self._talk(self._socket)
        except InvalidStatus as refused:
            if refused.response.status_code != 503:
                raise
            self.away["turn"] += 1
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code not in SOCKET_ENDS:
                raise
            self._socket = None
            self._open.close()

    def _talk(self, socket: ClientConnection) -> None:
        socket.send(json.dumps({"message": "hello"}))
        while True:
            frame = json.loads(socket.recv(timeout=30))
            check_frame(frame)
            if frame["type"] == "error":
                assert frame["error"]["code"] in AWAY, frame
                assert frame["error"]["status"] == 503
                self.away["turn"] += 1
            elif frame["type"] == "done":
                assert frame["response"]
                self.done["turn"] += 1
            if frame.get("done"):
                return
