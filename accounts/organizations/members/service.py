"""How people come into an organisation, change there, and go: the only writer of memberships.

What is called here runs under ``seats.lock_organization``, in the caller's transaction: of two at once that would take
the last seat, or the last owner, one sees what the other has done. ``assign_role`` and ``end_membership``, for the
routes, lock it themselves.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Session, User
from accounts.organizations import seats
from accounts.organizations.access import MANAGERS, MEMBERS, lock_with_role, require_grantable
from accounts.organizations.audit.recording import record
from accounts.organizations.models import (
    AuditType,
    AuditVia,
    Identity,
    Invitation,
    InvitationState,
    Membership,
    Organization,
    Role,
)
from accounts.recovery.email_change import is_reserved
from accounts.sessions import revoke_all_sessions, revoke_sessions
from adiuva.api.errors import Conflict, EmailTaken, NotFound, PermissionDenied
from adiuva.locales import DEFAULT_LOCALE
from adiuva.spelling import address_key


def add_member(
    *,
    organization: Organization,
    user: User,
    role: Role,
    is_provisioned: bool = False,
    user_name: str = "",
    external_id: str = "",
    active: bool = True,
) -> Membership:
    """Who is not ``active`` takes no seat.

    Raises ``Conflict`` for who is in an organisation already, ``QuotaExceeded`` where no seat is free.

    A membership that its directory has taken back gives way, and an invitation to who is in is over.
    """
    if active:
        seats.require_free_seat(organization.id, counts_pending=False, joins=user.id)
    existing = Membership.objects.select_for_update().filter(user=user).first()
    if existing is not None and existing.active:
        raise _in_one_already()
    if existing is not None:
        _forget_identities(user_id=user.id, organization_id=existing.organization_id)
        existing.delete()
    now = datetime.now(UTC)
    if active:
        Invitation.objects.of_organization(organization.id).filter(
            state=InvitationState.PENDING, address_key=address_key(user.email)
        ).update(state=InvitationState.ACCEPTED)
    try:
        with transaction.atomic():
            return Membership.objects.create(
                organization=organization,
                user=user,
                role=role,
                active=active,
                joined_at=now,
                deactivated_at=None if active else now,
                is_provisioned=is_provisioned,
                user_name=user_name,
                external_id=external_id,
            )
    except IntegrityError:
        # Of two organisations that take somebody in at once the database lets one; what else it refuses is a fault.
        if Membership.objects.filter(user=user).exists():
            raise _in_one_already() from None
        raise


def provision_account(
    *,
    organization: Organization,
    email: str,
    role: Role = Role.MEMBER,
    via: AuditVia,
    locale: str = DEFAULT_LOCALE,
    user_name: str = "",
    external_id: str = "",
    active: bool = True,
) -> Membership:
    """An account without a password for an address whose owner the organisation vouches for: its domain is proven.

    Raises ``EmailTaken`` where there is an account (nobody is made a member by their address alone),
    ``QuotaExceeded``.
    """
    if User.objects.find(email) is not None or is_reserved(email):
        raise EmailTaken
    if active:
        seats.require_free_seat(organization.id, counts_pending=False)
    else:
        seats.require_few_inactive(organization.id)
    user = User(locale=locale, email_verified_at=datetime.now(UTC))
    user.set_address(email)
    user.set_password(None)
    user.save(force_insert=True)
    membership = add_member(
        organization=organization,
        user=user,
        role=role,
        is_provisioned=True,
        user_name=user_name,
        external_id=external_id,
        active=active,
    )
    record(AuditType.MEMBER_PROVISIONED, organization_id=organization.id, actor=None, via=via, target_user=user)
    return membership


def find_member(*, by: Membership, user_id: UUID) -> Membership:
    """A member of the organisation of ``by``, whom that one may change and remove.

    Raises ``NotFound``; ``PermissionDenied`` for an owner, to who is none.
    """
    members = Membership.objects.of_organization(by.organization_id).active().select_related("user")
    membership: Membership | None = members.filter(user_id=user_id).first()
    if membership is None:
        raise NotFound
    if membership.role == Role.OWNER and by.role != Role.OWNER:
        raise PermissionDenied("Only an owner changes or removes an owner.")
    return membership


def assign_role(*, user: User, organization_id: UUID, member_id: UUID, role: Role) -> Membership:
    """Raises ``NotFound``, ``PermissionDenied``; ``Conflict`` for the last owner."""
    with transaction.atomic():
        by = lock_with_role(user=user, organization_id=organization_id, roles=MANAGERS)
        membership = find_member(by=by, user_id=member_id)
        require_grantable(role, by=by)
        change_role(membership=membership, role=role, actor=user)
    return membership


def end_membership(*, user: User, organization_id: UUID, member_id: UUID) -> None:
    """One's own, or another's. Raises ``NotFound``, ``PermissionDenied``; ``Conflict`` for the last owner."""
    with transaction.atomic():
        roles = MEMBERS if member_id == user.id else MANAGERS
        by = lock_with_role(user=user, organization_id=organization_id, roles=roles)
        remove_member(membership=find_member(by=by, user_id=member_id), actor=user)


def require_another_owner(membership: Membership) -> None:
    """Raises ``Conflict`` where nobody would own the organisation without this member."""
    others = Membership.objects.of_organization(membership.organization_id).owners().exclude(pk=membership.pk)
    # An account that is being deleted owns nothing for long.
    if membership.role == Role.OWNER and not others.filter(user__is_active=True).exists():
        raise Conflict("An organisation needs an owner: make somebody else one first.")


def change_role(*, membership: Membership, role: Role, actor: User | None, via: AuditVia = AuditVia.MEMBER) -> None:
    """Raises ``Conflict`` for the last owner."""
    if role == membership.role:
        return
    require_another_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _record(AuditType.MEMBER_ROLE_CHANGED, membership, actor=actor, via=via, target=role)
    _end_invitations_beyond(role, membership, actor=actor, via=via)


def remove_member(*, membership: Membership, actor: User | None, via: AuditVia = AuditVia.MEMBER) -> None:
    """The sessions that began at the organisation's provider end. Raises ``Conflict`` for the last owner."""
    _lock_account(membership)
    require_another_owner(membership)
    event = AuditType.MEMBER_LEFT if actor is not None and actor.pk == membership.user_id else AuditType.MEMBER_REMOVED
    _record(event, membership, actor=actor, via=via)
    _end_invitations_beyond(Role.MEMBER, membership, actor=actor, via=via)
    end_sso_sessions(user_id=membership.user_id, organization_id=membership.organization_id)
    _forget_identities(user_id=membership.user_id, organization_id=membership.organization_id)
    membership.delete()


def deactivate_member(*, membership: Membership, via: AuditVia = AuditVia.SCIM) -> None:
    """Every session of the account ends at once. Raises ``Conflict`` for the last owner."""
    if not membership.active:
        return
    _lock_account(membership)
    require_another_owner(membership)
    membership.active, membership.role, membership.deactivated_at = False, Role.MEMBER, datetime.now(UTC)
    membership.save(update_fields=["active", "role", "deactivated_at"])
    revoke_all_sessions(user_id=membership.user_id)
    _record(AuditType.MEMBER_DEACTIVATED, membership, actor=None, via=via)
    _end_invitations_beyond(Role.MEMBER, membership, actor=None, via=via)


def reactivate_member(*, membership: Membership, via: AuditVia = AuditVia.SCIM) -> None:
    """Raises ``QuotaExceeded`` where no seat is free."""
    if membership.active:
        return
    seats.require_free_seat(membership.organization_id, counts_pending=False, joins=membership.user_id)
    membership.active, membership.deactivated_at = True, None
    membership.save(update_fields=["active", "deactivated_at"])
    _record(AuditType.MEMBER_REACTIVATED, membership, actor=None, via=via)


def end_sso_sessions(*, user_id: UUID, organization_id: UUID) -> int:
    """Those of the account that began at the organisation's provider: how many could still be used."""
    live = Session.objects.for_user(user_id).filter(
        revoked_at__isnull=True, sso__identity__connection__organization_id=organization_id
    )
    session_ids = list(live.values_list("id", flat=True))
    return revoke_sessions(user_id=user_id, session_ids=session_ids) if session_ids else 0


def _lock_account(membership: Membership) -> None:
    """Before its sessions are looked for: a change of password that is under way begins one that would be missed."""
    User.objects.select_for_update(no_key=True).filter(id=membership.user_id).first()


def _in_one_already() -> Conflict:
    return Conflict("An account is in one organisation at most.")


def _end_invitations_beyond(role: Role, membership: Membership, *, actor: User | None, via: AuditVia) -> None:
    """Whoever loses a right must not get it back by an invitation that they sent to themselves while they had it: those
    to a role that somebody who is ``role`` from now on could not give are over.
    """
    given_by = {Role.OWNER: [], Role.ADMIN: [Role.OWNER], Role.MEMBER: [Role.OWNER, Role.ADMIN]}
    sent = Invitation.objects.of_organization(membership.organization_id).filter(
        invited_by_id=membership.user_id, state=InvitationState.PENDING, role__in=given_by[role]
    )
    for invitation in sent:
        end_invitation(invitation, actor=actor, via=via)


def end_invitation(invitation: Invitation, *, actor: User | None, via: AuditVia = AuditVia.MEMBER) -> None:
    invitation.state = InvitationState.REVOKED
    invitation.save(update_fields=["state"])
    record(
        AuditType.INVITATION_REVOKED,
        organization_id=invitation.organization_id,
        actor=actor,
        via=via,
        target=str(invitation.id),
    )


def _forget_identities(*, user_id: UUID, organization_id: UUID) -> None:
    Identity.objects.for_user(user_id).filter(connection__organization_id=organization_id).delete()


def _record(event: AuditType, membership: Membership, *, actor: User | None, via: AuditVia, target: str = "") -> None:
    record(
        event,
        organization_id=membership.organization_id,
        actor=actor,
        via=via,
        target_user=membership.user,
        target=target,
    )
