from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.storage.sync.sockets import Connect, SyncSocket, sync_socket
from tests.support.accounts import Account


@pytest.fixture
def somebody(transactional_db: None, make_user: Callable[..., Account]) -> Account:
    return make_user(tier="team")


@pytest.fixture
def stranger(transactional_db: None, make_user: Callable[..., Account]) -> Account:
    return make_user(tier="team")


@pytest.fixture
async def connect(transactional_db: None) -> AsyncIterator[Connect]:
    """``await connect(account)``: an accepted socket that has said hello."""
    sockets: list[SyncSocket] = []

    async def connected(account: Account, **options: Any) -> SyncSocket:
        socket = sync_socket(account, **options)
        sockets.append(socket)
        assert await socket.open()
        assert (await socket.frame())["type"] == "hello"
        return socket

    yield connected
    for socket in sockets:
        await socket.leave()
