"""Whom an organisation takes in by itself, when its provider names somebody whom no identity knows.

An address never makes anybody the owner of an account that is somebody's: it leads into a new one, or into one that the
organisation's directory has made and nobody has used. And it makes nobody an owner: an admin chooses the provider, and
with it what it says. What is called here runs under ``seats.lock_organization``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from uuid import UUID

from django.db import IntegrityError, transaction
from rest_framework.exceptions import ValidationError

from accounts.factors.service import has_second_factor
from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.audit.recording import record
from accounts.organizations.domains.lookup import is_proven
from accounts.organizations.members.service import add_member, provision_account
from accounts.organizations.models import (
    AuditType,
    AuditVia,
    Connection,
    Identity,
    Invitation,
    Membership,
    Organization,
    Role,
)
from accounts.organizations.problems import LinkRequired, NotProvisioned
from accounts.organizations.sso.claims import ProviderClaims
from accounts.recovery.email_change import is_reserved
from accounts.serializers import AccountEmailField
from adiuva.api.errors import EmailNotVerified, EmailTaken, QuotaExceeded
from adiuva.spelling import address_key


class Holder(Enum):
    """Who has the address."""

    NOBODY = auto()
    DIRECTORY = auto()  # an account that the organisation has made, and that nobody has used
    FORMER = auto()  # one whose membership of the organisation was taken back
    SOMEBODY = auto()  # any other one, also one that may still want the address back


class Decision(Enum):
    LINK = auto()
    INVITED = auto()
    JOIN = auto()
    EMAIL_NOT_VERIFIED = auto()
    LINK_REQUIRED = auto()
    NOT_PROVISIONED = auto()


@dataclass(frozen=True, slots=True)
class Newcomer:
    """``is_verified``: the provider calls the address verified; ``is_proven``: its domain is the organisation's."""

    is_verified: bool
    is_proven: bool
    holder: Holder
    is_invited: bool
    just_in_time: bool
    has_seat: bool


def decide_provisioning(newcomer: Newcomer) -> Decision:
    """A pure rule, so that it can be tested whole."""
    if not newcomer.is_verified:
        return Decision.EMAIL_NOT_VERIFIED
    if not newcomer.is_proven:
        return Decision.NOT_PROVISIONED
    match newcomer.holder:
        case Holder.DIRECTORY:
            return Decision.LINK
        case Holder.SOMEBODY:
            return Decision.LINK_REQUIRED
        case Holder.NOBODY if newcomer.has_seat and (newcomer.is_invited or newcomer.just_in_time):
            return Decision.INVITED if newcomer.is_invited else Decision.JOIN
    return Decision.NOT_PROVISIONED


def take_in(*, connection: Connection, organization: Organization, claims: ProviderClaims) -> User:
    """Whose identity it will be: a new account's, or that of one which the directory has made.

    Raises ``EmailNotVerified``, ``NotProvisioned``, ``LinkRequired``.
    """
    email = _address_of(claims)
    if email is None:
        raise EmailNotVerified("The provider names no address that it calls verified.")
    user = _lock_holder(email, organization.id)
    invitation = _invitation_to(email, organization, roles=[Role.ADMIN, Role.MEMBER])
    newcomer = Newcomer(
        is_verified=True,
        is_proven=is_proven(organization.id, email),
        holder=_holder_of(email, user, connection),
        is_invited=invitation is not None,
        just_in_time=connection.just_in_time,
        has_seat=_has_seat(organization),
    )
    match decide_provisioning(newcomer):
        case Decision.LINK if user is not None:
            _record(AuditType.SSO_LINKED, organization, user)
            return user
        case Decision.INVITED if invitation is not None:
            user = _make_account(organization, email, Role(invitation.role))
            _record_acceptance(invitation, user)
            return user
        case Decision.JOIN:
            return _make_account(organization, email, Role.MEMBER)
        case Decision.LINK_REQUIRED:
            raise LinkRequired
        case _:
            raise NotProvisioned


def require_membership(
    *,
    connection: Connection,
    organization: Organization,
    user: User,
    membership: Membership | None,
    claims: ProviderClaims,
) -> None:
    """Of somebody who is logged in: they are a member, or become one, by an invitation to the address of their account,
    or just in time where the provider names an address of the organisation's. ``membership`` is whatever they have.

    Raises ``NotProvisioned``, ``Conflict`` where another organisation takes them in at this very moment.
    """
    if membership is not None and membership.organization_id == organization.id:
        if not membership.active:
            raise NotProvisioned
        return
    if (membership is not None and membership.active) or not _has_seat(organization, joins=user.id):
        raise NotProvisioned
    invitation = _invitation_to(user.email, organization, roles=list(Role)) if user.email_verified else None
    if invitation is not None:
        add_member(organization=organization, user=user, role=Role(invitation.role))
        _record_acceptance(invitation, user)
        return
    email = _address_of(claims)
    if not connection.just_in_time or email is None or not is_proven(organization.id, email):
        raise NotProvisioned
    if Membership.objects.of_organization(organization.id).called(email).exists():
        raise NotProvisioned  # somebody else here is who the directory means
    add_member(organization=organization, user=user, role=Role.MEMBER)
    _record(AuditType.MEMBER_PROVISIONED, organization, user)


def _address_of(claims: ProviderClaims) -> str | None:
    """As an account would have it; None for one that is not verified, or that no account could have."""
    if claims.email is None or not claims.email_verified:
        return None
    try:
        email: str = AccountEmailField().run_validation(claims.email)
    except ValidationError:
        return None
    return email


def _lock_holder(email: str, organization_id: UUID) -> User | None:
    """Whose address it is, else whom the directory calls by it: the account may have another address since, and whom
    the directory has taken back does not come in anew. Nobody makes the account their own meanwhile, or moves it to
    another address.
    """
    found = User.objects.find(email)
    if found is None:
        called = Membership.objects.of_organization(organization_id).called(email).select_related("user").first()
        found = None if called is None else called.user
    if found is None:
        return None
    accounts = User.objects.select_for_update(no_key=True).filter(id=found.id, email=found.email)
    locked: User | None = accounts.first()
    return locked


def _holder_of(email: str, user: User | None, connection: Connection) -> Holder:
    if user is None:
        return Holder.SOMEBODY if is_reserved(email) else Holder.NOBODY
    membership = Membership.objects.of_organization(connection.organization_id).filter(user=user).first()
    if membership is not None and not membership.active:
        return Holder.FORMER
    is_unused = (
        membership is not None
        and membership.is_provisioned
        and membership.role != Role.OWNER
        and user.is_active
        and user.last_login is None
        and not user.has_usable_password()
        and not has_second_factor(user_id=user.id)
        and not Identity.objects.for_user(user.id).filter(connection=connection).exists()
    )
    return Holder.DIRECTORY if is_unused else Holder.SOMEBODY


def _has_seat(organization: Organization, *, joins: UUID | None = None) -> bool:
    try:
        seats.require_free_seat(organization.id, counts_pending=False, joins=joins)
    except QuotaExceeded:
        return False
    return True


def _invitation_to(email: str, organization: Organization, *, roles: Collection[Role]) -> Invitation | None:
    pending = Invitation.objects.of_organization(organization.id).pending(datetime.now(UTC)).filter(role__in=roles)
    found: Invitation | None = pending.select_for_update().filter(address_key=address_key(email)).first()
    return found


def _make_account(organization: Organization, email: str, role: Role) -> User:
    """Raises ``LinkRequired`` where somebody registers with the address in this very moment."""
    try:
        with transaction.atomic():
            return provision_account(organization=organization, email=email, role=role, via=AuditVia.SSO).user
    except EmailTaken:
        raise LinkRequired from None
    except IntegrityError:
        if User.objects.find(email) is None:
            raise
        raise LinkRequired from None


def _record_acceptance(invitation: Invitation, user: User) -> None:
    _record(AuditType.INVITATION_ACCEPTED, invitation.organization, user, target=str(invitation.id))


def _record(event: AuditType, organization: Organization, user: User, *, target: str = "") -> None:
    record(event, organization_id=organization.id, actor=None, via=AuditVia.SSO, target_user=user, target=target)
