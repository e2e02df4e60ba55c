"""What people do about organisations, over HTTP."""

import secrets
from datetime import UTC, datetime
from typing import Any

from accounts.models import Session, hash_of
from accounts.organizations.models import (
    AuditEntry,
    Connection,
    Identity,
    Invitation,
    InvitationToken,
    Organization,
    SsoSession,
)
from tests.accounts.recovery.actions import mailed_token
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient


def found(account: Account, name: str = "Acme") -> Answer:
    return ApiClient().post("organizations", json={"name": name}, token=account.access_token)


def invite(by: Account, organization: Organization, email: str, role: str = "member") -> Answer:
    body = {"email": email, "role": role}
    return ApiClient().post(f"organizations/{organization.id}/invitations", json=body, token=by.access_token)


def token_for(invitation_id: Any) -> str:
    """As the invitation's mail would hold it."""
    raw = secrets.token_urlsafe(32)
    InvitationToken.objects.create(invitation=Invitation.objects.get(id=invitation_id), token_hash=hash_of(raw))
    return raw


def invited(by: Account, organization: Organization, email: str, role: str = "member") -> str:
    """The token of an invitation, without its mail."""
    answer = invite(by, organization, email, role)
    assert answer.status == 201, answer
    return token_for(answer.json["id"])


def invited_by_mail(by: Account, organization: Organization, email: str, role: str = "member") -> str:
    """All the way through the mail; in a test with transactions of its own."""
    assert invite(by, organization, email, role).status == 201
    return mailed_token(email)


def accept(account: Account, token: str) -> Answer:
    return ApiClient().post("invitations/accept", json={"token": token}, token=account.access_token)


def set_role(by: Account, organization: Organization, member: Account, role: str) -> Answer:
    path = f"organizations/{organization.id}/members/{member.user.id}"
    return ApiClient().patch(path, json={"role": role}, token=by.access_token)


def remove(by: Account, organization: Organization, member: Account) -> Answer:
    return ApiClient().delete(f"organizations/{organization.id}/members/{member.user.id}", token=by.access_token)


def audited(organization: Organization) -> list[str]:
    """Types of what was written down, oldest first."""
    entries = AuditEntry.objects.of_organization(organization.id).order_by("at")
    return list(entries.values_list("type", flat=True))


def sign_in_at_provider(organization: Organization, account: Account) -> None:
    """Makes the account's session one that began there."""
    now = datetime.now(UTC)
    connection, _ = Connection.objects.get_or_create(
        organization=organization,
        defaults={
            "issuer": "https://id.example",
            "client_id": "adiuva",
            "client_secret": "sealed",
            "session_hours": 24,
            **dict.fromkeys(("metadata_at", "keys_at", "keys_asked_at", "created_at", "updated_at"), now),
        },
    )
    identity = Identity.objects.create(
        connection=connection, issuer=connection.issuer, subject=str(account.user.id), user=account.user, linked_at=now
    )
    session = Session.objects.get(id=account.session_id)
    SsoSession.objects.create(session=session, identity=identity, authenticated_at=now)
