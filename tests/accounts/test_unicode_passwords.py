import unicodedata
from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, identify_hasher, make_password
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adiuva.settings
from accounts.models import User
from tests.support.accounts import Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]
# What JSON can carry: neither NUL nor lone surrogates (§ 1).
PASSWORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=8, max_size=256)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=PASSWORDS)
def test_what_was_registered_logs_in_and_nothing_near_it_does(make_user: MakeUser, password: str) -> None:
    account = make_user(password=password)
    stored = User.objects.get(id=account.user.id)
    assert stored.check_password(password)
    assert not stored.check_password(password + " ")
    assert not stored.check_password(password[:-1])
    assert not stored.check_password(password[:-1] + ("a" if password[-1] != "a" else "b"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password",
    ["пароль из слов", "🐎🔋📎 staple 正しい", "é" * 256, "\U0010ffff" * 256, "x" * 255 + "y", "اللغة العربية"],
)
def test_any_unicode_up_to_256_characters_is_a_password(api: ApiClient, password: str) -> None:
    body = {"email": "ada@example.com", "password": password}
    assert api.post("auth/register", json=body).status == 201
    assert api.post("auth/login", json=body).status == 200


@pytest.mark.django_db
def test_two_passwords_that_differ_after_byte_72_differ(api: ApiClient) -> None:
    start = "correct horse " * 6
    api.post("auth/register", json={"email": "ada@example.com", "password": start + "one"})
    other = api.post("auth/login", json={"email": "ada@example.com", "password": start + "two"})
    assert (other.status, other.code) == (401, "invalid_credentials")


@pytest.mark.django_db
def test_spaces_around_a_password_are_part_of_it(api: ApiClient) -> None:
    api.post("auth/register", json={"email": "ada@example.com", "password": "  spaced out  "})
    assert api.post("auth/login", json={"email": "ada@example.com", "password": "  spaced out  "}).status == 200
    assert api.post("auth/login", json={"email": "ada@example.com", "password": "spaced out"}).status == 401


@override_settings(PASSWORD_HASHERS=adiuva.settings.PASSWORD_HASHERS)
def test_outside_the_tests_bcrypt_runs_through_sha256_at_its_full_cost() -> None:
    user = User(email="ada@example.com")
    user.set_password("long enough words")
    hasher = identify_hasher(user.password)
    assert type(hasher) is BCryptSHA256PasswordHasher
    assert int(hasher.decode(user.password)["work_factor"]) >= 12


# --- NFC ---

COMPOSED = "Zoë käme früher"
TYPED = unicodedata.normalize("NFD", COMPOSED)


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "then"), [(COMPOSED, TYPED), (TYPED, COMPOSED), (TYPED, TYPED)])
def test_one_text_is_one_password_whatever_keyboard_it_comes_from(api: ApiClient, first: str, then: str) -> None:
    tokens = api.post("auth/register", json={"email": "ada@example.com", "password": first}).json
    assert api.post("auth/login", json={"email": "ada@example.com", "password": then}).status == 200
    change = {"current_password": then, "new_password": then + "!"}
    tokens = api.post("auth/password", json=change, token=tokens["access_token"]).json
    assert api.post("auth/login", json={"email": "ada@example.com", "password": first + "!"}).status == 200
    assert api.delete("auth/me", json={"password": first + "!"}, token=tokens["access_token"]).status == 202


def set_as_it_came(account: Account, password: str) -> str:
    """A hash from before NFC was hashed."""
    made = make_password(password)
    User.objects.filter(id=account.user.id).update(password=made)
    return made


@pytest.mark.django_db
def test_a_hash_of_what_was_typed_is_taken_and_made_one_of_nfc(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(email="ada@example.com")
    before = set_as_it_came(account, TYPED)
    login = {"email": "ada@example.com", "password": COMPOSED}
    assert api.post("auth/login", json=login).status == 401
    assert api.post("auth/login", json=login | {"password": TYPED}).status == 200
    assert api.get("auth/me", token=account.access_token).status == 200  # no change of the password
    assert User.objects.get(id=account.user.id).password != before
    assert [api.post("auth/login", json=login | {"password": form}).status for form in (COMPOSED, TYPED)] == [200, 200]
    change = {"current_password": TYPED, "new_password": "another good one"}
    set_as_it_came(account, TYPED)
    assert api.post("auth/password", json=change, token=account.access_token).status == 200


@pytest.mark.django_db
def test_making_a_hash_one_of_nfc_undoes_no_change_that_was_made_meanwhile(make_user: MakeUser) -> None:
    account = make_user()
    set_as_it_came(account, TYPED)
    stale = User.objects.get(id=account.user.id)
    changed = set_as_it_came(account, "changed meanwhile")
    assert stale.check_password(TYPED)
    assert User.objects.get(id=account.user.id).password == changed


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["a wrong password", TYPED])
def test_a_wrong_password_costs_as_much_for_an_address_of_nobody(
    api: ApiClient, make_user: MakeUser, hash_count: list[str], password: str
) -> None:
    account = make_user()
    costs = []
    for email in (account.email, "nobody@example.com"):
        hash_count.clear()
        assert api.post("auth/login", json={"email": email, "password": password}).status == 401
        costs.append(len(hash_count))
    assert costs == [1 + (password is TYPED)] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "status"),
    [
        (unicodedata.normalize("NFD", "é" * 7), 400),  # 14 characters as typed
        (unicodedata.normalize("NFD", "é" * 8), 201),
        (unicodedata.normalize("NFD", "é" * 256), 201),  # 512
        (unicodedata.normalize("NFD", "é" * 257), 400),
        ("\u0958" * 200, 400),  # NFC takes it apart: 400
    ],
)
def test_it_is_the_characters_of_nfc_that_are_counted(api: ApiClient, password: str, status: int) -> None:
    body = {"email": "ada@example.com", "password": password}
    assert api.post("auth/register", json=body).status == status
    assert api.post("auth/login", json=body).status == {201: 200, 400: 401}[status] or len(password) > 256


@pytest.mark.django_db
def test_a_hash_of_more_rounds_is_not_written_over_another_password(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login with the old password that was being computed while a reset was made."""
    slow = make_user(password="the old password").user
    changed = User.objects.get(id=slow.id)
    changed.set_password("the new password")
    changed.save()
    monkeypatch.setattr(type(identify_hasher(slow.password)), "must_update", lambda *_: True)
    slow.check_password("the old password")
    monkeypatch.undo()
    stored = User.objects.get(id=slow.id)
    assert stored.check_password("the new password")
    assert not stored.check_password("the old password")
