from collections.abc import Callable

import pytest

from accounts.sessions import start_session
from tests.agents.batches.registry import Device
from tests.support.accounts import TESTS, Account


@pytest.fixture
def make_device(make_user: Callable[..., Account]) -> Callable[..., Device]:
    """``make_device(tier="pro")``: of an account of its own. ``make_device(of=device)``: another one of the same."""

    def make(*, tier: str = "free", of: Device | None = None) -> Device:
        if of is None:
            return Device(make_user(tier=tier))
        return Device(of.account, token=start_session(user=of.account.user, origin=TESTS).access_token)

    return make
