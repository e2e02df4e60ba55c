"""The only writer of the live tier."""

from django.db import transaction

from accounts.models import User
from billing.models import Subscription, SubscriptionStatus
from billing.tiers import Tier


@transaction.atomic
def set_tier(*, user: User, tier: Tier) -> None:
    """Gives ``user`` that tier from the very next request on, and keeps ``users.tier``, the display copy, in step.

    Free means that the row goes: no row is the free tier. A row that stands for a subscription at Stripe stays, on the
    free tier and otherwise as it was: its id is what later events and a cancellation at Stripe are matched by.
    The caller's ``user`` is up to date afterwards.

    Raises:
        User.DoesNotExist: deleted in the meantime.
    """
    # Two at once must not leave the copy of one beside the row of the other.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if tier is Tier.FREE:
        Subscription.objects.filter(user=user, stripe_subscription_id=None).delete()
        Subscription.objects.filter(user=user).update(tier=tier)
    else:
        Subscription.objects.update_or_create(
            user=user,
            defaults={"tier": tier},
            create_defaults={"tier": tier, "status": SubscriptionStatus.ACTIVE},
        )
    User.objects.filter(pk=user.pk).update(tier=tier)
    user.refresh_from_db(fields=["tier", "subscription"])
