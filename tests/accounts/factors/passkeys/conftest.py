from collections.abc import Callable

import pytest
from django.conf import settings

from tests.accounts.factors.passkeys.owners import Owner
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account
from tests.support.client import ApiClient


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(origin=settings.PUBLIC_ORIGIN)


@pytest.fixture
def owner(api: ApiClient, make_user: Callable[..., Account], device: Authenticator) -> Owner:
    """Of an account with one passkey, on ``device``."""
    owner = Owner(account=make_user(), device=device, api=api)
    owner.add_passkey()
    return owner
