"""A passkey after the password, and to make a session fresh: POST /auth/login/second-factor, /auth/reauthenticate."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.login_limits import PER_ACCOUNT
from accounts.models import SecurityEvent, SecurityEventType, Session
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.passkeys.owners import Owner
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def by_password(owner: Owner) -> dict[str, Any]:
    """The challenge that a right password leads to."""
    account = owner.account
    answer = owner.api.post("auth/login", json={"email": account.email, "password": account.password})
    assert (answer.status, answer.code) == (403, "second_factor_required")
    assert answer.json["methods"] == ["passkey"]
    challenge: dict[str, Any] = answer.json
    return challenge


def answer_with(owner: Owner, challenge_id: str, credential: Any) -> Answer:
    body = {"challenge_id": challenge_id, "method": "passkey", "credential": credential}
    return owner.api.post("auth/login/second-factor", json=body)


def make_stale(owner: Owner) -> None:
    Session.objects.filter(id=owner.account.session_id).update(fresh_at=datetime.now(UTC) - timedelta(hours=1))


def reauthenticate(owner: Owner, credential: Any) -> Answer:
    body = {"method": "passkey", "credential": credential}
    return owner.api.post("auth/reauthenticate", json=body, token=owner.account.access_token)


def test_after_the_password_a_passkey_logs_in_with_or_without_user_verification(owner: Owner) -> None:
    for verifies in (True, False):
        owner.device.verifies_user = verifies
        challenge_id = by_password(owner)["challenge_id"]
        options = owner.request_options(challenge_id=challenge_id)
        assert [one["id"] for one in options["allowCredentials"]] == [owner.factor.credential_id]
        assert options["userVerification"] == "preferred"
        answer = answer_with(owner, challenge_id, owner.device.get(options, names_user=verifies))
        assert answer.status == 200
        assert owner.api.get("auth/me", token=answer.json["access_token"]).status == 200
    assert owner.factor.last_used_at is not None


def test_options_for_a_login_that_is_over_are_401(owner: Owner) -> None:
    challenge_id = by_password(owner)["challenge_id"]
    credential = owner.device.get(owner.request_options(challenge_id=challenge_id))
    assert answer_with(owner, challenge_id, credential).status == 200
    for over in (challenge_id, "00000000-0000-4000-8000-000000000000"):
        answer = owner.api.post("auth/passkeys/login/options", json={"challenge_id": over})
        assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert owner.api.post("auth/passkeys/login/options", json={"challenge_id": "x"}).status == 400


def test_an_assertion_is_for_the_login_that_asked(owner: Owner) -> None:
    first, second = (by_password(owner)["challenge_id"] for _ in range(2))
    for options in (
        owner.request_options(challenge_id=second),
        owner.request_options(),
        owner.request_options(token=owner.account.access_token),
    ):
        answer = answer_with(owner, first, owner.device.get(options))
        assert (answer.status, answer.code) == (401, "invalid_credentials")
    events = SecurityEvent.objects.filter(type=SecurityEventType.SECOND_FACTOR_FAILED)
    assert events.filter(user_id=owner.account.user.id).count() == 3


def test_options_for_a_login_that_waits_are_limited_per_account(owner: Owner) -> None:
    """From whatever address; those that name nobody, and those of a session, are limited by theirs alone."""
    options, challenge_id = "auth/passkeys/login/options", by_password(owner)["challenge_id"]
    asked = [
        owner.api.post(options, json={"challenge_id": challenge_id}, REMOTE_ADDR=f"203.0.113.{n}").status
        for n in range(PER_ACCOUNT + 1)
    ]
    assert asked == [200] * PER_ACCOUNT + [429]
    assert owner.api.post(options, json={}, REMOTE_ADDR="203.0.113.1").status == 200


def test_another_users_passkey_is_refused(api: ApiClient, make_user: MakeUser, owner: Owner) -> None:
    stranger = Owner(account=make_user(), device=Authenticator(origin=owner.device.origin), api=api)
    stranger.add_passkey()
    challenge_id = by_password(owner)["challenge_id"]
    options = owner.request_options(challenge_id=challenge_id)
    assert answer_with(owner, challenge_id, stranger.device.get(options | {"allowCredentials": []})).status == 401
    options = owner.request_options(token=owner.account.access_token)
    make_stale(owner)
    assert reauthenticate(owner, stranger.device.get(options | {"allowCredentials": []})).status == 400


def test_what_is_no_assertion_is_400_on_the_credential(owner: Owner) -> None:
    challenge_id = by_password(owner)["challenge_id"]
    answer = answer_with(owner, challenge_id, {"id": "x"})
    assert answer.status == 400
    assert "credential.rawId" in answer.json["errors"]


def test_a_passkey_makes_the_session_fresh(owner: Owner) -> None:
    make_stale(owner)
    token = owner.account.access_token
    assert owner.api.post("auth/passkeys/options", token=token).code == "reauthentication_required"
    options = owner.request_options(token=token)
    assert [one["id"] for one in options["allowCredentials"]] == [owner.factor.credential_id]
    credential = owner.device.get(options)
    assert reauthenticate(owner, credential).status == 204
    assert owner.api.post("auth/passkeys/options", token=token).status == 200
    make_stale(owner)
    assert reauthenticate(owner, credential).status == 400  # it counts once


def test_an_assertion_is_for_the_session_that_asked(owner: Owner) -> None:
    other = owner.log_in(owner.assertion()).json["access_token"]
    make_stale(owner)
    assert reauthenticate(owner, owner.device.get(owner.request_options(token=other))).status == 400
    assert reauthenticate(owner, owner.assertion()).status == 400


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_answer_at_once_one_logs_in(owner: Owner) -> None:
    challenge_id = by_password(owner)["challenge_id"]
    credential = owner.device.get(owner.request_options(challenge_id=challenge_id))
    answers = run_concurrently(*[lambda: answer_with(owner, challenge_id, credential).status] * 20)
    assert answers.count(200) == 1
    assert set(answers) <= {200, 401, 429}
    assert Session.objects.exclude(id=owner.account.session_id).count() == 1
