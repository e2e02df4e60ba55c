"""What a socket of the synchronisation is told: hello, then hints of what happens to its user."""

import asyncio
import base64
import time
from typing import Any

import pytest
from django.db import transaction

from accounts.keys import requests as key_requests
from accounts.sockets import messages
from accounts.sockets.messages import tell_changes, tell_hint
from storage.checksums import checksum_of
from storage.quota import Kind, lock_usage
from storage.sync import hello
from storage.sync.consumer import SyncStream
from storage.sync.hints import HINT_SECONDS, MOST_WAITING
from tests.storage.sync.sockets import Connect, change_feed, sync_socket
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.sockets import Frame, in_database

BATCH = "0b5c6a1e-6a55-4b8e-9a53-0f1f3a5b7c11"
SINGLE = "0b5c6a1e-6a55-4b8e-9a53-0f1f3a5b7c12"


async def greeting(account: Account) -> Frame:
    socket = sync_socket(account)
    assert await socket.open()
    frame = await socket.frame()
    await socket.leave()
    return frame


def ask_for_the_key(account: Account) -> str:
    request = key_requests.ask(
        user_id=account.user.id, session_id=account.session_id, public_key=b"\x04key", device_name="Ada's phone"
    )
    return str(request.id)


async def test_hello_says_where_the_feed_is_and_what_waits(somebody: Account) -> None:
    nothing = {"type": "hello", "seq": 0, "due": [], "key_requests": []}
    assert await greeting(somebody) == nothing

    seq = await in_database(change_feed, somebody.user.id, times=3)
    waiting = await in_database(ask_for_the_key, somebody)

    assert await greeting(somebody) == nothing | {"seq": seq, "key_requests": [waiting]}


async def test_a_record_is_told_to_every_socket_of_its_user_and_to_nobody_else(
    connect: Connect, somebody: Account, stranger: Account
) -> None:
    one, other, strange = await connect(somebody), await connect(somebody), await connect(stranger)

    def write(method: str, path: str, **body: Any) -> Answer:
        return ApiClient().request(method, path, token=somebody.access_token, **body)

    sealed = b"sealed"
    body = {"table_name": "notes", "checksum": checksum_of(sealed), "blob": base64.b64encode(sealed).decode()}
    created = await in_database(write, "POST", "storage/records", json=body)
    assert created.status == 201, created
    for socket in (one, other):
        assert await socket.frame() == {"type": "changes", "seq": 1}
    await in_database(write, "DELETE", f"storage/records/{created.json['id']}")

    assert await one.frame() == {"type": "changes", "seq": 2}
    assert await strange.silent()


async def test_what_changes_no_feed_and_what_is_rolled_back_is_not_told(connect: Connect, somebody: Account) -> None:
    socket = await connect(somebody)

    def change_nothing() -> None:
        with lock_usage(somebody.user.id) as usage:
            usage.charge(Kind.BACKUP, added=1)
        with transaction.atomic():
            change_feed(somebody.user.id)
            transaction.set_rollback(True)

    await in_database(change_nothing)

    assert await socket.silent(2 * HINT_SECONDS)


async def test_a_hint_that_cannot_be_told_takes_no_record_along(somebody: Account, monkeypatch: Any) -> None:
    def fail() -> None:
        raise RuntimeError("Event loop is closed")  # what a server that stops in this moment says

    monkeypatch.setattr(messages, "get_broadcast", fail)
    sealed, token = b"sealed", somebody.access_token
    put = {"op": "put", "id": BATCH, "table_name": "notes", "checksum": checksum_of(sealed)}
    put["blob"] = base64.b64encode(sealed).decode()

    def send(path: str, body: Any) -> Answer:
        return ApiClient().request("POST", f"storage/records{path}", token=token, json=body)

    stored = await in_database(send, "", put | {"id": SINGLE})
    batch = await in_database(send, "/batch", {"operations": [put]})

    assert (stored.status, batch.status) == (201, 200)
    for record_id in (SINGLE, BATCH):
        read = await in_database(ApiClient().request, "GET", f"storage/records/{record_id}", token=token)
        assert read.content == sealed


@pytest.mark.thorough
async def test_of_a_hundred_writes_a_second_no_second_has_more_than_four_hints(
    connect: Connect, somebody: Account
) -> None:
    socket = await connect(somebody)
    heard: list[int] = []
    started = time.monotonic()

    async def write() -> None:
        for number in range(100):
            await asyncio.sleep(max(0.0, started + number / 100 - time.monotonic()))
            await in_database(change_feed, somebody.user.id)

    writing = asyncio.create_task(write())
    while not heard or heard[-1] < 100:
        heard.append((await socket.frame())["seq"])
    seconds = time.monotonic() - started
    await writing

    assert heard == sorted(set(heard))
    assert len(heard) <= seconds / HINT_SECONDS + 1
    assert 4 * HINT_SECONDS > 1, "from the first of five to the last"
    assert await socket.silent(2 * HINT_SECONDS)


async def test_a_request_for_the_key_is_told_by_its_id(connect: Connect, somebody: Account) -> None:
    socket = await connect(somebody)
    waiting = await in_database(ask_for_the_key, somebody)
    assert await socket.frame() == {"type": "key_request", "id": waiting}


async def test_another_app_adds_to_hello_and_tells_hints_of_its_own(
    connect: Connect, somebody: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hello, "_waiting", dict(hello._waiting))
    hello.register("due", hint="batch_due", read=lambda user_id: [str(user_id)])
    socket = await connect(somebody)

    assert (await greeting(somebody))["due"] == [str(somebody.user.id)]
    tell_hint(user_id=somebody.user.id, frame={"type": "batch_due", "id": BATCH})
    assert await socket.frame() == {"type": "batch_due", "id": BATCH}


@pytest.mark.thorough
async def test_a_client_that_does_not_read_is_dropped_and_nothing_piles_up_for_it(somebody: Account) -> None:
    """Of hundreds of hints a number and a few ids are kept, until pings find out that it does not read."""
    sent: list[dict[str, Any]] = []
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) > 3:  # as uvicorn does while the client's window is shut
            await asyncio.Event().wait()

    scope = {"type": "websocket", "query_string": f"token={somebody.access_token}".encode(), "headers": []}
    consumer = SyncStream(ping_seconds=1.0)
    socket = asyncio.create_task(consumer(scope, incoming.get, send))
    await incoming.put({"type": "websocket.connect"})
    async with asyncio.timeout(30):
        while len(sent) < 2:  # noqa: ASYNC110 - accepted and greeted; nothing else says so
            await asyncio.sleep(0.01)
        for seq in range(1, 300):
            tell_changes(user_id=somebody.user.id, seq=seq)
            tell_hint(user_id=somebody.user.id, frame={"type": "batch_due", "id": str(seq)})
        await socket

    assert len(consumer._hints._frames) <= MOST_WAITING
    assert len(sent) <= 6
