"""Setting up an organisation's sign-on, and taking it away."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.db import transaction

from accounts.models import Session, User
from accounts.organizations.access import MANAGERS
from accounts.organizations.audit.recording import record
from accounts.organizations.models import AuditType, AuditVia, Connection, Identity, Membership, Role
from accounts.organizations.seats import lock_organization
from accounts.organizations.sso.client_secrets import UnreadableError, open_secret, seal_secret
from accounts.organizations.sso.provider.asking import ProviderUnreachable, UnfitProviderError
from accounts.organizations.sso.provider.discovery import discover, fetch_keys
from accounts.sessions import revoke_sessions_of_many
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, ValidationFailed

MOST_TARGET_CHARACTERS = 300  # the audit's column


@dataclass(frozen=True, slots=True)
class NewConnection:
    """As it shall be. ``client_secret``: None leaves it as it is."""

    issuer: str
    client_id: str
    client_secret: str | None
    just_in_time: bool
    enforced: bool
    session_hours: int


def find_connection(organization_id: UUID) -> Connection:
    """Raises ``NotFound``."""
    connection = Connection.objects.filter(organization_id=organization_id).first()
    if connection is None:
        raise NotFound
    return connection


def put_connection(*, organization_id: UUID, actor: User, wanted: NewConnection) -> Connection:
    """Asks the provider what it says of itself, and only then locks and writes.

    Raises ``ValidationFailed`` on ``issuer`` for a provider that cannot be used, on ``client_secret`` where it is
    missing; ``Conflict`` where it would be enforced and no owner could get in; ``NotFound`` or ``PermissionDenied`` for
    who is no longer who may do this.
    """
    _require_secret(Connection.objects.filter(organization_id=organization_id).first(), wanted)
    try:
        metadata = discover(wanted.issuer)
        keys = fetch_keys(metadata)
    except ProviderUnreachable:
        _refuse_issuer("The provider cannot be reached there, or does not answer in time.")
    except UnfitProviderError as unfit:
        _refuse_issuer(unfit.reason)
    with transaction.atomic():
        _lock_for(organization_id, actor)
        connection = Connection.objects.filter(organization_id=organization_id).first()
        secret = _require_secret(connection, wanted)  # anew: another PUT may have been faster
        if wanted.enforced and not _can_an_owner_sign_in(connection, wanted.issuer):
            raise Conflict("Link the account of an owner first: nobody who owns the organisation could get in.")
        now = datetime.now(UTC)
        if connection is None:
            connection = Connection(id=uuid.uuid4(), organization_id=organization_id, created_at=now)
        elif connection.issuer == wanted.issuer and not connection.metadata.get("names_issuer"):
            # The callback that is registered there stays good, should the provider have learned to name itself.
            metadata = replace(metadata, names_issuer=False)
        connection.issuer, connection.client_id = wanted.issuer, wanted.client_id
        connection.client_secret = seal_secret(
            secret, connection_id=connection.id, issuer=wanted.issuer, client_id=wanted.client_id
        )
        connection.just_in_time, connection.enforced = wanted.just_in_time, wanted.enforced
        connection.session_hours = wanted.session_hours
        connection.metadata, connection.metadata_at = metadata.as_json(), now
        connection.keys, connection.keys_at, connection.keys_asked_at = keys, now, now
        connection.updated_at = now
        connection.save()
        record(
            AuditType.SSO_CHANGED,
            organization_id=organization_id,
            actor=actor,
            target=wanted.issuer[:MOST_TARGET_CHARACTERS],
        )
    return connection


@transaction.atomic
def delete_connection(*, organization_id: UUID, actor: User) -> None:
    """Its identities go with it, and the sessions that began there end. Raises ``NotFound``, as ``put_connection``."""
    _lock_for(organization_id, actor)
    connection = find_connection(organization_id)
    revoke_sessions_of_many(Session.objects.filter(sso__identity__connection=connection))
    target = connection.issuer[:MOST_TARGET_CHARACTERS]
    connection.delete()
    record(AuditType.SSO_REMOVED, organization_id=organization_id, actor=actor, target=target)


@transaction.atomic
def end_enforcement(*, organization_id: UUID) -> None:
    """By the operator, where a provider is gone and no owner has a break-glass code left. Everything else stays."""
    lock_organization(organization_id)
    connection = Connection.objects.filter(organization_id=organization_id, enforced=True).first()
    if connection is None:
        return
    connection.enforced, connection.updated_at = False, datetime.now(UTC)
    connection.save(update_fields=["enforced", "updated_at"])
    record(
        AuditType.SSO_CHANGED,
        organization_id=organization_id,
        actor=None,
        via=AuditVia.OPERATOR,
        target=connection.issuer[:MOST_TARGET_CHARACTERS],
    )


def _lock_for(organization_id: UUID, actor: User) -> None:
    """The organisation's row, for whoever may change its sign-on still."""
    membership = None
    if lock_organization(organization_id) is not None:
        membership = Membership.objects.of_organization(organization_id).active().filter(user=actor).first()
    if membership is None:
        raise NotFound
    if membership.role not in MANAGERS:
        raise PermissionDenied("Your role in the organisation does not allow this.")


def _require_secret(connection: Connection | None, wanted: NewConnection) -> str:
    """The one that is given, or the one that is there for the same client of the same provider: to another one it would
    be handed over.
    """
    if wanted.client_secret is not None:
        return wanted.client_secret
    if connection is None or (connection.issuer, connection.client_id) != (wanted.issuer, wanted.client_id):
        raise ValidationFailed({"client_secret": ["It is needed for a new issuer or client."]})
    try:
        return open_secret(connection)
    except UnreadableError:
        raise ValidationFailed({"client_secret": ["The one that was kept cannot be read any more."]}) from None


def _can_an_owner_sign_in(connection: Connection | None, issuer: str) -> bool:
    if connection is None:
        return False
    return Identity.objects.filter(
        connection=connection,
        issuer=issuer,
        user__is_active=True,
        user__membership__organization_id=connection.organization_id,
        user__membership__active=True,
        user__membership__role=Role.OWNER,
    ).exists()


def _refuse_issuer(reason: str) -> NoReturn:
    errors: dict[str, Any] = {"issuer": [reason]}
    raise ValidationFailed(errors)
