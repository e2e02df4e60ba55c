"""A sign-on from the app's request to the one-time code: OpenID Connect's authorization code flow with PKCE."""

import logging
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.handoff import codes
from accounts.organizations.models import Connection
from accounts.organizations.sso.claims import ProviderClaims
from accounts.organizations.sso.client_secrets import UnreadableError
from accounts.organizations.sso.flows import Flow, begin_flow
from accounts.organizations.sso.id_tokens import UntrustedTokenError, is_identifier, verify_id_token
from accounts.organizations.sso.provider.asking import ProviderUnreachable, UnfitProviderError
from accounts.organizations.sso.provider.discovery import Metadata
from accounts.organizations.sso.provider.exchange import (
    NoTokensError,
    Tokens,
    ask_userinfo,
    callback_url,
    exchange_code,
)
from accounts.organizations.sso.provider.freshness import current_metadata
from adiuva.api.errors import NotFound, UpstreamUnavailable

logger = logging.getLogger(__name__)

SCOPE = "openid email profile"
_MOST_EMAIL_CHARACTERS = 254

# Why a provider refuses (RFC 6749 § 4.1.2.1, OpenID Connect Core § 3.1.2.6). The browser brings it, so the log takes no
# other word.
_PROVIDERS_ERRORS: Final = {
    *("invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope"),
    *("server_error", "temporarily_unavailable", "interaction_required", "login_required", "consent_required"),
    "account_selection_required",
}
# RFC 6749 § 4.1.2.1: what an app is told.
ErrorWord = Literal["access_denied", "server_error", "temporarily_unavailable"]
_TROUBLE: dict[type[Exception], tuple[ErrorWord, str]] = {
    ProviderUnreachable: ("temporarily_unavailable", "unreachable"),
    UnfitProviderError: ("server_error", "unfit"),
    UnreadableError: ("server_error", "client_secret"),
}


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What the browser brings back: ``code`` where it is there once, ``issuers`` each ``iss``, ``owner`` the id of the
    organisation whose own callback it was brought to.
    """

    code: str | None
    error: str | None
    issuers: tuple[str, ...]
    owner: str | None = None


class _FailedError(Exception):
    """``step``: a fixed word for the log."""

    def __init__(self, error: ErrorWord, step: str) -> None:
        super().__init__(error)
        self.error: ErrorWord = error
        self.step = step


def start_sign_on(*, organization_id: UUID, request: codes.Request) -> tuple[Flow, str]:
    """The flow, and where to send the browser.

    Raises ``NotFound`` for an organisation without sign-on, ``UpstreamUnavailable`` where the cache is away.
    """
    connection = Connection.objects.filter(organization_id=organization_id).first()
    if connection is None:
        raise NotFound
    metadata = current_metadata(connection)
    flow = begin_flow(connection, request)
    asked = {
        "response_type": "code",
        "client_id": connection.client_id,
        "redirect_uri": callback_url(connection),
        "scope": SCOPE,
        "state": flow.id,
        "nonce": flow.nonce,
        "code_challenge": codes.challenge_of(flow.code_verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    return flow, f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"


def finish_sign_on(flow: Flow, answer: ProviderAnswer, *, is_same_browser: bool) -> str:
    """Where to send the browser: to the app, with a code or with an error."""
    try:
        claims = _prove(flow, answer, is_same_browser=is_same_browser)
        return codes.issue_code(method="sso", subject=claims.as_subject(), request=flow.request)
    except _FailedError as failure:
        error, step = failure.error, failure.step
    except UpstreamUnavailable:
        error, step = "temporarily_unavailable", "cache"
    logger.warning(
        "a single sign-on failed", extra={"connection": str(flow.connection_id), "error": error, "step": step}
    )
    return codes.answer_with_error(error, request=flow.request)


def _prove(flow: Flow, answer: ProviderAnswer, *, is_same_browser: bool) -> ProviderClaims:
    if not is_same_browser:
        raise _FailedError("access_denied", "browser")
    connection = Connection.objects.filter(id=flow.connection_id).first()
    if connection is None or not flow.is_of(connection):
        raise _FailedError("server_error", "connection")
    metadata = Metadata.of(connection.metadata)
    # RFC 9207: another provider than the one that was asked must not have its answer taken for it. Of errors too.
    if answer.issuers != (connection.issuer,) and (answer.issuers or metadata.names_issuer):
        raise _FailedError("server_error", "iss")
    # Of one that does not say whose it is, the address does: its code must not be told to another provider. None sends
    # a browser to an address that is not registered there, so the plain one is nobody's but who has that.
    if answer.owner not in (None, str(connection.organization_id)):
        raise _FailedError("server_error", "callback")
    if answer.error is not None:
        word = answer.error if answer.error in _PROVIDERS_ERRORS else ""
        raise _FailedError("access_denied", f"provider {word}".rstrip())
    if not answer.code:
        raise _FailedError("server_error", "code")
    try:
        tokens = exchange_code(connection, metadata, code=answer.code, code_verifier=flow.code_verifier)
        claims = verify_id_token(connection, tokens.id_token, nonce=flow.nonce, access_token=tokens.access_token)
        email, is_verified = _email_of(claims, metadata, tokens)
    except UntrustedTokenError as failure:
        raise _FailedError("server_error", f"id_token {failure.reason}") from None
    except NoTokensError as failure:
        raise _FailedError("server_error", f"exchange {failure.error}".rstrip()) from None
    except tuple(_TROUBLE) as failure:
        raise _FailedError(*_TROUBLE[type(failure)]) from None
    session: Any = claims.get("sid")
    return ProviderClaims(
        connection_id=connection.id,
        issuer=connection.issuer,
        subject=claims["sub"],
        email=email,
        email_verified=is_verified,
        provider_session_id=session if is_identifier(session) else "",
    )


def _email_of(claims: dict[str, Any], metadata: Metadata, tokens: Tokens) -> tuple[str | None, bool]:
    """Both from one place: an address of one and "verified" of another would prove nothing."""
    source: dict[str, Any] = claims
    if claims.get("email") is None and tokens.access_token is not None:
        source = ask_userinfo(metadata, access_token=tokens.access_token) or {}
        # § 5.3.2: of somebody else it must not be used.
        if source and source.get("sub") != claims["sub"]:
            raise _FailedError("server_error", "userinfo sub")
    email = source.get("email")
    if not isinstance(email, str) or len(email) > _MOST_EMAIL_CHARACTERS or not _is_address(email):
        return None, False
    # Entra ID sends no `email_verified`; its optional claim says that the tenant has proven the address's domain.
    verified = source["email_verified"] if "email_verified" in source else source.get("xms_edov")
    return email, verified is True or verified in ("true", "1")


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
