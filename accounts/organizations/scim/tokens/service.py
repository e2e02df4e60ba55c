"""Tokens that an organisation's directory identifies itself with (docs/api.md § 16)."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User, hash_of
from accounts.organizations import seats
from accounts.organizations.access import MANAGERS, lock_with_role
from accounts.organizations.audit.recording import record
from accounts.organizations.models import AuditType, ScimToken
from adiuva.api.errors import Conflict, NotFound

TOKEN_PREFIX: Final = "scim_"  # noqa: S105 - what scanners for leaked secrets know it by
USE_NOTED_EVERY: Final = timedelta(minutes=1)
MOST_TOKENS: Final = 10  # a directory has one, and another while it changes from the one to the other


def list_tokens(organization_id: UUID) -> QuerySet[ScimToken]:
    """Oldest first."""
    return ScimToken.objects.filter(organization_id=organization_id).order_by("created_at", "id")


def find_token(raw_token: str) -> ScimToken | None:
    return ScimToken.objects.filter(token_hash=hash_of(raw_token)).first()


def note_use(token: ScimToken) -> None:
    """At most once a minute: a row that every request of a burst writes would make them wait for each other."""
    now = datetime.now(UTC)
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ScimToken.objects.filter(stale, id=token.id).update(last_used_at=now)


@transaction.atomic
def create_token(*, organization_id: UUID, actor: User) -> tuple[ScimToken, str]:
    """The row, and the token itself, which nobody can tell again.

    Raises ``FeatureNotAvailable`` while nothing is paid, ``Conflict`` where there are ``MOST_TOKENS``; ``NotFound`` or
    ``PermissionDenied`` for who has just lost the role: a token would outlive it.
    """
    lock_with_role(user=actor, organization_id=organization_id, roles=MANAGERS)
    seats.payment().require_team(organization_id)
    if list_tokens(organization_id).count() >= MOST_TOKENS:
        raise Conflict(f"An organisation has {MOST_TOKENS} SCIM tokens at most: remove one that is not in use.")
    raw_token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ScimToken.objects.create(
        organization_id=organization_id, token_hash=hash_of(raw_token), created_by=actor, created_at=datetime.now(UTC)
    )
    record(AuditType.SCIM_TOKEN_CREATED, organization_id=organization_id, actor=actor, target=str(token.id))
    return token, raw_token


@transaction.atomic
def revoke_token(*, organization_id: UUID, token_id: UUID, actor: User) -> None:
    """The directory's next request is 401. Raises ``NotFound``, and ``PermissionDenied`` as ``create_token`` does."""
    lock_with_role(user=actor, organization_id=organization_id, roles=MANAGERS)
    deleted, _ = ScimToken.objects.filter(organization_id=organization_id, id=token_id).delete()
    if not deleted:
        raise NotFound
    record(AuditType.SCIM_TOKEN_REVOKED, organization_id=organization_id, actor=actor, target=str(token_id))
