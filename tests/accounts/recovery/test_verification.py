from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts.models import MailToken, User, hash_of
from adiuva.mail.composers import composer_of
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from tests.accounts.recovery.actions import mailed_token, use
from tests.support.accounts import PASSWORD, Account
from tests.support.client import Answer, ApiClient
from tests.support.mailbox import messages_to

pytestmark = pytest.mark.django_db
with_mail = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]
ADA = "ada@example.com"


def register(api: ApiClient) -> Answer:
    answer = api.post("auth/register", json={"email": ADA, "password": PASSWORD})
    assert answer.status == 201
    return answer


def send_again(account: Account) -> Answer:
    return ApiClient().post("auth/email/verification", token=account.access_token)


def is_refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (400, "validation_error") and set(answer.json["errors"]) == {"token"}


@with_mail
def test_registration_sends_a_link_that_verifies_the_address(api: ApiClient) -> None:
    token = register(api).json["access_token"]
    assert api.get("auth/me", token=token).json["email_verified"] is False
    assert use(mailed_token(ADA)).status == 204
    assert api.get("auth/me", token=token).json["email_verified"] is True


@with_mail
def test_a_link_works_once_and_ends_its_like(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(verified=False)
    assert [send_again(account).status for _ in range(2)] == [202, 202]
    first, second = [message.body.split("token=")[1].split()[0] for message in messages_to(account.email)]
    assert use(second).status == 204
    assert is_refused(use(second))
    assert is_refused(use(first))


@pytest.mark.parametrize("token", ["unknown", "x" * 43, "ü" * 20])
def test_a_token_that_is_none_of_ours(token: str) -> None:
    assert is_refused(use(token))


@with_mail
def test_a_link_lives_for_three_days(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    send_again(account)
    token = mailed_token(account.email)
    (row,) = MailToken.objects.all()
    assert row.expires_at - row.created_at == timedelta(days=3)
    assert row.token_hash == hash_of(token)
    MailToken.objects.update(
        created_at=F("created_at") - timedelta(days=3), expires_at=F("expires_at") - timedelta(days=3)
    )
    assert is_refused(use(token))


@with_mail
def test_three_more_an_hour_beside_registrations(api: ApiClient) -> None:
    token = register(api).json["access_token"]
    answers = [api.post("auth/email/verification", token=token) for _ in range(4)]
    assert [answer.status for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].code == "rate_limited"
    assert 3590 <= int(answers[-1].headers["Retry-After"]) <= 3600
    assert len(messages_to(ADA)) == 4


def test_after_retry_after_one_more_goes(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    for minutes in (50, 20, 10):
        assert send_again(account).status == 202
        latest = OutgoingMail.objects.latest("created_at")
        OutgoingMail.objects.filter(id=latest.id).update(created_at=F("created_at") - timedelta(minutes=minutes))
    seconds = int(send_again(account).headers["Retry-After"])
    assert 590 <= seconds <= 600
    OutgoingMail.objects.update(created_at=F("created_at") - timedelta(seconds=seconds))
    assert [send_again(account).status for _ in range(2)] == [202, 429]


@with_mail
def test_a_verified_address_gets_nothing(make_user: MakeUser) -> None:
    account = make_user()
    assert [send_again(account).status for _ in range(5)] == [202] * 5
    assert messages_to(account.email) == []


@with_mail
def test_a_mail_that_is_late_verifies_no_other_address(make_user: MakeUser) -> None:
    """The address changes between the request and the sending: the old mailbox gets no token for the new one."""
    account = make_user(verified=False)
    send_again(account)
    token = mailed_token(account.email)
    late = OutgoingMail.objects.get(kind="verification")
    User.objects.filter(id=account.user.id).update(email="new@example.com", address_key="new@example.com")
    assert is_refused(use(token))
    compose = composer_of(MailKind.VERIFICATION)
    assert compose is not None
    assert compose(account.user.id, late.facts) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("auth/email/verification", None),
        ("auth/email", {"new_email": "new@example.com", "password": PASSWORD}),
        ("auth/password/reset", {"email": "nobody@example.com"}),
    ],
)
def test_without_mail_what_needs_it_says_so(
    api: ApiClient, make_user: MakeUser, settings: Any, path: str, body: Any
) -> None:
    settings.IS_PROD, settings.EMAIL_URL = True, ""
    answer = api.post(path, json=body, token=make_user(verified=False).access_token)
    assert (answer.status, answer.code) == (503, "not_configured")


@with_mail
def test_no_token_is_kept_in_the_clear(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    send_again(account)
    token = mailed_token(account.email)
    for model in (MailToken, OutgoingMail):
        assert token not in str(list(model.objects.values()))
