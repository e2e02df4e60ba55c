import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import sessions
from accounts.models import Session, User
from accounts.security_events.recording import Origin
from accounts.sessions import live_session_ids, start_session
from tests.accounts.elapsed_time import let_time_pass
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
NOBODYS_SESSION = "7d1f6c0e-3a52-4b8e-9c41-5f0e2d6b8a97"


def log_in(api: ApiClient, account: Account, user_agent: str = "phone") -> dict[str, Any]:
    body = {"email": account.email, "password": account.password}
    tokens: dict[str, Any] = api.post("auth/login", json=body, headers={"User-Agent": user_agent}).json
    return tokens


def test_the_list_shows_each_own_session_with_exactly_its_fields(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = api.get("auth/sessions", token=account.access_token)
    assert answer.status == 200
    (item,) = answer.json["items"]
    assert set(answer.json) == {"items"}
    assert set(item) == {"id", "created_at", "last_used_at", "user_agent", "current"}
    assert (item["id"], item["user_agent"], item["current"]) == (str(account.session_id), "tests", True)
    assert item["created_at"].endswith("Z")
    assert item["last_used_at"].endswith("Z")


def test_current_is_the_session_that_asks(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    phone = log_in(api, account)
    for token, agent in [(account.access_token, "tests"), (phone["access_token"], "phone")]:
        items = api.get("auth/sessions", token=token).json["items"]
        assert {item["user_agent"]: item["current"] for item in items} == {
            "tests": agent == "tests",
            "phone": agent == "phone",
        }


def test_the_list_leaves_out_what_is_revoked_expired_or_anothers(
    api: ApiClient, make_user: MakeUser, settings: Any
) -> None:
    account, stranger = make_user(), make_user()
    revoked, expired = (
        start_session(user=account.user, origin=Origin(ip=None, user_agent=agent)) for agent in ("revoked", "expired")
    )
    for tokens, agent in [(revoked, "revoked"), (expired, "expired")]:
        assert tokens.access_token
        session = Session.objects.get(user_agent=agent)
        if agent == "revoked":
            sessions.revoke_session(user_id=account.user.id, session_id=session.id)
        else:
            let_time_pass(session.id, settings.REFRESH_TOKEN_LIFETIME)
    items = api.get("auth/sessions", token=account.access_token).json["items"]
    assert [item["id"] for item in items] == [str(account.session_id)]
    assert str(stranger.session_id) not in str(items)


def test_revoking_a_session_ends_its_access_and_refresh_tokens_at_once(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    phone = log_in(api, account)
    answer = api.delete(f"auth/sessions/{account.session_id}", token=phone["access_token"])
    assert (answer.status, answer.content) == (204, b"")
    assert api.get("auth/me", token=account.access_token).status == 401
    refused = api.post("auth/refresh", json={"refresh_token": account.refresh_token})
    assert (refused.status, refused.code) == (401, "invalid_token")
    assert api.get("auth/me", token=phone["access_token"]).status == 200


def test_a_session_may_revoke_itself(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert api.delete(f"auth/sessions/{account.session_id}", token=account.access_token).status == 204
    assert api.get("auth/me", token=account.access_token).status == 401


def test_another_users_session_is_404_and_lives_on(api: ApiClient, make_user: MakeUser) -> None:
    mine, theirs = make_user(), make_user()
    answer = api.delete(f"auth/sessions/{theirs.session_id}", token=mine.access_token)
    assert (answer.status, answer.code) == (404, "not_found")
    assert api.get("auth/me", token=theirs.access_token).status == 200


@pytest.mark.parametrize("session_id", [NOBODYS_SESSION, "not-a-uuid", "1", "%00"])
def test_a_session_that_is_not_there_is_404(api: ApiClient, make_user: MakeUser, session_id: str) -> None:
    answer = api.delete(f"auth/sessions/{session_id}", token=make_user().access_token)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("session_id", [NOBODYS_SESSION, "not-a-uuid"])
def test_without_a_token_no_session_id_is_anything_but_401(api: ApiClient, session_id: str) -> None:
    assert api.delete(f"auth/sessions/{session_id}").code == "not_authenticated"


def test_a_session_cannot_be_revoked_twice(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    phone = log_in(api, account)
    path = f"auth/sessions/{account.session_id}"
    assert [api.delete(path, token=phone["access_token"]).status for _ in range(2)] == [204, 404]


def test_logging_out_revokes_the_session_of_the_refresh_token(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = api.post("auth/logout", json={"refresh_token": account.refresh_token}, token=account.access_token)
    assert (answer.status, answer.content) == (204, b"")
    assert api.get("auth/me", token=account.access_token).status == 401
    assert api.post("auth/refresh", json={"refresh_token": account.refresh_token}).status == 401


def test_logging_out_another_device_keeps_this_one(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    phone = log_in(api, account)
    body = {"refresh_token": phone["refresh_token"]}
    assert api.post("auth/logout", json=body, token=account.access_token).status == 204
    assert api.get("auth/me", token=phone["access_token"]).status == 401
    assert api.get("auth/me", token=account.access_token).status == 200


def test_logging_out_with_a_rotated_token_ends_its_family_too(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    successor = api.post("auth/refresh", json={"refresh_token": account.refresh_token}).json
    body = {"refresh_token": account.refresh_token}
    assert api.post("auth/logout", json=body, token=account.access_token).status == 204
    assert api.post("auth/refresh", json={"refresh_token": successor["refresh_token"]}).status == 401


def test_logging_out_with_anothers_refresh_token_revokes_nothing(api: ApiClient, make_user: MakeUser) -> None:
    mine, theirs = make_user(), make_user()
    answer = api.post("auth/logout", json={"refresh_token": theirs.refresh_token}, token=mine.access_token)
    assert answer.status == 204
    assert api.get("auth/me", token=theirs.access_token).status == 200
    assert api.get("auth/me", token=mine.access_token).status == 200


@pytest.mark.parametrize("body", [{}, {"refresh_token": None}, {"refresh_token": 5}, {"refresh_token": ""}])
def test_logging_out_without_a_token_is_400_on_that_field(
    api: ApiClient, make_user: MakeUser, body: dict[str, Any]
) -> None:
    answer = api.post("auth/logout", json=body, token=make_user().access_token)
    assert (answer.status, set(answer.json["errors"])) == (400, {"refresh_token"})


def test_the_sweep_over_open_sockets_is_one_query_and_finds_the_dead(
    make_user: MakeUser, django_assert_num_queries: Any
) -> None:
    live, revoked, disabled = make_user(), make_user(), make_user()
    Session.objects.filter(id=revoked.session_id).update(revoked_at=datetime.now(UTC) + timedelta(seconds=1))
    User.objects.filter(id=disabled.user.id).update(is_active=False)
    ids = [live.session_id, revoked.session_id, disabled.session_id, uuid.uuid4()]
    with django_assert_num_queries(1):
        assert live_session_ids(iter(ids)) == {live.session_id}


def test_a_users_requests_share_their_rate_limit_and_say_so(api: ApiClient, make_user: MakeUser) -> None:
    token = make_user().access_token
    left = [int(api.get(path, token=token).headers["RateLimit-Remaining"]) for path in ("auth/me", "auth/sessions")]
    assert left == [19, 18]


def test_registering_logging_in_and_refreshing_do_not_count_for_the_user(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    refreshed = account.refresh_token
    for _ in range(5):
        refreshed = api.post("auth/refresh", json={"refresh_token": refreshed}).json["refresh_token"]
    assert api.get("auth/me", token=account.access_token).headers["RateLimit-Remaining"] == "19"
