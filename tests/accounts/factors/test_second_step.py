"""A login that waits for the second factor."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.factors.challenges import open_challenge
from accounts.models import ChallengePurpose, LoginChallenge, SecurityEvent, Session, User
from tests.accounts.factors.authenticator import App, AppClock, add_app, answer, challenge_of, log_in
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MISSING = "00000000-0000-4000-8000-000000000000"


def events(app: App) -> list[str]:
    return list(SecurityEvent.objects.for_user(app.account.user.id).order_by("id").values_list("type", flat=True))


def refusal(given: Answer) -> tuple[int, Any]:
    """Without what differs from request to request."""
    return given.status, {name: value for name, value in given.json.items() if name != "request_id"}


def test_the_password_alone_begins_no_session(app: App) -> None:
    before = Session.objects.count()
    refused = log_in(app.account)
    assert (refused.status, refused.code) == (403, "second_factor_required")
    assert refused.json["methods"] == ["totp", "recovery_code"]
    assert refused.json["expires_in"] == 300
    assert "access_token" not in refused.json
    assert Session.objects.count() == before


def test_a_wrong_password_tells_nothing_of_factors(app: App) -> None:
    assert refusal(log_in(app.account, password="not the password"))[0] == 401
    assert not LoginChallenge.objects.exists()


def test_the_code_begins_the_session(app: App) -> None:
    challenge = challenge_of(app.account)
    passed = answer(challenge, code=app.code())
    assert passed.status == 200
    assert set(passed.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert passed.headers["Cache-Control"] == "no-store"
    token = passed.json["access_token"]
    factor = ApiClient().get("auth/factors", token=token).json["items"][0]
    assert factor["last_used_at"] is not None
    assert ApiClient().post("auth/factors/recovery-codes", token=token).status == 200, "the session is fresh"
    assert events(app)[-2:] == ["login", "recovery_codes_made"]


def test_a_challenge_is_answered_once(app: App) -> None:
    challenge = challenge_of(app.account)
    assert answer(challenge, code=app.code()).status == 200
    app.clock.next_step()
    assert refusal(answer(challenge, code=app.code())) == refusal(answer(MISSING, code=app.code()))


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_clocks_may_differ_by_a_step(app: App, steps: int) -> None:
    assert answer(challenge_of(app.account), code=app.code(steps=steps)).status == 200


@pytest.mark.parametrize("steps", [-2, 2])
def test_clocks_may_not_differ_by_more(app: App, steps: int) -> None:
    app.clock.next_step(5)
    assert answer(challenge_of(app.account), code=app.code(steps=steps)).status == 401


@pytest.mark.parametrize("separator", [" ", "-"])
def test_a_code_may_be_typed_as_it_is_shown(app: App, separator: str) -> None:
    code = app.code()
    assert answer(challenge_of(app.account), code=f" {code[:3]}{separator}{code[3:]} ").status == 200


def test_a_code_counts_once(app: App) -> None:
    code = app.code()
    assert answer(challenge_of(app.account), code=code).status == 200
    assert answer(challenge_of(app.account), code=code).status == 401
    app.clock.next_step()
    assert answer(challenge_of(app.account), code=code).status == 401
    assert answer(challenge_of(app.account), code=app.code()).status == 200


def test_after_a_later_code_an_earlier_one_counts_no_more(app: App) -> None:
    earlier = app.code()
    assert answer(challenge_of(app.account), code=app.code(steps=1)).status == 200
    assert answer(challenge_of(app.account), code=earlier).status == 401


def test_the_code_of_the_confirmation_is_used_up(account: Account, clock: AppClock) -> None:
    app = add_app(account, clock)
    clock.next_step(-2)
    assert answer(challenge_of(account), code=app.code()).status == 401


def test_any_app_of_the_accounts_will_do(app: App) -> None:
    second = add_app(app.account, app.clock)
    assert answer(challenge_of(app.account), code=app.code()).status == 200
    assert answer(challenge_of(app.account), code=second.code()).status == 200


def test_five_wrong_ones_end_the_challenge(app: App) -> None:
    challenge = challenge_of(app.account)
    refusals = [refusal(answer(challenge, code=app.wrong_code())) for _ in range(5)]
    assert refusals == [refusal(answer(MISSING, code="000000"))] * 5
    assert answer(challenge, code=app.code()).status == 401
    assert events(app).count("second_factor_failed") == 5
    assert answer(challenge_of(app.account), code=app.code()).status == 200


def test_four_wrong_ones_do_not(app: App) -> None:
    challenge = challenge_of(app.account)
    for _ in range(4):
        assert answer(challenge, code=app.wrong_code()).status == 401
    assert answer(challenge, code=app.code()).status == 200


def test_a_challenge_lives_for_five_minutes(app: App) -> None:
    challenge = challenge_of(app.account)
    lifetime = LoginChallenge.objects.get().expires_at - LoginChallenge.objects.get().created_at
    assert lifetime == timedelta(seconds=300)
    past = datetime.now(UTC) - timedelta(seconds=1)
    LoginChallenge.objects.update(expires_at=past, created_at=past - timedelta(seconds=300))
    assert answer(challenge, code=app.code()).status == 401


def test_a_changed_password_ends_it(app: App) -> None:
    challenge = challenge_of(app.account)
    change = {"current_password": app.account.password, "new_password": "another long sentence"}
    assert ApiClient().post("auth/password", json=change, token=app.account.access_token).status == 200
    assert answer(challenge, code=app.code()).status == 401


def test_a_password_that_an_operator_changed_ends_it_too(app: App) -> None:
    challenge = challenge_of(app.account)
    user = User.objects.get(id=app.account.user.id)
    user.set_password("another long sentence")
    user.save()
    assert answer(challenge, code=app.code()).status == 401


def test_a_closed_account_ends_it(app: App) -> None:
    challenge = challenge_of(app.account)
    User.objects.filter(id=app.account.user.id).update(is_active=False)
    assert answer(challenge, code=app.code()).status == 401


def test_another_accounts_code_is_wrong(app: App, make_user: Any, clock: AppClock) -> None:
    other = add_app(make_user(), clock)
    assert answer(challenge_of(app.account), code=other.code()).status == 401
    assert answer(challenge_of(app.account), method="recovery_code", code=other.recovery_codes[0]).status == 401


def test_a_passkey_that_the_account_does_not_have_is_wrong(app: App) -> None:
    assert answer(challenge_of(app.account), method="passkey", credential={}).status in {400, 401}


@pytest.mark.parametrize("locked", [False, True])
def test_a_reset_says_what_it_has_locked_with_the_tokens(app: App, locked: bool) -> None:
    waiting = open_challenge(user=app.account.user, purpose=ChallengePurpose.RESET, locked=locked)
    passed = answer(waiting.extra["challenge_id"], code=app.code())
    assert (passed.status, passed.json["locked"]) == (200, locked)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "challenge_id"),
        ({"challenge_id": "no uuid", "method": "totp", "code": "123456"}, "challenge_id"),
        ({"challenge_id": MISSING, "code": "123456"}, "method"),
        ({"challenge_id": MISSING, "method": "sms", "code": "123456"}, "method"),
        ({"challenge_id": MISSING, "method": "totp"}, "code"),
        ({"challenge_id": MISSING, "method": "totp", "code": 123456}, "code"),
        ({"challenge_id": MISSING, "method": "totp", "code": "1" * 65}, "code"),
        ({"challenge_id": MISSING, "method": "recovery_code", "credential": {}}, "code"),
        ({"challenge_id": MISSING, "method": "passkey", "code": "123456"}, "credential"),
        ({"challenge_id": MISSING, "method": "passkey", "credential": []}, "credential"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_on_its_field(body: Any, field: str) -> None:
    refused = ApiClient().post("auth/login/second-factor", json=body)
    assert (refused.status, refused.code) == (400, "validation_error")
    assert field in refused.json["errors"]
