"""The door that every method goes through, for the API and for Django's own views."""

from collections.abc import Mapping
from typing import Any

import pytest

from accounts.factors import verification
from accounts.factors.verification import Context, Method, register_method, usable_methods, verify
from accounts.models import Factor, RecoveryCode, SecurityEvent, User
from accounts.security_events.recording import Origin
from adiuva.api.errors import InvalidCredentials
from tests.accounts.factors.authenticator import App
from tests.support.accounts import Account

HERE = Context(origin=Origin(ip="192.0.2.1", user_agent="a browser"), staff_session="abc")


@pytest.mark.django_db
def test_a_view_of_djangos_gets_what_showed_who_it_is(app: App) -> None:
    user = app.account.user
    by_app = verify(user=user, method="totp", code=app.code(), context=HERE)
    assert isinstance(by_app, Factor)
    assert str(by_app.id) == app.factor_id
    by_code = verify(user=user, method="recovery_code", code=app.recovery_codes[0], context=HERE)
    assert isinstance(by_code, RecoveryCode)
    assert by_code.used_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["totp", "recovery_code", "unknown"])
def test_a_failure_is_recorded_with_where_it_came_from(app: App, method: str) -> None:
    with pytest.raises(InvalidCredentials):
        verify(user=app.account.user, method=method, code=app.wrong_code(), context=HERE)
    event = SecurityEvent.objects.get(type="second_factor_failed")
    assert (event.ip, event.user_agent, event.session_id) == ("192.0.2.1", "a browser", None)


@pytest.mark.django_db
def test_a_closed_account_passes_nothing(app: App) -> None:
    User.objects.filter(id=app.account.user.id).update(is_active=False)
    with pytest.raises(InvalidCredentials):
        verify(user=app.account.user, method="totp", code=app.code(), context=HERE)


@pytest.mark.django_db(transaction=True)
def test_what_a_check_wrote_before_it_refused_stays(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A challenge of WebAuthn is spent by a wrong answer, too."""

    def check(*, user: User, code: str | None, credential: Mapping[str, Any] | None, context: Context) -> Factor:
        User.objects.filter(id=user.id).update(locale="it")
        raise InvalidCredentials

    monkeypatch.setattr(verification, "_methods", {})
    register_method(Method(name="knock", field="code", check=check, is_usable=lambda _user_id: True))
    assert usable_methods(user_id=account.user.id) == ["knock"]
    with pytest.raises(InvalidCredentials):
        verify(user=account.user, method="knock", code="", context=HERE)
    assert User.objects.get(id=account.user.id).locale == "it"


def test_contexts_have_keys_that_cannot_be_mixed_up(account: Account) -> None:
    same = account.session_id
    contexts = [
        Context(origin=None, challenge_id=same),
        Context(origin=None, session_id=same),
        Context(origin=None, staff_session=str(same)),
    ]
    assert {one.key.partition(":")[0] for one in contexts} == {"challenge", "session", "staff"}
