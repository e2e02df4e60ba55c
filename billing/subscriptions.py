"""The only writer of the live tier, be it for an operator or for Stripe."""

from typing import Any

from django.db import transaction

from accounts.models import User
from billing import alerts
from billing.entitlements import forget_tier
from billing.models import BillingFact, Subscription, SubscriptionStatus
from billing.notices import write_about_state
from billing.organizations.seats import settle_later
from billing.stripe.projection import State, project
from billing.tiers import Tier


@transaction.atomic
def set_tier(*, user: User, tier: Tier, seats: int | None = None) -> None:
    """Gives ``user`` that tier from the very next request on, and keeps ``users.tier``, the display copy, in step.

    Free means that the row goes: no row is the free tier. A row that stands for a subscription at Stripe stays, on the
    free tier and otherwise as it was: its id is what later events and a cancellation at Stripe are matched by.
    The tier holds, also beyond the grace of a failed payment, until Stripe has news (``apply_facts``).
    ``seats`` are of team, for one person and more; without it a row that is team keeps those it has, and any other
    gets one. The caller's ``user`` is up to date afterwards.

    Raises:
        User.DoesNotExist: deleted in the meantime.
    """
    # Two at once must not leave the copy of one beside the row of the other.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    row = Subscription.objects.filter(user=user).first()
    paid_for = row.organization_id if row is not None else None
    columns: dict[str, Any] = {"tier": tier, "tier_after_grace": tier, "set_by_operator": True}
    if tier is Tier.FREE:
        Subscription.objects.filter(user=user, stripe_subscription_id=None).delete()
        Subscription.objects.filter(user=user).update(**columns)
    else:
        kept = row.seats if row is not None and tier is Tier.TEAM else None
        columns["seats"] = seats or kept or 1
        Subscription.objects.update_or_create(
            user=user,
            defaults=columns,
            create_defaults=columns | {"status": SubscriptionStatus.ACTIVE},
        )
    User.objects.filter(pk=user.pk).update(tier=tier)
    settle_later(user_id=user.pk, paid_for=paid_for)
    forget_tier(user)


def apply_facts(*, user: User, facts: list[BillingFact]) -> State | None:
    """Makes the user's row what ``facts``, all that are known of their customer, come to, and writes to them of what
    they should know.

    For callers that hold the locks of ``billing.stripe.customers``. The caller's ``user`` is up to date afterwards.
    """
    state = project(facts)
    if state is None:
        return None
    row = Subscription.objects.filter(user=user).first() or Subscription(user=user)
    columns: dict[str, Any] = {
        "stripe_subscription_id": _claim_subscription_id(state.subscription_id, user=user),
        "stripe_tier": state.tier or "",
        "stripe_state_at": state.newest_at,
        "status": state.status,
        "current_period_end": state.current_period_end,
        "cancel_at_period_end": state.cancel_at_period_end,
        "cancel_at": state.cancel_at,
        "pay_url": state.pay_url,
        "past_due_since": state.past_due_since,
    }
    if _replaces_operators(row, state):
        columns |= {
            "tier": state.tier or Tier.FREE,
            "tier_after_grace": state.tier_after_grace,
            "seats": state.seats,
            "set_by_operator": False,
        }
    if any(getattr(row, name) != value for name, value in columns.items()):
        for name, value in columns.items():
            setattr(row, name, value)
        row.save()
        settle_later(user_id=user.pk, paid_for=row.organization_id)
    User.objects.filter(pk=user.pk).update(tier=row.tier)
    forget_tier(user)
    write_about_state(user=user, facts=facts, state=state)
    return state


def _replaces_operators(row: Subscription, state: State) -> bool:
    """Whether Stripe's word of tier and seats replaces an operator's.

    It does when it is another word than before, or newer and about a subscription that is paid for. An abandoned
    checkout or an old event takes nothing from anybody.
    """
    if not row.set_by_operator:
        return True
    if state.tier is None:
        return False
    is_newer = row.stripe_state_at is None or state.newest_at > row.stripe_state_at
    return state.tier != row.stripe_tier or (state.tier is not Tier.FREE and is_newer)


def _claim_subscription_id(subscription_id: str, *, user: User) -> str | None:
    """None for an id that another user's row has: at Stripe a subscription belongs to one customer for good."""
    if not Subscription.objects.filter(stripe_subscription_id=subscription_id).exclude(user=user).exists():
        return subscription_id
    alerts.raise_alert(
        alerts.SUBSCRIPTION_CONFLICT,
        reference=subscription_id,
        message=f"The subscription {subscription_id} came with the customers of two users; see {user.pk}.",
    )
    return None
