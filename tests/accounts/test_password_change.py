from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Session, User
from tests.accounts.recovery.actions import (
    ask_for_change,
    change_address,
    confirm_reset,
    mailed_token,
    reset_token,
    use,
)
from tests.support.accounts import PASSWORD, Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
NEW_PASSWORD = "another good one"


def change(api: ApiClient, account: Account, **body: Any) -> Answer:
    fields = {"current_password": account.password, "new_password": NEW_PASSWORD} | body
    return api.post("auth/password", json=fields, token=account.access_token)


def test_a_change_answers_200_with_tokens_of_a_new_session(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = change(api, account)
    assert answer.status == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    items = api.get("auth/sessions", token=answer.json["access_token"]).json["items"]
    assert [item["current"] for item in items] == [True]
    assert items[0]["id"] != str(account.session_id)
    assert api.post("auth/refresh", json={"refresh_token": answer.json["refresh_token"]}).status == 200


def test_every_session_before_it_is_over(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    other = api.post("auth/login", json={"email": account.email, "password": PASSWORD}).json
    assert change(api, account).status == 200
    for access_token, refresh_token in [
        (account.access_token, account.refresh_token),
        (other["access_token"], other["refresh_token"]),
    ]:
        assert api.get("auth/me", token=access_token).status == 401
        assert api.post("auth/refresh", json={"refresh_token": refresh_token}).status == 401


def test_only_the_new_password_logs_in(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    change(api, account)
    assert api.post("auth/login", json={"email": account.email, "password": PASSWORD}).status == 401
    assert api.post("auth/login", json={"email": account.email, "password": NEW_PASSWORD}).status == 200


def test_another_users_sessions_live_on(api: ApiClient, make_user: MakeUser) -> None:
    account, other = make_user(), make_user()
    change(api, account)
    assert api.get("auth/me", token=other.access_token).status == 200


def test_a_wrong_current_password_is_400_on_that_field_and_changes_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    before = User.objects.get(id=account.user.id).password
    answer = change(api, account, current_password="not the password")
    assert (answer.status, answer.code) == (400, "validation_error")
    assert set(answer.json["errors"]) == {"current_password"}
    assert User.objects.get(id=account.user.id).password == before
    assert Session.objects.get(user_id=account.user.id).revoked_at is None


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
def test_a_refused_new_password_is_400_with_djangos_own_reason(
    api: ApiClient, make_user: MakeUser, password: str, says: str
) -> None:
    account = make_user(email="ada.lovelace@example.com")
    answer = change(api, account, new_password=password)
    assert (answer.status, set(answer.json["errors"])) == (400, {"new_password"})
    assert says in " ".join(answer.json["errors"]["new_password"])
    assert api.get("auth/me", token=account.access_token).status == 200


@pytest.mark.parametrize("field", ["current_password", "new_password"])
@pytest.mark.parametrize("value", [None, 1234567890, True, ["long enough words"], ""])
def test_a_password_of_another_type_is_400_on_its_field(
    api: ApiClient, make_user: MakeUser, field: str, value: Any
) -> None:
    answer = change(api, make_user(), **{field: value})
    assert (answer.status, set(answer.json["errors"])) == (400, {field})


def test_spaces_around_the_new_password_are_part_of_it(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert change(api, account, new_password="  spaced out  ").status == 200
    assert api.post("auth/login", json={"email": account.email, "password": "spaced out"}).status == 401
    assert api.post("auth/login", json={"email": account.email, "password": "  spaced out  "}).status == 200


def test_unknown_fields_are_ignored(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert change(api, account, tier="team", is_staff=True, email="new@example.com").status == 200
    user = User.objects.get(id=account.user.id)
    assert (user.email, user.tier, user.is_staff) == (account.email, "free", False)


@pytest.mark.django_db(transaction=True)
def test_mailed_links_that_would_undo_it_are_dead(api: ApiClient, make_user: MakeUser) -> None:
    """Who has read the mailbox, and who had the old password and wants the account at another address."""
    account = make_user()
    reset = reset_token(account)
    assert ask_for_change(account, "thief@example.com").status == 202
    undo, moving = mailed_token(account.email), mailed_token("thief@example.com")
    changed = change(api, account)
    assert changed.status == 200
    assert confirm_reset(reset).status == 400
    assert use(moving).status == 400
    assert api.get("auth/me", token=changed.json["access_token"]).json["email"] == account.email
    assert use(undo).status == 204


@pytest.mark.django_db(transaction=True)
def test_the_way_back_to_an_earlier_address_outlives_it(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    undo = change_address(account, "thief@example.com")
    assert change(api, account).status == 200
    assert use(undo).status == 204
    assert User.objects.get(id=account.user.id).email == account.email
