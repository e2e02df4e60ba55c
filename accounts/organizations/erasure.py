"""What the deletion of an account means for organisations.

Membership ends as the account is closed, not later: an account that nobody can use must not be the one owner that makes
another one's leaving possible.
"""

from uuid import UUID

from django.db import transaction

from accounts import erasure
from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.members.service import end_invitation, remove_member
from accounts.organizations.models import Invitation, InvitationState, Membership
from accounts.organizations.service import dissolve_organization
from adiuva.spelling import address_key


def register() -> None:
    erasure.register_closing("organizations", leave_organization)
    erasure.register("organizations", erase_traces)


def leave_organization(user: User) -> None:
    """In the running transaction. An organisation of which ``user`` is the last member goes.

    Raises ``Conflict`` for the last owner of one that has other members.
    """
    found = Membership.objects.filter(user=user).first()
    if found is None or seats.lock_organization(found.organization_id) is None:
        return
    membership = Membership.objects.filter(pk=found.pk).select_related("organization", "user").first()
    if membership is None:
        return
    others = Membership.objects.of_organization(membership.organization_id).active().exclude(pk=membership.pk)
    if membership.active and not others.exists():
        dissolve_organization(membership.organization)
    else:
        remove_member(membership=membership, actor=user)


def erase_traces(user_id: UUID) -> None:
    """Invitations to the account's address, by whomever; its own ones whose mails have not left, and go with it; and
    what a request that was under way as the account was closed has made it a member of.
    """
    user = User.objects.filter(id=user_id).first()
    if user is None:
        return
    with transaction.atomic():
        leave_organization(user)
        unsent = Invitation.objects.filter(invited_by=user, state=InvitationState.PENDING, tokens__isnull=True)
        for invitation in unsent.order_by("organization_id", "id"):
            seats.lock_organization(invitation.organization_id)
            end_invitation(invitation, actor=None)
        Invitation.objects.filter(address_key=address_key(user.email)).delete()
