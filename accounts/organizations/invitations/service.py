"""Invitations: made, taken back, and accepted by whose address they were sent to (docs/api.md § 16)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.access import MANAGERS, is_member, lock_with_role, require_grantable
from accounts.organizations.audit.recording import record
from accounts.organizations.invitations.mails import find_invitation, mail_invitation
from accounts.organizations.members.service import add_member, end_invitation
from accounts.organizations.models import AuditType, AuditVia, Invitation, InvitationState, Membership, Role
from accounts.organizations.models.invitations import InvitationQuerySet
from accounts.recovery.mail_tokens import no_such_token
from accounts.recovery.verification import mark_verified, require_verified_email
from adiuva.api.errors import Conflict, NotFound, PermissionDenied
from adiuva.mail.outbox import require_mail
from adiuva.spelling import address_key

LIFETIME = timedelta(days=7)


def list_invitations(organization_id: UUID) -> InvitationQuerySet:
    """Those that wait, newest first."""
    pending: InvitationQuerySet = Invitation.objects.of_organization(organization_id).pending(datetime.now(UTC))
    return pending


def create_invitation(*, user: User, organization_id: UUID, email: str, role: Role) -> Invitation:
    """In the place of one to the same address that waits.

    Raises ``NotConfigured``, ``NotFound``, ``PermissionDenied``, ``FeatureNotAvailable``, ``Conflict`` for a member,
    ``QuotaExceeded``, ``RateLimited`` where the mail would be one too many.
    """
    require_mail()
    with transaction.atomic():
        by = lock_with_role(user=user, organization_id=organization_id, roles=MANAGERS)
        require_grantable(role, by=by)
        seats.payment().require_team(organization_id)
        owner = User.objects.find(email)
        if owner is not None and is_member(owner.id, organization_id):
            raise Conflict("The account with this address is a member already.")
        _replace(organization_id=organization_id, key=address_key(email), actor=user)
        seats.require_free_seat(organization_id, counts_pending=True, joins=owner.id if owner is not None else None)
        now = datetime.now(UTC)
        invitation = Invitation.objects.create(
            organization=by.organization,
            email=email,
            address_key=address_key(email),
            role=role,
            invited_by=user,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        record(AuditType.INVITATION_CREATED, organization_id=organization_id, actor=user, target=str(invitation.id))
        mail_invitation(invitation=invitation, invited_by=user)
    return invitation


def revoke_invitation(*, user: User, organization_id: UUID, invitation_id: UUID) -> None:
    """Raises ``PermissionDenied``; ``NotFound`` also for one that waits no more."""
    with transaction.atomic():
        lock_with_role(user=user, organization_id=organization_id, roles=MANAGERS)
        invitation = list_invitations(organization_id).filter(id=invitation_id).first()
        if invitation is None:
            raise NotFound
        end_invitation(invitation, actor=user)


@transaction.atomic
def withdraw_invitations() -> int:
    """All that wait, after the service went back to a backup: one that was withdrawn or accepted since waits in it.

    Returns how many.
    """
    waiting = list(Invitation.objects.filter(state=InvitationState.PENDING).order_by("organization_id", "id"))
    for organization_id in dict.fromkeys(invitation.organization_id for invitation in waiting):
        seats.lock_organization(organization_id)
    for invitation in waiting:
        end_invitation(invitation, actor=None, via=AuditVia.OPERATOR)
    return len(waiting)


def accept_invitation(*, user: User, token: str) -> Membership:
    """Having the token shows that who accepts reads the mail to this address: it is verified with it. Whatever is
    refused leaves the token as it was.

    Raises ``ValidationFailed`` (token), ``EmailNotVerified``, ``PermissionDenied`` for one to another address,
    ``QuotaExceeded``, ``Conflict`` for who is in an organisation already.
    """
    invitation = find_invitation(raw=token)
    if invitation is None or not _is_to(user, invitation):
        user.refresh_from_db(fields=["email_verified_at"])  # another use may just have verified it
        require_verified_email(user)
    if invitation is None:
        raise no_such_token()
    _require_addressee(user, invitation)
    with transaction.atomic():
        # The invitation as it is under the lock; of many uses at once the first one ends it.
        organization = seats.lock_organization(invitation.organization_id)
        waiting = Invitation.objects.pending(datetime.now(UTC)).filter(id=invitation.id).first()
        if organization is None or waiting is None:
            raise no_such_token()
        membership = add_member(organization=organization, user=user, role=Role(waiting.role))
        current = User.objects.select_for_update(no_key=True).filter(id=user.id, is_active=True).first()
        if current is None:
            raise no_such_token()
        _require_addressee(current, waiting)  # the account may have moved to another address meanwhile
        mark_verified(current)
        record(
            AuditType.INVITATION_ACCEPTED,
            organization_id=organization.id,
            actor=user,
            target_user=user,
            target=str(waiting.id),
        )
    return membership


def _replace(*, organization_id: UUID, key: str, actor: User) -> None:
    """Also one that has expired: it says that it is pending until it has a successor."""
    for waiting in Invitation.objects.of_organization(organization_id).filter(
        address_key=key, state=InvitationState.PENDING
    ):
        end_invitation(waiting, actor=actor)


def _is_to(user: User, invitation: Invitation) -> bool:
    return address_key(user.email) == invitation.address_key


def _require_addressee(user: User, invitation: Invitation) -> None:
    if not _is_to(user, invitation):
        raise PermissionDenied("The invitation was sent to another address than this account's.")
