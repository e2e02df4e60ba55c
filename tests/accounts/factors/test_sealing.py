"""Secrets of apps at rest, and what a changed JWT_SECRET does to them."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.factors.sealing import UnreadableError, seal, unseal
from accounts.models import Factor
from accounts.ops import examine_factor_secrets
from adiuva.environment import Environment
from adiuva.observability.probes import DoctorOptions
from tests.accounts.factors.authenticator import App, add_app, answer, challenge_of, log_in
from tests.support.client import ApiClient

NEW_KEY = "0123456789abcdef" * 4
FACTOR, USER = uuid.uuid4(), uuid.uuid4()


def rotate(settings: Any, *, keep: bool) -> None:
    settings.FACTOR_SECRETS_FALLBACK_KEYS = [settings.FACTOR_SECRETS_KEY] if keep else []
    settings.FACTOR_SECRETS_KEY = NEW_KEY


@given(st.text(max_size=64))
def test_what_is_sealed_can_be_unsealed(secret: str) -> None:
    sealed = seal(secret, factor_id=FACTOR, user_id=USER)
    assert unseal(sealed, factor_id=FACTOR, user_id=USER) == secret


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    sealed = {seal("JBSWY3DPEHPK3PXP", factor_id=FACTOR, user_id=USER) for _ in range(5)}
    assert len(sealed) == 5
    assert not any("JBSWY3DP" in text for text in sealed)


@pytest.mark.parametrize(("factor_id", "user_id"), [(uuid.uuid4(), USER), (FACTOR, uuid.uuid4()), (USER, FACTOR)])
def test_a_seal_holds_for_its_factor_and_user_alone(factor_id: uuid.UUID, user_id: uuid.UUID) -> None:
    with pytest.raises(UnreadableError):
        unseal(seal("secret", factor_id=FACTOR, user_id=USER), factor_id=factor_id, user_id=user_id)


@pytest.mark.parametrize("change", [lambda t: t[:-4] + "AAAA", lambda t: t[:20], lambda t: "x" + t, lambda t: t + "!"])
def test_a_changed_text_opens_nothing(change: Any) -> None:
    with pytest.raises(UnreadableError):
        unseal(change(seal("secret", factor_id=FACTOR, user_id=USER)), factor_id=FACTOR, user_id=USER)


def test_the_variable_takes_several_secrets_and_hides_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_FALLBACKS", "first-old-one, second-old-one")
    environment = Environment()
    assert [one.get_secret_value() for one in environment.JWT_SECRET_FALLBACKS] == ["first-old-one", "second-old-one"]
    assert {"first-old-one", "second-old-one"} <= set(environment.secrets())
    assert "old-one" not in repr(environment)


@pytest.mark.django_db
class TestRotation:
    def test_the_database_holds_no_secret(self, app: App) -> None:
        assert app.secret not in Factor.objects.get().sealed_secret

    def test_a_kept_old_secret_locks_nobody_out_and_is_needed_once(self, app: App, settings: Any) -> None:
        rotate(settings, keep=True)
        before = examine_factor_secrets(DoctorOptions())
        assert (before.level, before.text[:2]) == ("ok", "1 ")
        assert answer(challenge_of(app.account), code=app.code()).status == 200
        settings.FACTOR_SECRETS_FALLBACK_KEYS = []
        app.clock.next_step()
        assert answer(challenge_of(app.account), code=app.code()).status == 200
        assert "every" in examine_factor_secrets(DoctorOptions()).text

    def test_a_lost_one_is_told_to_user_and_operator(self, app: App, settings: Any) -> None:
        rotate(settings, keep=False)
        refused = log_in(app.account)
        assert refused.json["methods"] == ["recovery_code"]
        challenge = refused.json["challenge_id"]
        unreadable = answer(challenge, code=app.code())
        assert (unreadable.status, unreadable.code) == (503, "not_configured")
        assert "recovery code" in unreadable.json["detail"]
        finding = examine_factor_secrets(DoctorOptions())
        assert finding.level == "fail"
        assert "JWT_SECRET_FALLBACKS" in finding.text
        assert answer(challenge, method="recovery_code", code=app.recovery_codes[0]).status == 200

    def test_an_app_that_is_set_up_again_will_do(self, app: App, settings: Any) -> None:
        rotate(settings, keep=False)
        again = add_app(app.account, app.clock)
        assert log_in(app.account).json["methods"] == ["totp", "recovery_code"]
        assert answer(challenge_of(app.account), code=again.wrong_code()).status == 401
        assert answer(challenge_of(app.account), code=again.code()).status == 200

    def test_what_waits_for_its_first_code_says_so_too(self, account: Any, clock: Any, settings: Any) -> None:
        api, token = ApiClient(), account.access_token
        started = api.post("auth/factors/totp", json={}, token=token).json
        rotate(settings, keep=False)
        refused = api.post(f"auth/factors/{started['id']}/confirm", json={"code": "123456"}, token=token)
        assert (refused.status, refused.code) == (503, "not_configured")
