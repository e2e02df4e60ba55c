"""From what a provider has proven to a session (docs/api.md § 16, ``POST /auth/sso/token``).

An identity is what connection, issuer and subject say. The address counts once, for somebody who has none yet.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from accounts.handoff import codes
from accounts.models import User
from accounts.organizations.models import Connection, Identity, Membership, Organization, SsoSession
from accounts.organizations.problems import NotProvisioned
from accounts.organizations.seats import lock_organization
from accounts.organizations.sso.claims import ProviderClaims
from accounts.organizations.sso.provisioning import take_in
from accounts.security_events.recording import Origin
from accounts.sessions import AuthTokens, Shown, start_session
from adiuva.api.errors import InvalidGrant, UpstreamUnavailable
from adiuva.api.single_use import SingleUse

# A provider that ends a session while its code is on the way to the app ends what the code would begin.
_ENDED = SingleUse("sso-session-ended", codes.LIFETIME_SECONDS + 5, "Single sign-on cannot be used right now.")


class Place(NamedTuple):
    connection: Connection
    organization: Organization


def register() -> None:
    codes.register_method("sso", _redeem)


def lock_place(claims: ProviderClaims) -> Place:
    """The organisation's row is locked, before everything else; the connection is as it is under that lock.

    Raises ``InvalidGrant`` where the connection is gone, or is to another provider since.
    """
    found = Connection.objects.filter(id=claims.connection_id).first()
    organization = lock_organization(found.organization_id) if found is not None else None
    connection = Connection.objects.filter(id=claims.connection_id, issuer=claims.issuer).first()
    if organization is None or connection is None:
        raise InvalidGrant
    return Place(connection, organization)


def end_provider_session(connection_id: UUID, provider_session_id: str) -> None:
    """Codes that a login in it gave are worth nothing. To be called before the organisation's row is locked, to end the
    sessions that have begun: of a code that is redeemed meanwhile, one of both is met. Without a cache there is no
    code.
    """
    with suppress(UpstreamUnavailable):
        _ENDED.keep(_key_of(connection_id, provider_session_id), "ended")


def _key_of(connection_id: UUID, provider_session_id: str) -> str:
    return f"{connection_id} {provider_session_id}"


def find_identity(claims: ProviderClaims) -> Identity | None:
    return Identity.objects.filter(
        connection_id=claims.connection_id, issuer=claims.issuer, subject=claims.subject
    ).first()


def _redeem(subject: codes.Subject, origin: Origin) -> AuthTokens:
    """Raises ``InvalidGrant``, ``EmailNotVerified``, ``NotProvisioned``, ``LinkRequired``, ``UpstreamUnavailable``."""
    claims = ProviderClaims.from_subject(subject)
    with transaction.atomic():
        place = lock_place(claims)
        if claims.provider_session_id and _ENDED.look_at(_key_of(claims.connection_id, claims.provider_session_id)):
            raise InvalidGrant
        identity = find_identity(claims)
        is_known = identity is not None
        if identity is None:
            user = take_in(connection=place.connection, organization=place.organization, claims=claims)
            identity = Identity(
                connection=place.connection, issuer=claims.issuer, subject=claims.subject, user=user,
                linked_at=datetime.now(UTC),
            )  # fmt: skip
        user = _lock_member(identity, place.organization)
        if user.last_login is None:
            # Somebody's from now on, also when the connection is gone and with it the identity (``provisioning``).
            User.objects.filter(id=user.id).update(last_login=datetime.now(UTC))
        identity.last_used_at = datetime.now(UTC)
        identity.save(update_fields=["last_used_at"] if is_known else None)
        tokens = start_session(user=user, origin=origin, shown=Shown.TO_PROVIDER)
        SsoSession.objects.create(
            session_id=tokens.session_id,
            identity=identity,
            provider_session_id=claims.provider_session_id,
            authenticated_at=datetime.now(UTC),
        )
        return tokens


def _lock_member(identity: Identity, organization: Organization) -> User:
    """Raises ``InvalidGrant`` for a closed account, ``NotProvisioned`` for who is no active member."""
    user = User.objects.select_for_update(no_key=True).filter(id=identity.user_id, is_active=True).first()
    if user is None:
        raise InvalidGrant
    if not Membership.objects.of_organization(organization.id).active().filter(user=user).exists():
        raise NotProvisioned
    return user
