"""``manage.py verify_email`` and ``remove_second_factors``: what an operator does for somebody who cannot get on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.factors.challenges import find_open_challenge, open_challenge
from accounts.models import ChallengePurpose, Factor, RecoveryCode, SecurityEvent
from adiuva.mail.kinds import MailKind
from tests.accounts.staff.authenticators import NOW, set_up
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.queued_mail import facts_of_mails

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def test_an_address_is_taken_for_verified_and_again_is_no_error(
    make_user: MakeUser, api: ApiClient, capsys: pytest.CaptureFixture[str]
) -> None:
    account = make_user(email="ada@example.com", verified=False)
    call_command("verify_email", "ADA@example.com")
    assert api.get("auth/me", token=account.access_token).json["email_verified"] is True
    account.user.refresh_from_db()
    before = account.user.email_verified_at
    call_command("verify_email", "ada@example.com")
    account.user.refresh_from_db()
    assert account.user.email_verified_at == before
    assert capsys.readouterr().out.splitlines() == [
        "ada@example.com: verified",
        "ada@example.com: was verified before",
    ]


@pytest.fixture
def lost(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr("accounts.factors.totp.read_clock", lambda: float(NOW))
    account = make_user()
    set_up(account.user)
    return account


def answers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _prompt: text)


def test_every_factor_and_recovery_code_goes_when_the_operator_says_so(
    lost: Account, monkeypatch: pytest.MonkeyPatch, api: ApiClient
) -> None:
    challenge: Any = open_challenge(user=lost.user, purpose=ChallengePurpose.LOGIN)
    answers(lost.email, monkeypatch)
    call_command("remove_second_factors", lost.email)
    assert not Factor.objects.for_user(lost.user.id).exists()
    assert not RecoveryCode.objects.filter(user=lost.user).exists()
    assert find_open_challenge(challenge.extra["challenge_id"]) is None
    assert SecurityEvent.objects.for_user(lost.user.id).filter(type="factor_removed", ip__isnull=True).count() == 1
    assert [one["factor"] for one in facts_of_mails(lost.user, MailKind.FACTOR_REMOVED)] == ["totp"]
    login = api.post("auth/login", json={"email": lost.email, "password": lost.password})
    assert login.status == 200


@pytest.mark.parametrize("typed", ["", "y", "somebody@example.com"])
def test_nothing_goes_where_the_operator_does_not(lost: Account, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    answers(typed, monkeypatch)
    with pytest.raises(CommandError, match="nothing was removed") as ended:
        call_command("remove_second_factors", lost.email)
    assert ended.value.returncode == 1
    assert Factor.objects.for_user(lost.user.id).count() == 1


def test_who_has_none_is_no_trouble(make_user: MakeUser, capsys: pytest.CaptureFixture[str]) -> None:
    account = make_user()
    call_command("remove_second_factors", account.email)
    assert capsys.readouterr().out == f"{account.email}: has no second factor\n"
    assert facts_of_mails(account.user, MailKind.FACTOR_REMOVED) == []
