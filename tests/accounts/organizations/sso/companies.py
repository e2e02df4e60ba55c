"""An organisation with a proven domain and a provider that is never asked: what it has proven is said by the test."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.handoff import codes
from accounts.models import Session, User
from accounts.organizations.members.service import provision_account
from accounts.organizations.models import (
    AuditEntry,
    AuditVia,
    Connection,
    Domain,
    Identity,
    Invitation,
    Membership,
    Organization,
    Role,
    SsoSession,
)
from accounts.organizations.seats import lock_organization
from accounts.organizations.sso.break_glass import make_codes
from accounts.organizations.sso.claims import ProviderClaims
from adiuva.spelling import address_key
from tests.fakes.oidc_keys import SigningKey
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

ISSUER, CLIENT = "https://id.acme.example", "adiuva-client"
DOMAIN = "acme.example"
ALICE = f"alice@{DOMAIN}"


@dataclass
class Company:
    organization: Organization
    owner: Account
    connection: Connection

    def change(self, **settings: Any) -> None:
        Connection.objects.filter(id=self.connection.id).update(**settings)
        self.connection.refresh_from_db()

    def claims(
        self, subject: str = "alice", email: str | None = ALICE, *, email_verified: bool = True, sid: str = ""
    ) -> ProviderClaims:
        return ProviderClaims(self.connection.id, self.connection.issuer, subject, email, email_verified, sid)

    def code(self, subject: str = "alice", email: str | None = ALICE, **claims: Any) -> dict[str, str]:
        """The body that redeems it."""
        verifier = secrets.token_urlsafe(48)
        request = codes.Request(codes.challenge_of(verifier), "http://127.0.0.1:51234/", "state")
        subject_of_code = self.claims(subject, email, **claims).as_subject()
        address = codes.issue_code(method="sso", subject=subject_of_code, request=request)
        code = address.partition("code=")[2].partition("&")[0]
        return {"code": code, "code_verifier": verifier}

    def sign_in(self, subject: str = "alice", email: str | None = ALICE, **claims: Any) -> Answer:
        return ApiClient().post("auth/sso/token", json=self.code(subject, email, **claims))

    def link(self, account: Account, subject: str = "alice", email: str | None = ALICE, **claims: Any) -> Answer:
        return ApiClient().post("auth/sso/link", json=self.code(subject, email, **claims), token=account.access_token)

    def invite(self, email: str = ALICE, role: Role = Role.MEMBER, **changes: Any) -> Invitation:
        now = datetime.now(UTC)
        invitation: Invitation = Invitation.objects.create(
            **{
                "organization": self.organization,
                "email": email,
                "address_key": address_key(email),
                "role": role,
                "invited_by": self.owner.user,
                "created_at": now,
                "expires_at": now + timedelta(days=7),
                **changes,
            }
        )
        return invitation

    def join(self, account: Account | None = None, role: Role = Role.MEMBER) -> Account:
        return join(self.organization, account, role)

    def identify(self, account: Account, subject: str = "alice", *, issuer: str | None = None) -> Identity:
        identity: Identity = Identity.objects.create(
            connection=self.connection,
            issuer=issuer or self.connection.issuer,
            subject=subject,
            user=account.user,
            linked_at=datetime.now(UTC),
        )
        return identity

    def break_glass_codes(self) -> list[str]:
        return make_codes(organization_id=self.organization.id, user=self.owner.user, session_id=self.owner.session_id)

    def audit(self) -> list[tuple[str, str, Any]]:
        """Type, via and target user of each entry, oldest first."""
        entries = AuditEntry.objects.of_organization(self.organization.id).order_by("at")
        return [(entry.type, entry.via, entry.target_user_id) for entry in entries]


def make_company(*, seats: int = 5, **settings: Any) -> Company:
    """``settings``: of its connection."""
    organization, owner = make_organization(seats=seats)
    now = datetime.now(UTC)
    Domain.objects.create(organization=organization, name=DOMAIN, txt_value="adiuva=x", created_at=now, verified_at=now)
    connection = Connection.objects.create(
        **{
            "id": uuid.uuid4(),
            "organization": organization,
            "issuer": ISSUER,
            "client_id": CLIENT,
            "client_secret": "sealed",
            "session_hours": 24,
            "metadata": {},
            "metadata_at": now,
            "keys": {"keys": [SigningKey.make("ES256").jwk], "seconds": 3600},
            "keys_at": now,
            # So that nobody asks it.
            "keys_asked_at": now,
            "created_at": now,
            "updated_at": now,
            **settings,
        }
    )
    return Company(organization, owner, connection)


def provisioned(company: Company) -> User:
    """Alice, as the organisation's directory makes her."""
    lock_organization(company.organization.id)
    return provision_account(organization=company.organization, email=ALICE, via=AuditVia.SCIM).user


def deactivate(account: Account) -> None:
    Membership.objects.filter(user=account.user).update(
        active=False, role=Role.MEMBER, deactivated_at=datetime.now(UTC)
    )


def user_of(email: str = ALICE) -> User:
    found = User.objects.find(email)
    assert found is not None
    return found


def session_of(user: User) -> Session:
    """The one that began last."""
    session: Session = Session.objects.for_user(user.id).order_by("-fresh_at")[0]
    return session


def age(session: Session, hours: float) -> None:
    """As if it had begun so long ago."""
    by = timedelta(hours=hours)
    Session.objects.filter(id=session.id).update(created_at=session.created_at - by)
    SsoSession.objects.filter(session=session).update(authenticated_at=session.created_at - by)
