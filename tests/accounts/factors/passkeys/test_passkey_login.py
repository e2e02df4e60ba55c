"""POST /auth/passkeys/login/options and POST /auth/passkeys/login: a passkey alone, which is both factors."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.factors.passkeys import challenges
from accounts.factors.passkeys.challenges import Purpose
from accounts.models import Factor, SecurityEvent, SecurityEventType, Session, User
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.passkeys.owners import Owner
from tests.fakes.authenticator import Authenticator, base64url, from_base64url
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def events(owner: Owner, event: SecurityEventType) -> int:
    return SecurityEvent.objects.filter(user_id=owner.account.user.id, type=event).count()


def refused(answer: Answer) -> bool:
    """Whatever was wrong, the same is said."""
    assert (answer.status, answer.code) == (401, "invalid_credentials"), answer
    assert answer.json["detail"] == "The passkey does not open this account, or its challenge is used or expired."
    return True


def test_the_options_name_no_account(owner: Owner) -> None:
    for body in ({}, {"challenge_id": None}):
        options = owner.request_options(**body)
        assert set(options) == {"challenge", "timeout", "rpId", "allowCredentials", "userVerification"}
        assert len(from_base64url(options["challenge"])) == 32
        assert (options["rpId"], options["allowCredentials"]) == ("localhost", [])
        assert options["userVerification"] == "required"


@pytest.mark.parametrize("form", ["itself", "wrapped"])
def test_a_passkey_logs_in(api: ApiClient, owner: Owner, form: str) -> None:
    before = owner.factor
    assertion = owner.assertion()
    answer = owner.log_in(assertion if form == "itself" else {"credential": assertion})
    assert answer.status == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.get("auth/me", token=answer.json["access_token"]).json["email"] == owner.account.email
    assert owner.factor.sign_count == before.sign_count + 1
    assert owner.factor.last_used_at is not None
    # A fresh session: what is dangerous is open to it.
    assert api.post("auth/passkeys/options", token=answer.json["access_token"]).status == 200


def test_an_access_token_that_has_expired_does_not_keep_from_logging_in(owner: Owner) -> None:
    options = owner.request_options(token="no.token.at-all")
    assert owner.log_in(owner.device.get(options)).status == 200


def test_a_passkey_without_a_counter_logs_in_again_and_again(
    api: ApiClient, make_user: MakeUser, device: Authenticator
) -> None:
    device.counts = False
    owner = Owner(account=make_user(), device=device, api=api)
    owner.add_passkey()
    assert [owner.log_in(owner.assertion()).status for _ in range(3)] == [200] * 3
    assert owner.factor.sign_count == 0


def test_without_user_verification_it_is_one_factor_only(owner: Owner) -> None:
    owner.device.verifies_user = False
    assert refused(owner.log_in(owner.assertion()))
    assert not Session.objects.exclude(id=owner.account.session_id).exists()


@pytest.mark.parametrize(
    "client_data",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost.evil.example"},
        {"origin": ["http://localhost"]},
        {"type": "webauthn.create"},
        {"crossOrigin": True},
        {"challenge": base64url(b"c" * 32)},
    ],
)
def test_client_data_of_another_ceremony_is_refused(owner: Owner, client_data: dict[str, Any]) -> None:
    assert refused(owner.log_in(owner.assertion(**client_data)))


def test_another_relying_party_is_refused(owner: Owner) -> None:
    owner.device.rp_id = "evil.example"
    assert refused(owner.log_in(owner.assertion()))


def test_a_signature_by_another_key_is_refused(owner: Owner) -> None:
    thief = Authenticator(origin=owner.device.origin)
    thief.create(owner.options() | {"excludeCredentials": []})
    thief.passkeys[0].id = owner.device.passkeys[0].id
    assert refused(owner.log_in(thief.get(owner.request_options())))
    assert events(owner, SecurityEventType.LOGIN_FAILED) == 1


def test_a_passkey_of_nobodys_is_refused(owner: Owner) -> None:
    stranger = Authenticator(origin=owner.device.origin)
    stranger.create(owner.options())
    assert refused(owner.log_in(stranger.get(owner.request_options())))


def test_it_must_say_whose_it_is(api: ApiClient, make_user: MakeUser, owner: Owner) -> None:
    assert refused(owner.log_in(owner.assertion(names_user=False)))
    owner.device.passkeys[0].user_handle = make_user().user.id.bytes
    assert refused(owner.log_in(owner.assertion()))


def test_an_assertion_counts_once(owner: Owner) -> None:
    assertion = owner.assertion()
    assert owner.log_in(assertion).status == 200
    assert refused(owner.log_in(assertion))


def test_a_challenge_counts_once_however_it_ends(owner: Owner) -> None:
    options = owner.request_options()
    assert refused(owner.log_in(owner.device.get(options, origin="https://evil.example")))
    assert refused(owner.log_in(owner.device.get(options)))


def test_a_challenge_of_another_purpose_is_refused(owner: Owner) -> None:
    for purpose, subject in ((Purpose.VERIFY, f"session:{owner.account.session_id}"), (Purpose.REGISTER, "")):
        options = owner.request_options() | {"challenge": base64url(challenges.issue(purpose, subject=subject))}
        assert refused(owner.log_in(owner.device.get(options)))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_counter_that_does_not_rise_is_refused_and_logged(
    owner: Owner, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    """A copy of the passkey's: § 6.1.1."""
    Factor.objects.update(sign_count=7)
    owner.device.passkeys[0].sign_count = count - 1 if count else 0
    owner.device.counts = count > 0
    with caplog.at_level(logging.WARNING):
        assert refused(owner.log_in(owner.assertion()))
    assert "signature counter went back" in caplog.text
    assert owner.factor.sign_count == 7


def test_a_closed_account_is_refused(owner: Owner) -> None:
    User.objects.filter(id=owner.account.user.id).update(is_active=False)
    assert refused(owner.log_in(owner.assertion()))


def test_a_passkey_that_was_removed_is_refused(owner: Owner) -> None:
    assertion = owner.assertion()
    owner.factor.delete()
    assert refused(owner.log_in(assertion))


def test_a_failed_login_is_an_event_of_its_owner(owner: Owner) -> None:
    assert refused(owner.log_in(owner.assertion(origin="https://evil.example")))
    assert events(owner, SecurityEventType.LOGIN_FAILED) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"response": {}}, "response.signature"),
        (
            {"response": {"clientDataJSON": "YQ", "authenticatorData": "YQ", "signature": "YQ"}},
            "response.clientDataJSON",
        ),
    ],
)
def test_what_is_no_assertion_is_400(owner: Owner, change: dict[str, Any], field: str) -> None:
    answer = owner.log_in(owner.assertion() | change)
    assert answer.status == 400
    assert field in answer.json["errors"]


@pytest.mark.parametrize("part", ["authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("content", ["YQ", "A" * 100])
def test_bytes_that_mean_nothing_are_refused(owner: Owner, part: str, content: str) -> None:
    assertion = owner.assertion()
    assertion["response"][part] = content
    assert refused(owner.log_in(assertion))


def test_an_account_has_twenty_attempts_a_minute(owner: Owner, limits_clock: object) -> None:
    assertion = owner.assertion()
    assertion["response"]["signature"] = "YQ"
    answers = [owner.log_in(assertion).status for _ in range(21)]
    assert answers == [401] * 20 + [429]


def test_without_a_cache_it_is_503(owner: Owner, no_cache: None) -> None:
    answer = owner.api.post("auth/passkeys/login/options", json={})
    assert (answer.status, answer.code) == (503, "upstream_unavailable")


def test_a_new_device_is_told_of_a_login_by_passkey(owner: Owner) -> None:
    """As any login is an event; tests/accounts has the mail."""
    before = events(owner, SecurityEventType.LOGIN)
    assert owner.log_in(owner.assertion()).status == 200
    assert events(owner, SecurityEventType.LOGIN) == before + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("counts", [True, False])
def test_of_twenty_who_post_one_assertion_at_once_one_logs_in(
    api: ApiClient, make_user: MakeUser, device: Authenticator, counts: bool
) -> None:
    device.counts = counts
    owner = Owner(account=make_user(), device=device, api=api)
    owner.add_passkey()
    assertion = owner.assertion()
    answers = run_concurrently(*[lambda: owner.log_in(assertion).status] * 20)
    assert sorted(answers) == [200] + [401] * 19
    assert Session.objects.exclude(id=owner.account.session_id).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_parallel_assertions_with_one_count_one_logs_in(owner: Owner) -> None:
    """Two copies of a passkey, each with a challenge of its own."""
    challenges_ = [owner.request_options() for _ in range(8)]
    passkey = owner.device.passkeys[0]
    assertions = []
    for options in challenges_:
        passkey.sign_count = 41
        assertions.append(owner.device.get(options))
    answers = run_concurrently(*[lambda one=one: owner.log_in(one).status for one in assertions])
    assert sorted(answers) == [200] + [401] * 7


def test_sessions_that_a_passkey_began_last_as_long_as_others(owner: Owner) -> None:
    owner.log_in(owner.assertion())
    session = Session.objects.exclude(id=owner.account.session_id).get()
    assert session.fresh_at is not None
    assert session.fresh_at > datetime.now(UTC) - timedelta(minutes=1)
