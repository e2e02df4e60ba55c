"""On real threads, each with its own connection: what counts once counts once."""

from collections import Counter
from functools import partial

import pytest

from accounts.models import Factor, LoginChallenge, RecoveryCode, SecurityEvent, Session
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.authenticator import App, AppClock, add_app, answer, challenge_of
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 20


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(one.status for one in answers)


def sessions(account: Account) -> int:
    """Besides the one it was made with."""
    return Session.objects.for_user(account.user.id).count() - 1


def failures(account: Account) -> int:
    return SecurityEvent.objects.for_user(account.user.id).filter(type="second_factor_failed").count()


@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_of_one_code_at_twenty_challenges_one_counts(app: App, method: str) -> None:
    code = app.code() if method == "totp" else app.recovery_codes[0]
    challenges = [challenge_of(app.account) for _ in range(AT_ONCE)]
    answers = run_concurrently(*(partial(answer, one, method=method, code=code) for one in challenges))
    counted = statuses(answers)
    assert counted[200] == 1
    # Of ten failures the eleventh try of an app's code is refused unseen.
    assert counted == ({200: 1, 401: 10, 429: 9} if method == "totp" else {200: 1, 401: 19})
    assert sessions(app.account) == 1
    assert RecoveryCode.objects.filter(used_at__isnull=False).count() == (1 if method == "recovery_code" else 0)


def test_of_one_code_at_one_challenge_one_counts(app: App) -> None:
    challenge = challenge_of(app.account)
    answers = run_concurrently(*(partial(answer, challenge, code=app.code()) for _ in range(AT_ONCE)))
    assert statuses(answers) == {200: 1, 401: 19}
    assert sessions(app.account) == 1
    assert failures(app.account) == 0, "the challenge was over, so nobody looked"


def test_of_twenty_wrong_ones_five_count(app: App) -> None:
    challenge = challenge_of(app.account)
    answers = run_concurrently(*(partial(answer, challenge, code=app.wrong_code()) for _ in range(AT_ONCE)))
    assert statuses(answers) == {401: 20}
    kept = LoginChallenge.objects.get(id=challenge)
    assert (kept.failures, kept.ended_at is None) == (5, False)
    assert failures(app.account) == 5
    assert answer(challenge, code=app.code()).status == 401


def test_of_twenty_recovery_codes_at_one_challenge_one_is_spent(app: App) -> None:
    challenge = challenge_of(app.account)
    answers = run_concurrently(
        *(partial(answer, challenge, method="recovery_code", code=app.recovery_codes[n % 10]) for n in range(AT_ONCE))
    )
    assert statuses(answers) == {200: 1, 401: 19}
    assert RecoveryCode.objects.filter(used_at__isnull=False).count() == 1


def test_twenty_confirmations_make_one_set_of_codes(account: Account, clock: AppClock) -> None:
    api, token = ApiClient(), account.access_token
    started = api.post("auth/factors/totp", json={}, token=token).json
    app = App(account, clock, started["id"], started["secret"], [])
    confirm = partial(api.post, f"auth/factors/{app.factor_id}/confirm", json={"code": app.code()}, token=token)
    answers = run_concurrently(*(confirm for _ in range(AT_ONCE)))
    assert statuses(answers) == {200: 1, 409: 19}
    assert RecoveryCode.objects.count() == 10
    app.clock.next_step(2)
    codes = next(one.json["recovery_codes"] for one in answers if one.status == 200)
    assert answer(challenge_of(account), method="recovery_code", code=codes[0]).status == 200


def test_of_apps_set_up_at_once_one_waits(account: Account, clock: AppClock) -> None:
    start = partial(ApiClient().post, "auth/factors/totp", json={}, token=account.access_token)
    assert statuses(run_concurrently(*(start for _ in range(8)))) == {201: 8}
    assert Factor.objects.count() == 1


def test_a_password_change_and_an_answer_leave_one_session(account: Account, clock: AppClock) -> None:
    app = add_app(account, clock)
    challenge = challenge_of(account)
    change = {"current_password": account.password, "new_password": "another long sentence"}
    changed, answered = run_concurrently(
        partial(ApiClient().post, "auth/password", json=change, token=account.access_token),
        partial(answer, challenge, code=app.code()),
    )
    assert changed.status == 200
    assert answered.status in {200, 401}
    assert Session.objects.for_user(account.user.id).filter(revoked_at__isnull=True).count() == 1
