from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Session, User
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
NEW = {"email": "ada@example.com", "password": "long enough words"}


def test_registering_answers_201_with_tokens_that_work(api: ApiClient) -> None:
    answer = api.post("auth/register", json=NEW)
    assert answer.status == 201
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert answer.json["token_type"] == "bearer"
    assert api.get("auth/me", token=answer.json["access_token"]).json["email"] == "ada@example.com"
    assert api.post("auth/refresh", json={"refresh_token": answer.json["refresh_token"]}).status == 200


def test_expires_at_is_utc_and_agrees_with_expires_in(api: ApiClient, settings: Any) -> None:
    tokens = api.post("auth/register", json=NEW).json
    assert tokens["expires_at"].endswith("Z")
    left = datetime.fromisoformat(tokens["expires_at"]) - datetime.now(UTC)
    assert abs(left - settings.ACCESS_TOKEN_LIFETIME) < timedelta(seconds=3)
    assert abs(tokens["expires_in"] - settings.ACCESS_TOKEN_LIFETIME.total_seconds()) <= 1


def test_the_tokens_may_not_be_cached(api: ApiClient) -> None:
    assert api.post("auth/register", json=NEW).headers["Cache-Control"] == "no-store"


def test_a_new_account_is_free_and_ordinary_whatever_the_body_asks_for(api: ApiClient) -> None:
    greedy = {"tier": "team", "is_staff": True, "is_superuser": True, "is_active": False, "id": "1", "user": "x"}
    answer = api.post("auth/register", json=NEW | greedy)
    assert answer.status == 201
    user = User.objects.get(email="ada@example.com")
    assert (user.tier, user.is_staff, user.is_superuser, user.is_active) == ("free", False, False, True)
    assert api.get("auth/me", token=answer.json["access_token"]).json["tier"] == "free"


def test_a_taken_address_is_409_and_changes_nothing(api: ApiClient, make_user: MakeUser) -> None:
    there = make_user(email="ada@example.com")
    before = User.objects.get(id=there.user.id).password
    answer = api.post("auth/register", json=NEW)
    assert (answer.status, answer.code) == (409, "email_taken")
    assert User.objects.get(id=there.user.id).password == before
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "long enough words"}, "email"),
        ({"email": "ada@example.com"}, "password"),
        ({"email": "", "password": "long enough words"}, "email"),
        ({"email": "ada", "password": "long enough words"}, "email"),
        ({"email": "ada@", "password": "long enough words"}, "email"),
        ({"email": "a" * 250 + "@example.com", "password": "long enough words"}, "email"),
        ({"email": None, "password": "long enough words"}, "email"),
        ({"email": 7, "password": "long enough words"}, "email"),
        ({"email": ["ada@example.com"], "password": "long enough words"}, "email"),
        ({"email": "ada@example.com", "password": None}, "password"),
        ({"email": "ada@example.com", "password": 1234567890123}, "password"),
        ({"email": "ada@example.com", "password": True}, "password"),
        ({"email": "ada@example.com", "password": ["long enough words"]}, "password"),
        ({"email": "ada@example.com", "password": {"value": "long enough words"}}, "password"),
        ({"email": "ada@example.com", "password": ""}, "password"),
    ],
)
def test_a_field_that_is_missing_or_of_another_type_is_400_on_that_field(
    api: ApiClient, body: dict[str, Any], field: str
) -> None:
    answer = api.post("auth/register", json=body)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert set(answer.json["errors"]) == {field}
    assert not User.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"email": NaN}', b'{"email": "\\ud800"}', b"\xff"])
def test_a_body_that_is_no_json_object_is_400(api: ApiClient, body: bytes) -> None:
    answer = api.post("auth/register", body=body)
    assert (answer.status, answer.code) == (400, "validation_error")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 8 characters"),
        ("password123", "too common"),
        ("97251046835", "entirely numeric"),
        ("ada.lovelace", "too similar to the email"),
        ("x" * 257, "no more than 256 characters"),
    ],
)
def test_a_refused_password_is_400_with_djangos_own_reason(api: ApiClient, password: str, says: str) -> None:
    answer = api.post("auth/register", json={"email": "ada.lovelace@example.com", "password": password})
    assert answer.status == 400
    assert says in " ".join(answer.json["errors"]["password"])


def test_the_answer_to_a_refused_password_does_not_repeat_it(api: ApiClient) -> None:
    answer = api.post("auth/register", json={"email": "ada@example.com", "password": "qwertyuiop"})
    assert answer.status == 400
    assert b"qwertyuiop" not in answer.content


def test_the_user_agent_names_the_session_and_a_long_one_is_cut(api: ApiClient) -> None:
    api.post("auth/register", json=NEW, headers={"User-Agent": "Adiuva/1.0 " + "x" * 1000})
    assert Session.objects.get().user_agent == "Adiuva/1.0 " + "x" * 245


def test_another_method_is_405_and_says_which_is_right(api: ApiClient) -> None:
    for route in ("register", "login", "refresh"):
        answer = api.get(f"auth/{route}")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert "POST" in answer.headers["Allow"]
