"""The provider that every test here goes through, and an organisation that sets its sign-on up."""

from typing import Any

import pytest

from tests.fakes.oidc_provider import OidcProvider
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import make_organization
from tests.support.sign_on import provider

__all__ = ["provider"]


class Acme:
    """An organisation that sets its sign-on up."""

    def __init__(self, provider: OidcProvider) -> None:
        self.provider = provider
        self.organization, self.owner = make_organization()
        self.path = f"organizations/{self.organization.id}/sso"

    def put(self, account: Account | None = None, **changes: Any) -> Answer:
        """``changes``: None takes a name away."""
        body = {
            "issuer": self.provider.issuer,
            "client_id": self.provider.client_id,
            "client_secret": self.provider.client_secret,
            **changes,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return ApiClient().put(self.path, json=given, token=(account or self.owner).access_token)

    def get(self) -> Answer:
        return ApiClient().get(self.path, token=self.owner.access_token)

    def delete(self, account: Account | None = None) -> Answer:
        return ApiClient().delete(self.path, token=(account or self.owner).access_token)


@pytest.fixture
def acme(provider: OidcProvider) -> Acme:
    return Acme(provider)
