"""Logout at a provider: it tells us which of its sessions are over (OpenID Connect Back-Channel Logout 1.0).

Nobody is logged in here; what counts is the provider's signature. Whose the token is, is read from it before that is
checked, to find the keys to check it with, and from nothing else.
"""

import base64
import json
import logging
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.organizations.audit.recording import record
from accounts.organizations.models import AuditType, AuditVia, Connection, SsoSession
from accounts.organizations.seats import lock_organization
from accounts.organizations.sso.id_tokens import LEEWAY_SECONDS, UntrustedTokenError, is_identifier, verify_signature
from accounts.organizations.sso.provider.asking import ProviderUnreachable
from accounts.organizations.sso.redeeming import end_provider_session
from accounts.sessions import revoke_sessions
from adiuva.api.errors import ValidationFailed
from adiuva.db.cache import cache_errors

logger = logging.getLogger(__name__)

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
MOST_TOKEN_CHARACTERS: Final = 16 * 1024
RECENT_SECONDS: Final = 120  # since it was signed
_REQUIRED: Final = ("iss", "aud", "iat", "exp", "jti", "events")  # § 2.4
WRONG: Final = "This is no logout token of a provider that is known here."


class Named(NamedTuple):
    """Whose sessions are over: all of ``subject``, or those of one session of the provider's. One of both is there."""

    subject: str | None
    provider_session_id: str | None


def end_sessions_of(logout_token: str) -> None:
    """Of every connection to the provider that the token is for: their sessions end, and their sockets close. One that
    names nobody of ours ends nothing, and nobody is told.

    Raises ``ValidationFailed`` (logout_token) for one that proves nothing, or that came before.
    """
    verified = [
        (connection, claims) for connection in _addressed(logout_token) if (claims := _verify(connection, logout_token))
    ]
    if not verified:
        raise ValidationFailed({"logout_token": [WRONG]})
    _, claims = verified[0]
    named, key = read_claims(claims, now=time.time()), _key_of(claims)
    if named is None or _was_seen(key):
        raise ValidationFailed({"logout_token": [WRONG]})
    for connection, _ in verified:
        _end(connection, named)
    # Not before: of one that dies in between the provider's second try counts. Twice ends no more than once.
    _remember(key)


def read_claims(claims: Mapping[str, Any], *, now: float) -> Named | None:
    """§ 2.6 but for the signature, of claims of which each of § 2.4's is there: None for what is no logout token.

    ``nonce`` must not be there, so that no ID token passes for one.
    """
    events, jti = claims["events"], claims["jti"]
    subject, session = claims.get("sub"), claims.get("sid")
    issued_at = claims["iat"]
    is_one = (
        isinstance(events, dict)
        and isinstance(events.get(EVENT), dict)
        and "nonce" not in claims
        and is_identifier(jti)
        and now - RECENT_SECONDS - LEEWAY_SECONDS <= issued_at <= now + LEEWAY_SECONDS
        and (subject is not None or session is not None)
        and all(value is None or is_identifier(value) for value in (subject, session))
    )
    return Named(subject, session) if is_one else None


def _addressed(logout_token: str) -> list[Connection]:
    """Those of its issuer and client: what it says of itself, without proof."""
    try:
        middle = logout_token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        issuer, audience = said["iss"], said["aud"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    clients = audience if isinstance(audience, list) else [audience]
    # What JSON can escape and no database takes (NUL, halves of surrogate pairs) is not printable; ours are.
    texts = [text for text in (issuer, *clients) if isinstance(text, str) and text.isprintable()]
    if len(texts) != len(clients) + 1:
        return []
    return list(Connection.objects.filter(issuer=issuer, client_id__in=clients))


def _verify(connection: Connection, logout_token: str) -> dict[str, Any] | None:
    try:
        return verify_signature(connection, logout_token, required=_REQUIRED)
    except UntrustedTokenError as refusal:
        why = refusal.reason
    except ProviderUnreachable:
        why = "keys"
    logger.info("a logout token was refused", extra={"connection": str(connection.id), "why": why})
    return None


def _end(connection: Connection, named: Named) -> None:
    if named.provider_session_id is not None:
        end_provider_session(connection.id, named.provider_session_id)
    with transaction.atomic():
        if lock_organization(connection.organization_id) is None:
            return
        ended: dict[UUID, int] = {}
        # A change of password puts another session in the place of one at the same moment; then there is a next one.
        while begun := _begun(connection, named):
            for user_id, session_ids in begun.items():
                count = revoke_sessions(user_id=user_id, session_ids=session_ids)
                ended[user_id] = ended.get(user_id, 0) + count
        for user in User.objects.filter(id__in=[user_id for user_id, count in ended.items() if count]):
            record(
                AuditType.SSO_SESSIONS_ENDED,
                organization_id=connection.organization_id,
                actor=None,
                via=AuditVia.SSO,
                target_user=user,
            )


def _begun(connection: Connection, named: Named) -> dict[UUID, list[UUID]]:
    """Live sessions by their users."""
    found = SsoSession.objects.filter(
        identity__connection=connection, identity__issuer=connection.issuer, session__revoked_at__isnull=True
    )
    if named.subject is not None:
        found = found.filter(identity__subject=named.subject)
    if named.provider_session_id is not None:
        # Which one of the subject's those are is not known where the ID token did not say.
        is_unsaid = Q(provider_session_id="") if named.subject is not None else Q()
        found = found.filter(is_unsaid | Q(provider_session_id=named.provider_session_id))
    sessions: dict[UUID, list[UUID]] = {}
    for user_id, session_id in found.values_list("session__user_id", "session_id"):
        sessions.setdefault(user_id, []).append(session_id)
    return sessions


def _key_of(claims: Mapping[str, Any]) -> str:
    """Of a ``jti``, which is its issuer's."""
    return f"logout-token:{sha256(json.dumps([claims['iss'], claims['jti']]).encode()).hexdigest()}"


def _was_seen(key: str) -> bool:
    """Without a cache nobody knows: what ends sessions goes before what would keep a token from doing so twice."""
    try:
        return cache.get(key) is not None
    except cache_errors():
        logger.warning("logout tokens are not remembered: there is no cache")
        return False


def _remember(key: str) -> None:
    try:
        cache.set(key, 1, timeout=RECENT_SECONDS + 2 * LEEWAY_SECONDS + 1)
    except cache_errors():
        logger.warning("logout tokens are not remembered: there is no cache")
