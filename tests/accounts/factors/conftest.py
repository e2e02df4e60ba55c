from collections.abc import Callable

import pytest

from tests.accounts.factors.authenticator import App, AppClock, add_app
from tests.support.accounts import Account


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> AppClock:
    clock = AppClock()
    monkeypatch.setattr("accounts.factors.totp.read_clock", lambda: clock.now)
    return clock


@pytest.fixture
def account(make_user: Callable[..., Account]) -> Account:
    return make_user(tier="team")


@pytest.fixture
def app(account: Account, clock: AppClock) -> App:
    """An authenticator app of ``account``, confirmed."""
    return add_app(account, clock)
