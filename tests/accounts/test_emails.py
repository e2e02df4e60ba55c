from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User, normalize_email
from tests.support.accounts import PASSWORD, Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

SAME = [
    ("ada@example.com", "ADA@EXAMPLE.COM"),
    ("ada@example.com", "  ada@Example.com\t"),
    ("sam@example.com", "\u017fam@example.com"),  # a long s
    ("kim@example.com", "\u212aim@example.com"),  # the Kelvin sign
    ("ada@bücher.example", "ada@BÜCHER.example"),
    ("ada@bücher.example", "ada@bu\u0308cher.example"),  # decomposed
    ("ada@straße.example", "ada@STRAẞE.example"),
    ("ada@example.com", "ada@\uff45xample.com"),  # fullwidth
]


@pytest.mark.django_db
@pytest.mark.parametrize(("kept", "other"), SAME)
def test_an_address_in_another_spelling_is_taken(api: ApiClient, make_user: MakeUser, kept: str, other: str) -> None:
    make_user(email=kept)
    answer = api.post("auth/register", json={"email": other, "password": PASSWORD})
    assert (answer.status, answer.code) == (409, "email_taken")


@pytest.mark.django_db
@pytest.mark.parametrize(("kept", "other"), SAME)
def test_one_logs_in_with_any_spelling_of_the_address(
    api: ApiClient, make_user: MakeUser, kept: str, other: str
) -> None:
    make_user(email=kept)
    assert api.post("auth/login", json={"email": other, "password": PASSWORD}).status == 200


@pytest.mark.django_db
def test_the_profile_shows_the_one_spelling_that_is_kept(api: ApiClient) -> None:
    tokens = api.post("auth/register", json={"email": " Ada@Example.COM ", "password": PASSWORD}).json
    assert api.get("auth/me", token=tokens["access_token"]).json["email"] == "ada@example.com"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "email",
    [
        "\u0130" * 200 + "@example.com",  # its lower case has two characters: 412 in all
        "a@" + "\ufdfa" * 60 + ".com",  # 18 characters each
        "a@\u0378\u0378.com",  # not a character yet
        "a b@example.com",
        "a\r\nb@example.com",
    ],
)
def test_an_address_that_the_database_could_not_keep_is_400(api: ApiClient, email: str) -> None:
    answer = api.post("auth/register", json={"email": email, "password": PASSWORD})
    assert (answer.status, set(answer.json["errors"])) == (400, {"email"})


@given(st.text())
def test_a_kept_spelling_is_its_own_spelling(text: str) -> None:
    kept = normalize_email(text)
    assert normalize_email(kept) == kept == kept.lower()


@given(st.from_regex(r"[a-z0-9.+-]{1,20}@[a-z0-9-]{1,20}\.[a-z]{2,5}", fullmatch=True))
def test_case_never_makes_another_address(address: str) -> None:
    assert normalize_email(address.upper()) == normalize_email(address.title()) == address


@pytest.mark.django_db
def test_the_database_itself_refuses_an_upper_case_address(make_user: MakeUser) -> None:
    user = make_user().user
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(id=user.id).update(email="Ada@example.com")
