"""Members, as the directory of their organisation makes, changes and removes them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.domains.lookup import is_proven
from accounts.organizations.members import service as members
from accounts.organizations.models import AuditVia, Membership, MembershipQuerySet, Organization
from accounts.organizations.scim.parsing import Changes, Filter
from accounts.organizations.scim.problems import NotUnique, ScimRefused
from adiuva.api.errors import EmailTaken, NotFound
from adiuva.spelling import normalize_email


def list_users(
    *, organization_id: UUID, wanted: Filter | None, start: int, count: int
) -> tuple[int, Sequence[Membership]]:
    """How many there are in all, and ``count`` of them from the ``start``-th on (the first is 1)."""
    rows = _users_of(organization_id)
    if wanted is not None:
        rows = _filter_users(rows, wanted)
    total = rows.count()
    return total, list(rows[start - 1 : start - 1 + count]) if start <= total and count else []


def find_user(*, organization_id: UUID, user_id: UUID) -> Membership:
    """Raises ``NotFound`` for who is no member of this organisation."""
    membership = _users_of(organization_id).filter(user_id=user_id).first()
    if membership is None:
        raise NotFound
    return membership


def create_user(*, organization_id: UUID, changes: Changes) -> Membership:
    """An account for somebody who has none yet.

    Raises ``ScimRefused`` (``invalidValue``) for an address that the organisation does not speak for, ``NotUnique`` for
    one that has an account, or an ``external_id`` that another member has, ``QuotaExceeded`` where no seat is free, or
    where too many wait without one.
    """
    user_name, external_id = changes.user_name or "", changes.external_id or ""
    with _one_of_each(), transaction.atomic():
        organization = _lock(organization_id)
        _require_proven(organization_id, user_name)
        _require_unique(organization_id, user_name=user_name, external_id=external_id, except_for=None)
        try:
            return members.provision_account(
                organization=organization,
                email=user_name,
                via=AuditVia.SCIM,
                user_name=user_name,
                external_id=external_id,
                active=changes.active is not False,
            )
        except EmailTaken:
            raise NotUnique("An account with this address exists: invite it to the organisation.") from None


def change_user(*, organization_id: UUID, user_id: UUID, changes: Changes) -> Membership:
    """All that ``changes`` names, or nothing of it.

    Raises ``NotFound``, what ``create_user`` raises, and ``Conflict`` where the organisation would lose its last owner.
    """
    with _one_of_each(), transaction.atomic():
        _lock(organization_id)
        membership = _lock_user(organization_id, user_id)
        _rename(membership, changes)
        if changes.active is True:
            members.reactivate_member(membership=membership)
        elif changes.active is False:
            members.deactivate_member(membership=membership)
        return membership


def remove_user(*, organization_id: UUID, user_id: UUID) -> None:
    """Raises ``NotFound``, and ``Conflict`` for the last owner."""
    with transaction.atomic():
        _lock(organization_id)
        membership = _lock_user(organization_id, user_id)
        members.remove_member(membership=membership, actor=None, via=AuditVia.SCIM)


def _rename(membership: Membership, changes: Changes) -> None:
    """What the directory calls its user; the account's own address stays what its owner has made it."""
    organization_id = membership.organization_id
    before = membership.user_name, membership.external_id
    called = membership.user_name or membership.user.email
    if changes.user_name is not None and changes.user_name != called:
        # Another case is no other name, and no reason to ask for a domain that may have been given up since.
        if changes.user_name.lower() != called.lower():
            _require_proven(organization_id, changes.user_name)
            _require_unique(organization_id, user_name=changes.user_name, external_id="", except_for=membership)
        membership.user_name = changes.user_name
    if changes.external_id is not None and changes.external_id != membership.external_id:
        _require_unique(organization_id, user_name="", external_id=changes.external_id, except_for=membership)
        membership.external_id = changes.external_id
    if (membership.user_name, membership.external_id) != before:
        membership.save(update_fields=["user_name", "external_id"])


def _users_of(organization_id: UUID) -> MembershipQuerySet:
    return Membership.objects.of_organization(organization_id).select_related("user").order_by("joined_at", "id")


def _filter_users(rows: MembershipQuerySet, wanted: Filter) -> MembershipQuerySet:
    if wanted.attribute == "externalId":  # RFC 7643 § 3.1: in this case
        return rows.filter(external_id=wanted.value) if wanted.value else rows.none()
    return rows.called(wanted.value)


def _require_unique(organization_id: UUID, *, user_name: str, external_id: str, except_for: Membership | None) -> None:
    others = _users_of(organization_id)
    if except_for is not None:
        others = others.exclude(pk=except_for.pk)
    if user_name and _filter_users(others, Filter("userName", user_name)).exists():
        raise NotUnique("Another member has this userName.")
    if external_id and others.filter(external_id=external_id).exists():
        raise NotUnique("Another member has this externalId.")


def _require_proven(organization_id: UUID, user_name: str) -> None:
    try:
        User._meta.get_field("email").run_validators(normalize_email(user_name))
    except ValidationError:
        raise ScimRefused("invalidValue", "userName must be an address.") from None
    if not is_proven(organization_id, user_name):
        raise ScimRefused("invalidValue", "userName must be an address in a domain that the organisation has proven.")


def _lock(organization_id: UUID) -> Organization:
    organization = seats.lock_organization(organization_id)
    if organization is None:
        raise NotFound  # deleted a moment ago, its tokens with it
    return organization


def _lock_user(organization_id: UUID, user_id: UUID) -> Membership:
    membership = _users_of(organization_id).select_for_update(of=("self",)).filter(user_id=user_id).first()
    if membership is None:
        raise NotFound
    return membership


@contextmanager
def _one_of_each() -> Iterator[None]:
    """For what somebody else writes between our look and our row: who registers with the address does not wait for the
    organisation's lock.
    """
    try:
        yield
    except IntegrityError:
        raise NotUnique("An account with this address exists, or a member with this userName.") from None
