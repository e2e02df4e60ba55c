"""Open sockets hear of the end of their session: after the commit, and only then."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from accounts import sessions
from accounts.sockets.messages import topic_of
from adiuva.broadcast.factory import get_broadcast
from adiuva.broadcast.port import Message
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]
PATIENCE = 0.5


class Listening:
    """What a user's sockets are told."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()

    def on_message(self, message: Message) -> None:
        self.messages.put_nowait(message)

    def on_gap(self) -> None:
        raise AssertionError("Redis was away")


def ended_while(account: Account, act: Callable[[], Any], patience: float = PATIENCE) -> set[UUID]:
    """The sessions of which the account's sockets hear that they have ended; none when it stays silent."""

    async def listen() -> set[UUID]:
        listening, topic = Listening(), topic_of(account.user.id)
        await get_broadcast().subscribe(topic, listening)
        try:
            await sync_to_async(act)()
            async with asyncio.timeout(patience):
                message = await listening.messages.get()
            return {UUID(session_id) for session_id in message["revoked"]}
        except TimeoutError:
            return set()
        finally:
            await get_broadcast().unsubscribe(topic)

    return async_to_sync(listen)()


def test_revoking_a_session_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    path = f"auth/sessions/{account.session_id}"
    assert ended_while(account, lambda: api.delete(path, token=account.access_token), 5) == {account.session_id}


def test_logging_out_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    body = {"refresh_token": account.refresh_token}
    act = lambda: api.post("auth/logout", json=body, token=account.access_token)  # noqa: E731
    assert ended_while(account, act, 5) == {account.session_id}


def test_changing_the_password_tells_every_sessions_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    other = api.post("auth/login", json={"email": account.email, "password": account.password}).json
    body = {"current_password": account.password, "new_password": "another one"}
    act = lambda: api.post("auth/password", json=body, token=other["access_token"])  # noqa: E731
    ended = ended_while(account, act, 5)
    assert account.session_id in ended
    assert len(ended) == 2


def test_deleting_the_account_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    act = lambda: api.delete("auth/me", json={"password": account.password}, token=account.access_token)  # noqa: E731
    assert ended_while(account, act, 5) == {account.session_id}


def test_reusing_a_refresh_token_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    second = api.post("auth/refresh", json={"refresh_token": account.refresh_token}).json["refresh_token"]
    api.post("auth/refresh", json={"refresh_token": second})
    act = lambda: api.post("auth/refresh", json={"refresh_token": account.refresh_token})  # noqa: E731
    assert ended_while(account, act, 5) == {account.session_id}


def test_a_revocation_that_is_rolled_back_is_not_told(make_user: MakeUser) -> None:
    account = make_user()

    def revoke_in_vain() -> None:
        with transaction.atomic():
            sessions.revoke_session(user_id=account.user.id, session_id=account.session_id)
            transaction.set_rollback(True)

    assert ended_while(account, revoke_in_vain) == set()
    assert sessions.live_session_ids([account.session_id]) == {account.session_id}


def test_a_listener_finds_the_session_gone_when_it_hears(make_user: MakeUser) -> None:
    """The message is sent after the commit, so a socket that asks the database again is told the truth."""
    account = make_user()
    silent_inside: list[bool] = []

    def revoke() -> None:
        with transaction.atomic():
            sessions.revoke_session(user_id=account.user.id, session_id=account.session_id)
            silent_inside.append(bool(transaction.get_connection().run_on_commit))

    assert ended_while(account, revoke, 5) == {account.session_id}
    assert silent_inside == [True]
    assert sessions.live_session_ids([account.session_id]) == set()


def test_the_other_sessions_hear_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account, other = make_user(), make_user()
    path = f"auth/sessions/{account.session_id}"
    assert ended_while(other, lambda: api.delete(path, token=account.access_token)) == set()


def test_a_redis_that_is_away_does_not_stop_a_revocation(
    api: ApiClient, make_user: MakeUser, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    account = make_user()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert api.delete(f"auth/sessions/{account.session_id}", token=account.access_token).status == 204
    assert api.get("auth/me", token=account.access_token).status == 401
    assert "open sockets learn late" in caplog.text
