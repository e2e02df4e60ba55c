"""Who may open the socket, and when it closes on its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import sessions, ws_tickets
from accounts.authentication import authenticate
from accounts.models import Session
from accounts.sockets.connections import connections
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, stall
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def opened(transactional_db: None) -> Any:
    """``await opened(…)``: a socket and whether it was accepted."""
    sockets: list[Socket] = []

    async def attempt(**options: Any) -> bool:
        sockets.append(Socket(**options))
        return await sockets[-1].open()

    yield attempt
    for socket in sockets:
        await socket.leave()


async def test_a_token_in_the_query_opens(opened: Any, free: Account) -> None:
    assert await opened(query=f"token={free.access_token}")


async def test_a_token_in_the_header_opens(opened: Any, free: Account) -> None:
    assert await opened(headers={"Authorization": f"Bearer {free.access_token}"})


async def test_a_ticket_opens_once(opened: Any, free: Account) -> None:
    ticket = await in_database(lambda: ws_tickets.issue(authenticate(free.access_token)).ticket)

    assert await opened(query=f"ticket={ticket}")
    assert not await opened(query=f"ticket={ticket}")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"query": "token="},
        {"query": "token=nonsense"},
        {"query": "ticket=nonsense"},
        {"headers": {"Authorization": "Bearer nonsense"}},
        {"headers": {"Authorization": "Basic dXNlcjpwdw=="}},
        {"headers": {"Authorization": "Bearer"}},
        {"query": "token=%ff%00"},
    ],
)
async def test_anything_else_is_refused_before_accept(opened: Any, options: dict[str, Any]) -> None:
    assert not await opened(**options)


async def test_a_refresh_token_does_not_open(opened: Any, free: Account) -> None:
    assert not await opened(query=f"token={free.refresh_token}")


async def test_a_revoked_session_does_not_open(opened: Any, free: Account) -> None:
    await in_database(sessions.revoke_session, user_id=free.user.id, session_id=free.session_id)

    assert not await opened(query=f"token={free.access_token}")


async def test_revocation_closes_with_4401(connect: Connect, free: Account) -> None:
    socket, sibling = await connect(free), await connect(free)

    await in_database(sessions.revoke_session, user_id=free.user.id, session_id=free.session_id)

    assert await socket.closed() == 4401
    assert await sibling.closed() == 4401


async def test_revocation_of_another_session_does_not(connect: Connect, free: Account, pro: Account) -> None:
    socket = await connect(free)

    await in_database(sessions.revoke_session, user_id=pro.user.id, session_id=pro.session_id)

    assert await socket.silent(0.3)


async def test_revocation_ends_the_running_turn(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    socket = await connect(free)
    await socket.send(message="Hello")
    await socket.frame()

    await in_database(sessions.revoke_session, user_id=free.user.id, session_id=free.session_id)

    assert await socket.closed() == 4401
    assert await asyncio.to_thread(llm.wait_closed)


def revoke_silently(account: Account) -> None:
    Session.objects.filter(id=account.session_id).update(revoked_at=datetime.now(UTC))


async def test_a_lost_revocation_message_is_found_by_the_next_request(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    socket = await connect(free)
    await in_database(revoke_silently, free)

    await socket.send(message="Hello")

    assert await socket.closed() == 4401
    assert llm.requests == []


async def test_a_lost_revocation_message_is_found_by_the_sweep(
    connect: Connect, free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "sweep_seconds", 0.2)
    socket = await connect(free)

    await in_database(revoke_silently, free)

    assert await socket.closed() == 4401


async def test_the_socket_ends_with_the_access_token(opened: Any, free: Account) -> None:
    identity = replace(
        await in_database(authenticate, free.access_token), expires_at=datetime.now(UTC) + timedelta(seconds=5)
    )
    ticket = (await in_database(ws_tickets.issue, identity)).ticket
    socket = Socket(query=f"ticket={ticket}")
    assert await socket.open()

    assert await socket.closed() == 4401


async def test_the_tier_is_read_live(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)
    before = (await socket.ask(model="gpt-other"))[-1]

    await in_database(set_tier, user=free.user, tier=Tier.PRO)
    after = (await socket.ask(model="gpt-other"))[-1]

    assert (before["type"], after["type"]) == ("error", "done")
