from collections.abc import Callable

import pytest

from accounts.models import Session, User
from tests.support.accounts import PASSWORD, Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def log_in(api: ApiClient, email: str, password: str = PASSWORD) -> Answer:
    return api.post("auth/login", json={"email": email, "password": password})


def assert_refused(answer: Answer) -> dict[str, str]:
    """The body of a refusal without the one field that differs each time."""
    assert (answer.status, answer.code) == (401, "invalid_credentials")
    return {key: value for key, value in answer.json.items() if key != "request_id"}


def test_logging_in_answers_200_with_tokens_of_a_new_session(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = log_in(api, account.email)
    assert answer.status == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert Session.objects.for_user(account.user.id).count() == 2
    assert api.get("auth/me", token=answer.json["access_token"]).status == 200


def test_unknown_wrong_and_disabled_get_the_same_answer(api: ApiClient, make_user: MakeUser) -> None:
    known, disabled = make_user(), make_user()
    User.objects.filter(id=disabled.user.id).update(is_active=False)
    unknown = assert_refused(log_in(api, "nobody@example.com"))
    assert assert_refused(log_in(api, known.email, "another password")) == unknown
    assert assert_refused(log_in(api, disabled.email)) == unknown


def test_unknown_wrong_and_disabled_cost_the_same_one_hash(
    api: ApiClient, make_user: MakeUser, hash_count: list[str]
) -> None:
    known, disabled, unusable = make_user(), make_user(), make_user()
    User.objects.filter(id=disabled.user.id).update(is_active=False)
    unusable.user.set_unusable_password()
    unusable.user.save()
    attempts = [
        ("nobody@example.com", PASSWORD),
        (known.email, "another password"),
        (disabled.email, PASSWORD),
        (disabled.email, "another password"),
        (unusable.email, PASSWORD),
    ]
    for email, password in attempts:
        hash_count.clear()
        assert_refused(log_in(api, email, password))
        assert len(hash_count) == 1, email
    hash_count.clear()
    assert log_in(api, known.email).status == 200
    assert len(hash_count) == 1


def test_a_refusal_names_the_scheme_and_no_session_begins(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = log_in(api, account.email, "another password")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert Session.objects.for_user(account.user.id).count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ada@example.com"},
        {"password": PASSWORD},
        {"email": "ada@example.com", "password": 12345678},
        {"email": "ada@example.com", "password": None},
        {"email": "ada@example.com", "password": "x" * 257},
        {"email": "no address", "password": PASSWORD},
    ],
)
def test_a_body_of_another_shape_is_400(api: ApiClient, body: dict[str, object]) -> None:
    answer = api.post("auth/login", json=body)
    assert (answer.status, answer.code) == (400, "validation_error")


def test_logging_in_does_not_look_at_an_access_token(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    body = {"email": account.email, "password": account.password}
    assert api.post("auth/login", json=body, token="expired or garbage").status == 200
