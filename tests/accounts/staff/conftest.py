from collections.abc import Callable

import pytest

from accounts.models import User
from tests.accounts.staff.authenticators import NOW
from tests.support.accounts import Account

MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _clock_that_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.factors.totp.read_clock", lambda: float(NOW))


@pytest.fixture
def member(make_user: MakeUser) -> Account:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_staff=True, is_superuser=True)
    account.user.refresh_from_db()
    return account
