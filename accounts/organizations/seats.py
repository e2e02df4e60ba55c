"""Seats are billing's to know; organisations only ask.

Billing registers how (``AppConfig.ready``). Whether there is a free one is decided under the organisation's lock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from accounts.models import User
from accounts.organizations.models import Invitation, Membership, Organization
from accounts.organizations.problems import no_free_seat

INACTIVE_A_SEAT = 20  # a directory knows those who have left, too


class Payment(Protocol):
    def seats(self, organization_id: UUID, /) -> int:
        """How many are paid for now; 0 while nothing is."""

    def payer(self, organization_id: UUID, /) -> UUID | None:
        """Whose subscription that is; None while nothing is paid."""

    def attach(self, *, organization: Organization, user: User) -> None:
        """The subscription of ``user`` is the organisation's from now on, and no other one's."""

    def require_team(self, organization_id: UUID, /) -> None:
        """Raises ``FeatureNotAvailable`` while the organisation's subscription is not live."""

    def require_own_team(self, user: User, /) -> None:
        """Raises ``FeatureNotAvailable`` where ``user`` pays for no team tier of their own."""


@dataclass(slots=True)
class _Source:
    payment: Payment | None = None


_source = _Source()


def register(payment: Payment) -> None:
    _source.payment = payment


def payment() -> Payment:
    if _source.payment is None:
        raise RuntimeError("billing has not said how organisations are paid for")
    return _source.payment


def lock_organization(organization_id: UUID) -> Organization | None:
    """Everywhere the organisation's row before those of its members, and both before a user's. None: it is gone."""
    return Organization.objects.select_for_update(no_key=True).filter(id=organization_id).first()


def require_free_seat(
    organization_id: UUID, *, counts_pending: bool, joins: UUID | None = None, wanted: int = 1
) -> None:
    """To be called under ``lock_organization``. ``counts_pending``: invitations that wait take seats too. ``joins``:
    the user who would come in, where there is one. Who pays takes a seat wherever they are, and no second
    one where they are invited back: they have the tier by it.

    Raises ``QuotaExceeded`` with ``resource: "seats"``, ``limit`` and ``used``.
    """
    seats = payment().seats(organization_id)
    members, payer = Membership.objects.of_organization(organization_id).active(), payment().payer(organization_id)
    used = members.count()
    if payer is not None and payer != joins and not members.filter(user_id=payer).exists():
        used += 1
    if counts_pending:
        pending = Invitation.objects.of_organization(organization_id).pending(datetime.now(UTC))
        if payer is not None:
            has_a_seat = User.objects.filter(id=payer, address_key__isnull=False)
            pending = pending.exclude(address_key__in=has_a_seat.values("address_key"))
        used += pending.count()
    if used + wanted > seats:
        raise no_free_seat(seats=seats, used=used)


def require_few_inactive(organization_id: UUID) -> None:
    """For one more that takes no seat: a directory may make many that are not active, and each is a verified account.

    Raises as ``require_free_seat``.
    """
    seats = payment().seats(organization_id)
    used = Membership.objects.of_organization(organization_id).filter(active=False).count()
    if used >= seats * INACTIVE_A_SEAT:
        raise no_free_seat(seats=seats, used=used)
