"""Open sockets hear of the end of their session: after the commit, and only then."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.db import transaction

from accounts import sessions
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]
PATIENCE = 0.5
REVOKED = {"type": "session.revoked"}


@pytest.fixture(autouse=True)
def _fresh_layer() -> None:
    """A channel layer belongs to the event loop of its first use."""
    channel_layers.backends.clear()


def listen_while(session_id: UUID, act: Callable[[], Any], patience: float = PATIENCE) -> dict[str, Any] | None:
    """What the session's group hears when ``act`` has run; None when it stays silent."""

    async def listen() -> dict[str, Any] | None:
        layer: Any = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(sessions.revocation_group(session_id), channel)
        await sync_to_async(act)()
        try:
            async with asyncio.timeout(patience):
                message: dict[str, Any] = await layer.receive(channel)
                return message
        except TimeoutError:
            return None

    return async_to_sync(listen)()


def test_revoking_a_session_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    path = f"auth/sessions/{account.session_id}"
    assert listen_while(account.session_id, lambda: api.delete(path, token=account.access_token), 5) == REVOKED


def test_logging_out_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    body = {"refresh_token": account.refresh_token}
    act = lambda: api.post("auth/logout", json=body, token=account.access_token)  # noqa: E731
    assert listen_while(account.session_id, act, 5) == REVOKED


def test_changing_the_password_tells_every_sessions_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    other = api.post("auth/login", json={"email": account.email, "password": account.password}).json
    body = {"current_password": account.password, "new_password": "another one"}
    act = lambda: api.post("auth/password", json=body, token=other["access_token"])  # noqa: E731
    assert listen_while(account.session_id, act, 5) == REVOKED


def test_deleting_the_account_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    act = lambda: api.delete("auth/me", json={"password": account.password}, token=account.access_token)  # noqa: E731
    assert listen_while(account.session_id, act, 5) == REVOKED


def test_reusing_a_refresh_token_tells_its_sockets(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    second = api.post("auth/refresh", json={"refresh_token": account.refresh_token}).json["refresh_token"]
    api.post("auth/refresh", json={"refresh_token": second})
    act = lambda: api.post("auth/refresh", json={"refresh_token": account.refresh_token})  # noqa: E731
    assert listen_while(account.session_id, act, 5) == REVOKED


def test_a_revocation_that_is_rolled_back_is_not_told(make_user: MakeUser) -> None:
    account = make_user()

    def revoke_in_vain() -> None:
        with transaction.atomic():
            sessions.revoke_session(user_id=account.user.id, session_id=account.session_id)
            transaction.set_rollback(True)

    assert listen_while(account.session_id, revoke_in_vain) is None
    assert sessions.live_session_ids([account.session_id]) == {account.session_id}


def test_a_listener_finds_the_session_gone_when_it_hears(make_user: MakeUser) -> None:
    """The message is sent after the commit, so a socket that asks the database again is told the truth."""
    account = make_user()
    silent_inside: list[bool] = []

    def revoke() -> None:
        with transaction.atomic():
            sessions.revoke_session(user_id=account.user.id, session_id=account.session_id)
            silent_inside.append(bool(transaction.get_connection().run_on_commit))

    assert listen_while(account.session_id, revoke, 5) == REVOKED
    assert silent_inside == [True]
    assert sessions.live_session_ids([account.session_id]) == set()


def test_the_other_sessions_hear_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account, other = make_user(), make_user()
    path = f"auth/sessions/{account.session_id}"
    assert listen_while(other.session_id, lambda: api.delete(path, token=account.access_token)) is None


def test_a_channel_layer_that_is_away_does_not_stop_a_revocation(
    api: ApiClient, make_user: MakeUser, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    account = make_user()
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]},
        }
    }
    assert api.delete(f"auth/sessions/{account.session_id}", token=account.access_token).status == 204
    assert api.get("auth/me", token=account.access_token).status == 401
    assert "open sockets could not be told" in caplog.text
