"""Which subscription pays for an organisation, and for how many (docs/api.md § 16).

Whoever founds it pays for it. Once that subscription is not good for team any more, the one of another owner takes its
place: looked for when a subscription has changed, and by a job, for what ends by the clock (a grace) and for what a
crash has left.
"""

import logging
from functools import partial
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.organizations import seats
from accounts.organizations.models import Membership, Organization
from adiuva.api.errors import FeatureNotAvailable
from billing.entitlements import tier_of_rows, tier_of_subscription
from billing.models import Subscription
from billing.tiers import Tier

logger = logging.getLogger(__name__)


def register() -> None:
    seats.register(_Payment())


class _Payment:
    def seats(self, organization_id: UUID, /) -> int:
        row = _find_paying(organization_id)
        return (row.seats or 1) if row is not None else 0

    def payer(self, organization_id: UUID, /) -> UUID | None:
        row = _find_paying(organization_id)
        return row.user_id if row is not None else None

    def attach(self, *, organization: Organization, user: User) -> None:
        with transaction.atomic():
            # Two at once would both find no other one's, or wait for each other.
            seats.lock_organization(organization.id)
            row = Subscription.objects.filter(user=user).first()
            if row is None or row.organization_id == organization.id:
                return
            _attach(row, organization_id=organization.id)

    def require_team(self, organization_id: UUID, /) -> None:
        if _find_paying(organization_id) is None:
            raise FeatureNotAvailable(required_tier=Tier.TEAM)

    def require_own_team(self, user: User, /) -> None:
        row = Subscription.objects.filter(user=user).first()
        if row is None or tier_of_subscription(row) is not Tier.TEAM:
            raise FeatureNotAvailable(required_tier=Tier.TEAM)


def settle(organization_id: UUID) -> bool:
    """Where nothing good for team pays for the organisation, the team subscription of an owner does from now on:
    whether there was one. The oldest goes first. One that pays for another organisation stays with that: its members
    would lose their tier by what they have no part in.
    """
    with transaction.atomic():
        if seats.lock_organization(organization_id) is None or _find_paying(organization_id) is not None:
            return False
        owners = Membership.objects.of_organization(organization_id).owners()
        row = (
            Subscription.objects.alias(good_for=tier_of_rows())
            .filter(user__in=owners.values("user"), good_for=Tier.TEAM, organization=None)
            .order_by("created_at", "id")
            .first()
        )
        if row is None:
            return False
        _attach(row, organization_id=organization_id)
    logger.info("another subscription pays for an organisation", extra={"organization": str(organization_id)})
    return True


def settle_later(*, user_id: UUID, paid_for: UUID | None) -> None:
    """``settle`` for what a user's subscription pays, or has paid, for, and for the organisation they own.

    Once the transaction is over: it holds the user's row, and an organisation's is locked before that.
    """
    transaction.on_commit(partial(_settle_of, user_id=user_id, paid_for=paid_for), robust=True)


def settle_all() -> int:
    """``settle`` wherever it would find one: how many there were."""
    owners = Membership.objects.owners().alias(
        owns=tier_of_rows("user__subscription__"), paid=tier_of_rows("organization__subscription__")
    )
    unpaid = owners.filter(owns=Tier.TEAM).exclude(paid=Tier.TEAM)
    found = set(unpaid.order_by().values_list("organization_id", flat=True))
    return sum(settle(organization_id) for organization_id in sorted(found))


def _settle_of(*, user_id: UUID, paid_for: UUID | None) -> None:
    owned = Membership.objects.owners().filter(user_id=user_id).values_list("organization_id", flat=True).first()
    for organization_id in {paid_for, owned}:
        if organization_id is not None:
            settle(organization_id)


def _find_paying(organization_id: UUID) -> Subscription | None:
    """The organisation's subscription while it is good for team."""
    row = Subscription.objects.filter(organization_id=organization_id).first()
    return row if row is not None and tier_of_subscription(row) is Tier.TEAM else None


def _attach(row: Subscription, *, organization_id: UUID) -> None:
    """Under the organisation's lock. What the row has paid for so far, somebody else may pay for."""
    Subscription.objects.filter(organization_id=organization_id).exclude(pk=row.pk).update(organization=None)
    Subscription.objects.filter(pk=row.pk).update(organization_id=organization_id)
    if row.organization_id is not None:
        transaction.on_commit(partial(settle, row.organization_id), robust=True)
