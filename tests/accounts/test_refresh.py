from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import RefreshToken, Session, User, hash_of
from accounts.refresh_tokens import successor_of
from tests.accounts.database_dump import whole_database
from tests.accounts.elapsed_time import let_time_pass
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def refresh(api: ApiClient, token: str) -> Answer:
    return api.post("auth/refresh", json={"refresh_token": token})


def assert_refused(answer: Answer, code: str) -> None:
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adiuva", error="invalid_token"'


def test_refreshing_gives_new_tokens_of_the_same_session(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = refresh(api, account.refresh_token)
    assert answer.status == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["refresh_token"] != account.refresh_token
    sessions = api.get("auth/sessions", token=answer.json["access_token"]).json["items"]
    assert [(one["id"], one["current"]) for one in sessions] == [(str(account.session_id), True)]


def test_refreshing_needs_no_access_token_and_ignores_a_bad_one(api: ApiClient, make_user: MakeUser) -> None:
    token = make_user().refresh_token
    assert api.post("auth/refresh", json={"refresh_token": token}, token="garbage").status == 200


def test_refreshing_does_not_end_the_access_token_before_it(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    refresh(api, account.refresh_token)
    assert api.get("auth/me", token=account.access_token).status == 200


def test_a_lost_answer_is_repeated_within_thirty_seconds(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    first = refresh(api, account.refresh_token).json
    let_time_pass(account.session_id, timedelta(seconds=28))
    again = refresh(api, account.refresh_token)
    assert again.status == 200
    assert again.json["refresh_token"] == first["refresh_token"]
    assert api.get("auth/me", token=again.json["access_token"]).status == 200
    assert RefreshToken.objects.count() == 2


def test_reuse_after_thirty_seconds_ends_the_family(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    successor = refresh(api, account.refresh_token).json
    let_time_pass(account.session_id, timedelta(seconds=31))
    assert_refused(refresh(api, account.refresh_token), "token_reused")
    assert refresh(api, successor["refresh_token"]).status == 401
    assert api.get("auth/me", token=successor["access_token"]).status == 401
    assert api.get("auth/me", token=account.access_token).status == 401


def test_reuse_of_an_older_ancestor_ends_the_family_even_within_the_grace(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    second = refresh(api, account.refresh_token).json["refresh_token"]
    third = refresh(api, second).json["refresh_token"]
    assert_refused(refresh(api, account.refresh_token), "token_reused")
    assert refresh(api, third).status == 401


def test_reuse_in_one_family_leaves_the_users_other_sessions_alone(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    other = api.post("auth/login", json={"email": account.email, "password": account.password}).json
    refresh(api, account.refresh_token)
    let_time_pass(account.session_id, timedelta(seconds=31))
    assert_refused(refresh(api, account.refresh_token), "token_reused")
    assert refresh(api, other["refresh_token"]).status == 200


def test_reuse_is_logged_with_the_session_and_without_the_token(
    api: ApiClient, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    account = make_user()
    refresh(api, account.refresh_token)
    let_time_pass(account.session_id, timedelta(minutes=5))
    refresh(api, account.refresh_token)
    (line,) = [record for record in caplog.records if record.name == "accounts.refresh_tokens"]
    assert line.levelname == "WARNING"
    assert getattr(line, "session", None) == str(account.session_id)
    assert account.refresh_token not in caplog.text


@pytest.mark.parametrize("token", ["x", "unknown" * 6, "é" * 40, "🎉", "a.b.c", "x" * 512])
def test_an_unknown_token_is_invalid(api: ApiClient, token: str) -> None:
    assert_refused(refresh(api, token), "invalid_token")


@pytest.mark.parametrize(
    "body",
    [{}, {"refresh_token": ""}, {"refresh_token": None}, {"refresh_token": 1}, {"refresh_token": ["x"]},
     {"refresh_token": "x" * 513}],
)  # fmt: skip
def test_a_body_without_a_token_is_400_on_that_field(api: ApiClient, body: dict[str, Any]) -> None:
    answer = api.post("auth/refresh", json=body)
    assert (answer.status, set(answer.json["errors"])) == (400, {"refresh_token"})


def test_an_access_token_is_no_refresh_token(api: ApiClient, make_user: MakeUser) -> None:
    assert_refused(refresh(api, make_user().access_token), "invalid_token")


def test_an_expired_token_is_invalid(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    account = make_user()
    let_time_pass(account.session_id, settings.REFRESH_TOKEN_LIFETIME)
    assert_refused(refresh(api, account.refresh_token), "invalid_token")


def test_each_rotation_starts_the_lifetime_again(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    account = make_user()
    let_time_pass(account.session_id, settings.REFRESH_TOKEN_LIFETIME - timedelta(days=1))
    second = refresh(api, account.refresh_token).json["refresh_token"]
    let_time_pass(account.session_id, timedelta(days=2))
    assert len(api.get("auth/sessions", token=account.access_token).json["items"]) == 1
    assert refresh(api, second).status == 200


def test_a_disabled_users_token_is_invalid(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_active=False)
    assert_refused(refresh(api, account.refresh_token), "invalid_token")


def test_a_successor_cannot_be_presented_before_it_exists(api: ApiClient, make_user: MakeUser) -> None:
    """It is derived, so it is known to the server beforehand; only what is stored counts."""
    assert_refused(refresh(api, successor_of(make_user().refresh_token)), "invalid_token")


def test_a_successor_cannot_be_computed_without_the_servers_key(make_user: MakeUser, settings: Any) -> None:
    token = make_user().refresh_token
    ours = successor_of(token)
    settings.REFRESH_SUCCESSOR_KEY = "another key"
    assert successor_of(token) != ours


def test_a_server_whose_clock_is_behind_can_refresh_a_brand_new_session(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    let_time_pass(account.session_id, -timedelta(seconds=2))
    assert refresh(api, account.refresh_token).status == 200


@pytest.mark.parametrize("apart", [timedelta(seconds=-20), timedelta(seconds=20)])
def test_the_grace_period_does_not_go_by_the_clock_of_the_server_that_is_asked(
    api: ApiClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch, apart: timedelta
) -> None:
    account = make_user()
    first = refresh(api, account.refresh_token)
    let_time_pass(account.session_id, timedelta(seconds=25))

    class AnotherClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + apart

    monkeypatch.setattr("accounts.sessions.datetime", AnotherClock)
    monkeypatch.setattr("accounts.refresh_tokens.datetime", AnotherClock)
    again = refresh(api, account.refresh_token)
    assert (again.status, again.json["refresh_token"]) == (200, first.json["refresh_token"])


def test_the_database_never_holds_a_token(api: ApiClient) -> None:
    answers = [api.post("auth/register", json={"email": "ada@example.com", "password": "long enough words"}).json]
    answers += [refresh(api, answers[-1]["refresh_token"]).json for _ in range(1)]
    answers += [refresh(api, answers[0]["refresh_token"]).json]
    held = whole_database()
    for answer in answers:
        assert hash_of(answer["refresh_token"]) in held
        assert answer["refresh_token"] not in held
        assert answer["access_token"] not in held
    assert "long enough words" not in held


def test_the_database_refuses_a_second_current_token_in_a_family(make_user: MakeUser) -> None:
    account = make_user()
    now = datetime.now(UTC)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefreshToken.objects.create(
            session_id=account.session_id, token_hash="0" * 64, created_at=now, expires_at=now + timedelta(days=1)
        )


def test_using_a_session_shows_in_the_list(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    let_time_pass(account.session_id, timedelta(hours=1))
    before = Session.objects.get(id=account.session_id)
    refresh(api, account.refresh_token)
    after = Session.objects.get(id=account.session_id)
    assert after.last_used_at - before.last_used_at > timedelta(minutes=59)
    assert after.created_at == before.created_at
