"""What a provider gives for a code (RFC 6749 § 4.1.3), and says of whom an access token is (OpenID Connect § 5.3)."""

import base64
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.conf import settings

from accounts.organizations.models import Connection
from accounts.organizations.sso.client_secrets import open_secret
from accounts.organizations.sso.provider.asking import ProviderUnreachable, ask_provider, read_object
from accounts.organizations.sso.provider.discovery import Metadata
from adiuva.egress.http import Answer

CALLBACK_PATH = "/api/v1/auth/sso/callback"
_MOST_TOKEN_CHARACTERS = 16 * 1024
# RFC 6749 § 5.2. Only these words are believed: what else a provider says may name people.
_ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
}


class NoTokensError(Exception):
    """The provider gives nothing for this code, or no tokens that could be used. ``error``: its word for that, empty
    where it has none.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Tokens:
    """Nothing is proven by them yet. ``access_token``: None where there is none that userinfo would take."""

    id_token: str
    access_token: str | None


def callback_url(connection: Connection) -> str:
    """Where the provider sends browsers back to: registered there, to the letter. Of one whose answers do not name it
    (RFC 9207) it is the organisation's own, by which an answer of its is told from another provider's
    (RFC 9700 § 4.4.2.2).
    """
    url = f"{settings.PUBLIC_URL}{CALLBACK_PATH}"
    # As the provider was when the connection was set up: its address there does not change by itself.
    return url if connection.metadata.get("names_issuer") else f"{url}/{connection.organization_id}"


def exchange_code(connection: Connection, metadata: Metadata, *, code: str, code_verifier: str) -> Tokens:
    """Raises ``NoTokensError``, ``ProviderUnreachable``, ``UnfitProviderError``, and ``UnreadableError`` where the
    client's secret cannot be opened.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback_url(connection),
        "code_verifier": code_verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    secret = open_secret(connection)
    if metadata.client_authentication == "client_secret_post":
        form |= {"client_id": connection.client_id, "client_secret": secret}
    else:  # RFC 6749 § 2.3.1: both are form-encoded first
        pair = f"{quote_plus(connection.client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    answer = ask_provider(metadata.token_endpoint, method="POST", headers=headers, content=urlencode(form).encode())
    document = _document_of(answer)
    if document is None:
        error = (read_object(answer) or {}).get("error")
        raise NoTokensError(error if isinstance(error, str) and error in _ERRORS else "")
    id_token, access_token = document.get("id_token"), document.get("access_token")
    if not isinstance(id_token, str):
        raise NoTokensError("")
    is_bearer = str(document.get("token_type")).lower() == "bearer"
    return Tokens(id_token, access_token if is_bearer and _can_be_sent(access_token) else None)


def ask_userinfo(metadata: Metadata, *, access_token: str) -> dict[str, Any] | None:
    """None where the provider says nothing. Raises ``ProviderUnreachable``, ``UnfitProviderError``."""
    if metadata.userinfo_endpoint is None:
        return None
    return _document_of(ask_provider(metadata.userinfo_endpoint, headers={"Authorization": f"Bearer {access_token}"}))


def _document_of(answer: Answer) -> dict[str, Any] | None:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ProviderUnreachable
    return read_object(answer) if answer.status == HTTPStatus.OK else None


def _can_be_sent(access_token: Any) -> bool:
    """In a header: nothing that would end it."""
    return (
        isinstance(access_token, str)
        and 0 < len(access_token) <= _MOST_TOKEN_CHARACTERS
        and access_token.isascii()
        and access_token.isprintable()
        and " " not in access_token
    )
