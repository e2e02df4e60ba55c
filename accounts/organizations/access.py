"""Who may do what in an organisation: strangers get 404, members without the role 403."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from accounts.models import User
from accounts.organizations.models import Membership, Role, membership_of
from accounts.organizations.seats import lock_organization
from adiuva.api.errors import NotFound, PermissionDenied
from adiuva.api.views import uuid_or_404

__all__ = ["MANAGERS", "MEMBERS", "OWNERS", "is_member", "membership_of", "require_role"]

OWNERS: Final = frozenset({Role.OWNER})
MANAGERS: Final = frozenset({Role.OWNER, Role.ADMIN})
MEMBERS: Final = frozenset(Role)


def require_role(user: User, pk: str, roles: Collection[Role]) -> Membership:
    """The caller's membership of the organisation whose id stands in the path.

    Raises ``NotFound`` for who is no active member of it, ``PermissionDenied`` for a member with another role.
    """
    membership = membership_of(user)
    if membership is None or membership.organization_id != uuid_or_404(pk):
        raise NotFound
    return _in_role(membership, roles)


def lock_with_role(*, user: User, organization_id: UUID, roles: Collection[Role]) -> Membership:
    """Locks the organisation in the running transaction; the membership of ``user`` as it is from then on, with its
    organisation. Whoever was removed or demoted since the request began is refused.

    Raises as ``require_role``.
    """
    if lock_organization(organization_id) is None:
        raise NotFound
    members = Membership.objects.of_organization(organization_id).active().select_related("organization")
    membership: Membership | None = members.filter(user_id=user.pk).first()
    if membership is None:
        raise NotFound
    return _in_role(membership, roles)


def require_grantable(role: str, *, by: Membership) -> None:
    """Raises ``PermissionDenied``: only an owner makes an owner."""
    if role == Role.OWNER and by.role != Role.OWNER:
        raise PermissionDenied("Only an owner makes somebody an owner.")


def _in_role(membership: Membership, roles: Collection[Role]) -> Membership:
    if membership.role not in roles:
        raise PermissionDenied("Your role in the organisation does not allow this.")
    return membership


def is_member(user_id: UUID, organization_id: UUID) -> bool:
    return Membership.objects.of_organization(organization_id).active().filter(user_id=user_id).exists()
