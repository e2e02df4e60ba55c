from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, identify_hasher
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
