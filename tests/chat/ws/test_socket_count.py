"""How many sockets one user, and one process, may have open."""

from collections.abc import Awaitable, Callable
from typing import Any

from accounts.sockets.connections import connections
from tests.chat.ws.sockets import Socket
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


async def is_let_in(account: Account) -> bool:
    socket = Socket(query=f"token={account.access_token}")
    opened = await socket.open()
    await socket.leave()
    return opened


async def test_one_user_has_so_many_and_the_next_is_refused(
    connect: Connect, free: Account, pro: Account, settings: Any
) -> None:
    settings.CHAT_MAX_SOCKETS_PER_USER = 3
    sockets = [await connect(free) for _ in range(3)]
    assert not await is_let_in(free)
    assert await is_let_in(pro), "another user's are counted apart"
    await sockets[0].leave()
    assert await is_let_in(free)


async def test_one_process_has_so_many(connect: Connect, free: Account, pro: Account, settings: Any) -> None:
    settings.CHAT_MAX_SOCKETS = 2
    await connect(free)
    last = await connect(pro)
    assert not await is_let_in(pro)
    await last.leave()
    assert await is_let_in(pro)


async def test_nothing_is_counted_that_is_closed(connect: Connect, free: Account, settings: Any) -> None:
    settings.CHAT_MAX_SOCKETS_PER_USER = 1
    for _ in range(5):
        await (await connect(free)).leave()
        assert not await is_let_in_with("nonsense")
    assert connections.admitted == 0


async def is_let_in_with(token: str) -> bool:
    return await Socket(query=f"token={token}").open()
