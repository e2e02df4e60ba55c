"""Who may open the socket of the synchronisation, when it closes on its own, and what it does with what is sent to it.

What it shares with the chat's is in tests/chat/ws, too.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import sessions, ws_tickets
from accounts.authentication import authenticate
from accounts.models import Session
from accounts.sockets.connections import connections
from adiuva.broadcast.factory import get_broadcast
from adiuva.server.drain import Drain, drain
from billing.rate_limit import limiter
from billing.tiers import Tier
from tests.chat.ws.sockets import Socket as ChatSocket
from tests.storage.sync.sockets import Connect, change_feed, sync_socket
from tests.support.accounts import Account
from tests.support.sockets import WireSocket, in_database


@pytest.fixture
def draining() -> Iterator[Drain]:
    yield drain
    drain.draining = False


async def is_let_in(socket: WireSocket) -> bool:
    opened = await socket.open()
    await socket.leave()
    return opened


def revoke_silently(account: Account) -> None:
    Session.objects.filter(id=account.session_id).update(revoked_at=datetime.now(UTC))


async def test_a_token_or_a_ticket_opens_and_nothing_else_does(somebody: Account) -> None:
    ticket = await in_database(lambda: ws_tickets.issue(authenticate(somebody.access_token)).ticket)

    assert await is_let_in(sync_socket(somebody))
    assert await is_let_in(sync_socket(query=f"ticket={ticket}"))
    for query in ("", "token=nonsense", f"token={somebody.refresh_token}", f"ticket={ticket}"):
        assert not await is_let_in(sync_socket(query=query))


async def test_opening_one_is_no_request_for_the_rate_limit(connect: Connect, somebody: Account) -> None:
    for _ in range(3):
        await connect(somebody)

    hit = await in_database(limiter.hit, somebody.user.id, Tier.TEAM)
    assert hit.remaining == hit.limit - 1


async def test_the_end_of_the_session_is_told_and_closes(
    connect: Connect, somebody: Account, stranger: Account
) -> None:
    one, other, strange = await connect(somebody), await connect(somebody), await connect(stranger)

    await in_database(sessions.revoke_session, user_id=somebody.user.id, session_id=somebody.session_id)

    for socket in (one, other):
        assert await socket.frame() == {"type": "revoked"}
        assert await socket.closed() == 4401
    assert await strange.silent()


async def test_a_lost_message_of_its_end_is_found_by_the_sweep(
    connect: Connect, somebody: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "sweep_seconds", 0.2)
    socket = await connect(somebody)

    await in_database(revoke_silently, somebody)

    assert await socket.frame() == {"type": "revoked"}
    assert await socket.closed() == 4401


async def test_a_session_that_ends_while_its_socket_opens_is_not_greeted(
    somebody: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcast = get_broadcast()
    subscribe = broadcast.subscribe

    async def subscribe_late(topic: str, listener: Any) -> None:
        await in_database(revoke_silently, somebody)
        await subscribe(topic, listener)

    monkeypatch.setattr(broadcast, "subscribe", subscribe_late)
    socket = sync_socket(somebody)
    assert await socket.open()

    assert await socket.frame() == {"type": "revoked"}
    assert await socket.closed() == 4401


@pytest.mark.thorough
async def test_it_ends_with_the_access_token_whose_session_goes_on(somebody: Account) -> None:
    """No ``revoked``: a client that refreshes its token may come back."""
    identity = replace(
        await in_database(authenticate, somebody.access_token), expires_at=datetime.now(UTC) + timedelta(seconds=5)
    )
    ticket = (await in_database(ws_tickets.issue, identity)).ticket
    socket = sync_socket(query=f"ticket={ticket}")
    assert await socket.open()
    assert (await socket.frame())["type"] == "hello"

    assert await socket.closed() == 4401


async def test_a_server_that_stops_closes_it_and_opens_none(
    connect: Connect, somebody: Account, draining: Drain
) -> None:
    socket = await connect(somebody)

    draining.begin()

    assert await socket.closed() == 1012
    assert not await is_let_in(sync_socket(somebody))


async def test_pings_come(connect: Connect, somebody: Account) -> None:
    socket = await connect(somebody, ping_seconds=0.05)
    assert [await socket.frame() for _ in range(2)] == [{"type": "ping"}] * 2


async def test_what_a_client_says_is_ignored_and_too_much_of_it_closes(connect: Connect, somebody: Account) -> None:
    socket = await connect(somebody)
    await socket.send(type="pong")
    await socket.send(message="Hello")
    await socket.send_text("nonsense")
    await socket.send_bytes(b"\xff" * 4096)
    assert await socket.silent()

    await socket.send_text("x" * 4097)

    assert await socket.closed() == 1009


async def test_each_kind_of_socket_has_places_of_its_own(somebody: Account, settings: Any) -> None:
    settings.CHAT_MAX_SOCKETS_PER_USER = settings.CHAT_MAX_SOCKETS = 1
    chat, sync = ChatSocket(query=f"token={somebody.access_token}"), sync_socket(somebody)
    assert await chat.open()
    assert await sync.open()

    assert not await is_let_in(sync_socket(somebody))
    await sync.leave()
    assert await is_let_in(sync_socket(somebody))
    await chat.leave()


async def test_an_idle_socket_has_one_task_and_leaves_nothing_behind(connect: Connect, somebody: Account) -> None:
    first = await connect(somebody)
    before = len(asyncio.all_tasks())
    second = await connect(somebody)
    await in_database(change_feed, somebody.user.id)
    assert (await second.frame())["type"] == "changes"
    async with asyncio.timeout(20):
        # One more is the communicator's, which a server makes too.
        while len(asyncio.all_tasks()) > before + 1:  # noqa: ASYNC110 - nothing else says so
            await asyncio.sleep(0.01)

    await first.leave()
    await second.leave()

    assert connections._users == {}
    assert connections.admitted == 0
