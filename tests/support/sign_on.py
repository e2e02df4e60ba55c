"""Going through an organisation's provider, as an app and its browser do."""

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from accounts.handoff.codes import challenge_of
from accounts.organizations.models import Connection, Organization
from accounts.organizations.sso.client_secrets import seal_secret
from accounts.organizations.sso.provider.discovery import discover, fetch_keys
from accounts.organizations.sso.provider.exchange import CALLBACK_PATH
from tests.fakes.oidc_provider import OidcProvider
from tests.support.client import Answer, ApiClient

APP = "http://127.0.0.1:51234/callback"


@pytest.fixture
def provider(settings: Any) -> Iterator[OidcProvider]:
    """To be imported into a conftest: ``from tests.support.sign_on import provider as provider``."""
    with OidcProvider(callback_url=f"{settings.PUBLIC_URL}{CALLBACK_PATH}") as running:
        settings.EGRESS_ALLOW = frozenset({running.place})
        yield running


def connect(
    organization: Organization,
    provider: OidcProvider,
    *,
    just_in_time: bool = False,
    enforced: bool = False,
    session_hours: int = 24,
) -> Connection:
    """As ``PUT /organizations/{id}/sso`` does, whatever is paid and whoever is linked."""
    metadata, now, connection_id = discover(provider.issuer), datetime.now(UTC), uuid.uuid4()
    client = {"issuer": provider.issuer, "client_id": provider.client_id}
    return Connection.objects.create(
        id=connection_id,
        organization=organization,
        **client,
        client_secret=seal_secret(provider.client_secret, connection_id=connection_id, **client),
        just_in_time=just_in_time,
        enforced=enforced,
        session_hours=session_hours,
        metadata=metadata.as_json(),
        metadata_at=now,
        keys=fetch_keys(metadata),
        keys_at=now,
        keys_asked_at=now,
        created_at=now,
        updated_at=now,
    )


def query_of(url: str) -> dict[str, str]:
    """Each parameter, which is there once."""
    parsed = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in parsed.values()), url
    return {name: values[0] for name, values in parsed.items()}


@dataclass
class Browser:
    """The system's browser, with its cookies, and the app that opened it."""

    organization: Organization
    provider: OidcProvider
    api: ApiClient = field(default_factory=ApiClient)
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = "st&te ü"

    def open(self, **changes: str | None) -> Answer:
        """``GET /auth/sso/start``. ``changes``: None takes a parameter away."""
        asked = {
            "organization": str(self.organization.id),
            "code_challenge": challenge_of(self.code_verifier),
            "code_challenge_method": "S256",
            "redirect_uri": APP,
            "state": self.state,
            **changes,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self.api.get(f"auth/sso/start?{query}")

    def log_in(self) -> str:
        """Through the app's request and the provider's pages: where the provider sends the browser back to."""
        answer = self.open()
        assert answer.status == 302, answer
        return self.provider.authorize(answer.headers["Location"])

    def come_back(self, url: str) -> Answer:
        """``GET /auth/sso/callback``."""
        parts = urlsplit(url)
        return self.api.get(f"{parts.path}?{parts.query}")

    def sign_on(self) -> dict[str, str]:
        """What the app is told: ``code``, or ``error``, beside its ``state``."""
        answer = self.come_back(self.log_in())
        assert answer.status == 302, answer
        return query_of(answer.headers["Location"])

    def redeem(self, path: str = "auth/sso/token", **kwargs: Any) -> Answer:
        """A whole sign-on, and its code redeemed."""
        told = self.sign_on()
        assert "code" in told, told
        return self.api.post(path, json={"code": told["code"], "code_verifier": self.code_verifier}, **kwargs)
