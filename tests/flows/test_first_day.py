"""A user's first day, told once through the real server: every step stands on the one before."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tests.support.contract import CHECKED, check_frame
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

PASSWORD = "a long sentence is best"
SESSION_OVER = 4401


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/api/v1/", timeout=30, event_hooks=CHECKED) as client:
        yield client


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def answer(socket: ClientConnection, message: str) -> list[dict[str, Any]]:
    """Every frame of one turn, pings aside."""
    socket.send(json.dumps({"message": message}))
    frames = []
    while True:
        frame = json.loads(socket.recv(timeout=30))
        check_frame(frame)
        if frame["type"] != "ping":
            frames.append(frame)
        if frame.get("done"):
            return frames


def test_a_first_day(client: httpx.Client, server: RunningServer) -> None:
    email = f"{uuid.uuid4().hex[:12]}@example.com"

    # They register on the laptop, and log in on the phone.
    laptop = client.post("auth/register", json={"email": email, "password": PASSWORD}).json()
    phone = client.post("auth/login", json={"email": email, "password": PASSWORD}).json()
    assert len(client.get("auth/sessions", headers=bearer(laptop)).json()["items"]) == 2

    # The app opens a socket with a ticket, and the assistant makes a task.
    ticket = client.post("auth/ws-ticket", headers=bearer(laptop)).json()["ticket"]
    with connect(f"{server.ws_url}/api/v1/chat/stream?ticket={ticket}") as socket:
        asked_at = datetime.now(UTC)
        frames = answer(socket, "create a task to buy milk tomorrow, high priority")
        done = frames[-1]
        data = done["actions"][0]["data"]
        # Two days where midnight fell into the turn.
        assert data.pop("due_date") in {f"{now + timedelta(days=1):%Y-%m-%d}" for now in (asked_at, datetime.now(UTC))}
        assert data == {"title": "Buy milk", "priority": "high"}
        assert done["response"] == "".join(frame["text"] for frame in frames if frame["type"] == "chunk")

        # They pay: the very next requests count against the new limit, with the old token and on the open socket.
        assert client.get("auth/me", headers=bearer(laptop)).headers["RateLimit-Limit"] == "20"
        server.manage("set_tier", email, "power")
        me = client.get("auth/me", headers=bearer(laptop))
        assert (me.json()["tier"], me.headers["RateLimit-Limit"]) == ("power", "120")
        assert answer(socket, "hello")[-1]["type"] == "done"

        # The ticket was good for one socket.
        refused = httpx.get(f"{server.url}/api/v1/chat/stream?ticket={ticket}", headers=UPGRADE, timeout=30)
        assert refused.status_code == 403

        # The phone is stolen: they change the password, and everything that was open ends.
        change = {"current_password": PASSWORD, "new_password": "another long sentence"}
        fresh = client.post("auth/password", json=change, headers=bearer(laptop)).json()
        with pytest.raises(ConnectionClosedError) as closed:
            socket.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == SESSION_OVER
    assert client.get("auth/me", headers=bearer(phone)).status_code == 401
    dead = client.post("auth/refresh", json={"refresh_token": phone["refresh_token"]})
    assert dead.json()["code"] == "invalid_token"

    # They leave, and nothing of them is left: the address is free again.
    gone = client.request("DELETE", "auth/me", json={"password": "another long sentence"}, headers=bearer(fresh))
    assert gone.status_code == 202
    assert client.get("auth/me", headers=bearer(fresh)).status_code == 401
    assert client.post("auth/register", json={"email": email, "password": PASSWORD}).json().keys() == laptop.keys()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
