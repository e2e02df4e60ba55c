from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.models import Factor, KeyEnvelope, LoginChallenge, MailToken, SecurityEvent, Session, User
from accounts.recovery.reset import send_reset
from adiuva.mail.models import OutgoingMail
from tests.accounts.recovery.actions import (
    NEW_PASSWORD,
    ask_for_change,
    confirm_reset,
    log_in,
    mailed_reset_token,
    mailed_token,
    reset_token,
    use,
)
from tests.accounts.recovery.keys import KDF, envelope, store_envelope
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.mailbox import messages_to

pytestmark = pytest.mark.django_db
with_mail = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]


def refused_on(answer: Answer) -> set[str]:
    assert (answer.status, answer.code) == (400, "validation_error")
    return set(answer.json["errors"])


@with_mail
def test_a_forgotten_password_is_set_anew(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = confirm_reset(mailed_reset_token(account.email))
    assert answer.status == 200
    assert answer.json["locked"] is False
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.get("auth/me", token=answer.json["access_token"]).status == 200
    assert api.get("auth/me", token=account.access_token).status == 401
    assert log_in(account.email, account.password).status == 401
    assert log_in(account.email, NEW_PASSWORD).status == 200


def test_it_is_an_event_and_a_mail(make_user: MakeUser) -> None:
    account = make_user()
    confirm_reset(reset_token(account))
    assert SecurityEvent.objects.for_user(account.user.id).filter(type="password_reset").count() == 1
    assert OutgoingMail.objects.filter(kind="password_changed", account_id=account.user.id).count() == 1


@with_mail
def test_any_spelling_is_answered_at_the_accounts_own_address(api: ApiClient, make_user: MakeUser) -> None:
    """``straße`` and ``strasse`` are compared alike and may be two people's mailboxes."""
    make_user(email="straße@example.com")
    assert api.post("auth/password/reset", json={"email": "STRASSE@example.com"}).status == 202
    assert [message.to for message in messages_to("strasse@example.com")] == [["straße@example.com"]]


@with_mail
def test_unknown_and_closed_accounts_get_the_same_answer_and_no_mail(api: ApiClient, make_user: MakeUser) -> None:
    closed = make_user()
    User.objects.filter(id=closed.user.id).update(is_active=False)
    for email in ("nobody@example.com", closed.email):
        answer = api.post("auth/password/reset", json={"email": email})
        assert (answer.status, answer.content) == (202, b"")
        assert messages_to(email) == []
    assert not MailToken.objects.exists()


def test_staff_may_reset_theirs(make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_staff=True)
    assert confirm_reset(reset_token(account)).status == 200


def test_a_refused_password_does_not_burn_the_token(make_user: MakeUser) -> None:
    account = make_user()
    token = reset_token(account)
    for password in ("short", "12345678901", account.email):
        assert refused_on(confirm_reset(token, new_password=password)) == {"new_password"}
    bad = envelope() | {"checksum": "0" * 64}
    assert confirm_reset(token, kdf=KDF, envelopes=[bad]).status == 400
    assert log_in(account.email, account.password).status == 200
    assert confirm_reset(token).status == 200


def test_a_link_works_once_for_thirty_minutes(make_user: MakeUser) -> None:
    account = make_user()
    token = reset_token(account)
    (row,) = MailToken.objects.all()
    assert row.expires_at - row.created_at == timedelta(minutes=30)
    MailToken.objects.update(
        expires_at=F("expires_at") - timedelta(minutes=30), created_at=F("created_at") - timedelta(days=1)
    )
    assert refused_on(confirm_reset(token)) == {"token"}
    token = reset_token(account)
    assert confirm_reset(token).status == 200
    assert refused_on(confirm_reset(token)) == {"token"}
    assert refused_on(confirm_reset("nothing")) == {"token"}


@with_mail
def test_it_voids_every_other_link_and_a_pending_change(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    ApiClient().post("auth/email/verification", token=account.access_token)
    verification, older = mailed_token(account.email), reset_token(account)
    assert ask_for_change(account, "new@example.com").status == 202
    undo, change = mailed_token(account.email), mailed_token("new@example.com")
    assert confirm_reset(reset_token(account)).status == 200
    assert refused_on(confirm_reset(older)) == {"token"}
    for token in (verification, change, undo):
        assert refused_on(use(token)) == {"token"}
    assert User.objects.get(id=account.user.id).email == account.email


def test_the_link_proves_the_address(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    assert confirm_reset(reset_token(account)).status == 200
    assert User.objects.get(id=account.user.id).email_verified


def test_every_stored_byte_stays_and_the_passwords_envelope_goes(make_user: MakeUser) -> None:
    account = make_user()
    store_envelope(account, "password", "main")
    store_envelope(account, "recovery", "phrase")
    answer = confirm_reset(reset_token(account))
    assert answer.json["locked"] is False
    assert [one.kind for one in KeyEnvelope.objects.for_user(account.user.id)] == ["recovery"]


def test_an_account_without_an_envelope_left_is_locked(make_user: MakeUser) -> None:
    account = make_user()
    store_envelope(account, "password", "main")
    assert confirm_reset(reset_token(account)).json["locked"] is True


def test_new_envelopes_come_in_the_same_transaction(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    store_envelope(account, "password", "main")
    answer = confirm_reset(reset_token(account), kdf=KDF, envelopes=[envelope(kind="password", ref="main")])
    assert (answer.status, answer.json["locked"]) == (200, False)
    assert api.post("auth/prelogin", json={"email": account.email}).json["kdf"] == KDF
    assert confirm_reset(reset_token(account)).json["locked"] is True
    assert User.objects.get(id=account.user.id).kdf is None


def add_factor(account: Account) -> None:
    at = account.user.created_at
    Factor.objects.create(
        user=account.user, type="totp", name="phone", sealed_secret="sealed", created_at=at, confirmed_at=at
    )


def test_without_the_second_factor_nobody_replaces_what_opens_the_data(make_user: MakeUser) -> None:
    account = make_user()
    store_envelope(account, "recovery", "phrase")
    store_envelope(account, "password", "main")
    add_factor(account)
    (before,) = KeyEnvelope.objects.filter(kind="recovery").values()
    token = reset_token(account)
    answer = confirm_reset(token, kdf=KDF, envelopes=[envelope(), envelope(kind="recovery", ref="phrase")])
    assert refused_on(answer) == {"envelopes"}
    assert log_in(account.email, account.password).status == 403  # nothing has changed
    answer = confirm_reset(token, kdf=KDF, envelopes=[envelope(), envelope(kind="recovery", ref="second")])
    assert (answer.status, answer.code) == (403, "second_factor_required")
    (after,) = KeyEnvelope.objects.filter(kind="recovery", ref="phrase").values()
    assert after == before


def test_a_second_factor_is_still_asked_for(make_user: MakeUser) -> None:
    account = make_user()
    store_envelope(account, "password", "main")
    add_factor(account)
    token = reset_token(account)
    answer = confirm_reset(token)
    assert (answer.status, answer.code) == (403, "second_factor_required")
    challenge = LoginChallenge.objects.get(id=answer.json["challenge_id"])
    assert (challenge.purpose, challenge.locked, challenge.ended_at) == ("reset", True, None)
    assert User.objects.get(id=account.user.id).check_password(NEW_PASSWORD)
    assert not Session.objects.for_user(account.user.id).filter(revoked_at__isnull=True).exists()
    assert refused_on(confirm_reset(token)) == {"token"}


@with_mail
def test_what_staff_send_is_the_same_mail(make_user: MakeUser) -> None:
    account = make_user()
    send_reset(user=account.user)
    assert confirm_reset(mailed_token(account.email)).status == 200


@with_mail
def test_asking_too_often_takes_the_same_work_whether_there_is_an_account(make_user: MakeUser) -> None:
    """From the eleventh mail of an hour on a known address has too many; an unknown one never gets any."""
    account = make_user()

    def ask(email: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert ApiClient().post("auth/password/reset", json={"email": email}).status == 202
        return len(queries)

    counts = {email: {ask(email) for _ in range(14)} for email in (account.email, "nobody@example.com")}
    assert len(messages_to(account.email)) == 10
    assert counts[account.email] | {ask(account.email)} == counts["nobody@example.com"] | {ask("nobody@example.com")}


def test_the_public_routes_are_limited(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    account = make_user()
    for path, body in [
        ("auth/password/reset", {"email": account.email}),
        ("auth/password/reset", {"email": f"{uuid4()}@example.com"}),
    ]:
        answers = [api.post(path, json=body).status for _ in range(21)]
        assert answers == [202] * 20 + [429]
    body = {"token": reset_token(account), "new_password": "12345678901"}
    assert [api.post("auth/password/reset/confirm", json=body).status for _ in range(21)][-2:] == [400, 429]
