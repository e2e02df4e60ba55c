"""The browser that every test here begins with: of an organisation that has its sign-on at the provider."""

import pytest

from tests.fakes.oidc_provider import OidcProvider
from tests.support.organizations import make_organization
from tests.support.sign_on import Browser, connect


@pytest.fixture
def browser(provider: OidcProvider) -> Browser:
    organization, _ = make_organization()
    connect(organization, provider)
    return Browser(organization, provider)
