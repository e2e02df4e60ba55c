"""Organisations for tests, made as the service makes them but without its requests."""

import secrets
from datetime import UTC, datetime, timedelta

from accounts.models import User
from accounts.organizations.models import (
    AuditEntry,
    AuditType,
    AuditVia,
    BreakGlassCode,
    Connection,
    Domain,
    Identity,
    Invitation,
    InvitationToken,
    Membership,
    Organization,
    Role,
    ScimToken,
)
from accounts.organizations.seats import payment
from adiuva.spelling import address_key
from billing.models import Subscription
from tests.support.accounts import Account, make_account


def make_organization(
    owner: Account | None = None, *, name: str = "Acme", seats: int = 5
) -> tuple[Organization, Account]:
    """With its owner, who has the team tier and whose subscription pays for so many seats."""
    owner = owner or make_account(tier="team")
    organization = Organization.objects.create(name=name, created_at=datetime.now(UTC))
    join(organization, owner, Role.OWNER)
    Subscription.objects.filter(user=owner.user).update(seats=seats)
    payment().attach(organization=organization, user=owner.user)
    return organization, owner


def join(organization: Organization, account: Account | None = None, role: Role = Role.MEMBER) -> Account:
    """Whatever the seats are. Without an account, a new one on the free tier."""
    account = account or make_account(tier="free")
    Membership.objects.create(organization=organization, user=account.user, role=role, joined_at=datetime.now(UTC))
    return account


def fill_organization(
    name: str, *, owner: User, mark: str = "mark", invited: str = "invited@example.com"
) -> Organization:
    """With a row in each of its tables, and ``mark`` wherever a column takes it; good for looking at only."""
    now = datetime.now(UTC)
    organization = Organization.objects.create(name=name, created_at=now)
    unique = f"{mark}-{secrets.token_hex(8)}"
    Membership.objects.create(
        organization=organization, user=owner, role=Role.OWNER, joined_at=now, user_name=owner.email, external_id=mark
    )
    Domain.objects.create(organization=organization, name=f"{unique}.example", txt_value=unique, created_at=now)
    connection = make_connection(organization)
    Identity.objects.create(connection=connection, issuer=connection.issuer, subject=mark, user=owner, linked_at=now)
    BreakGlassCode.objects.create(organization=organization, code_hash=unique, created_at=now)
    ScimToken.objects.create(organization=organization, token_hash=unique, created_by=owner, created_at=now)
    invitation = Invitation.objects.create(
        organization=organization,
        email=invited,
        address_key=address_key(invited),
        role=Role.MEMBER,
        invited_by=owner,
        created_at=now,
        expires_at=now + timedelta(days=7),
    )
    InvitationToken.objects.create(invitation=invitation, token_hash=unique)
    AuditEntry.objects.create(
        organization=organization,
        at=now,
        type=AuditType.ORGANIZATION_CREATED,
        via=AuditVia.MEMBER,
        actor=owner,
        target_user=owner,
    )
    return organization


def make_connection(organization: Organization, **settings: object) -> Connection:
    """A provider that nobody could ask."""
    now = datetime.now(UTC)
    moments = dict.fromkeys(("metadata_at", "keys_at", "keys_asked_at", "created_at", "updated_at"), now)
    usual = {"issuer": "https://login.example", "client_id": "id", "client_secret": "sealed", "session_hours": 24}
    return Connection.objects.create(organization=organization, **moments | usual | settings)
