"""The stub's purchases and accounts: what Stripe would send once somebody has paid or has told it who they are,
delivered through the very code of its webhook.
"""

import time
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Max

from billing.cancellation import end_duplicates
from billing.models import BillingFact, Checkout, FactKind
from billing.stripe import webhook
from billing.stripe.factory import get_gateway
from billing.stripe.hooks import Offer
from billing.stripe.stub import objects


def complete(checkout: Checkout) -> None:
    """Delivers the events of this purchase, signed as Stripe signs them; repeating it changes nothing."""
    name, customer_id = checkout.pk.hex, str(checkout.user.stripe_customer_id)
    subscription_id = f"{objects.SUBSCRIPTION_PREFIX}{name}"
    now = _time_of_sale(customer_id=customer_id, subscription_id=subscription_id)
    bought = objects.subscription(
        subscription_id,
        customer_id=customer_id,
        price_id=checkout.price_id,
        created=now,
        period_end=now + objects.MONTH_SECONDS,
    )
    session = objects.completed_session(
        str(checkout.session_id),
        customer_id=customer_id,
        subscription_id=subscription_id,
        user_id=str(checkout.user_id),
        tier=checkout.tier,
        created=now,
    )
    # Their ids are the purchase's, so that a button pressed twice is a delivery repeated.
    _deliver(objects.event(f"evt_stub_1_{name}", "customer.subscription.created", bought, created=now))
    _deliver(objects.event(f"evt_stub_2_{name}", "checkout.session.completed", session, created=now))
    end_duplicates(get_gateway(), customer_id=customer_id)
    done_at = datetime.now(UTC)
    Checkout.objects.filter(pk=checkout.pk, completed_at=None).update(completed_at=done_at, closed_at=done_at)


def complete_sale(offer: Offer) -> None:
    """The same for what is paid once."""
    now = int(time.time())
    paid = objects.paid_session(offer, created=now)
    event_id = f"evt_stub_paid_{offer.session_id.removeprefix('cs_stub_')}"
    _deliver(objects.event(event_id, "checkout.session.completed", paid, created=now))


def complete_onboarding(account_id: str) -> None:
    """The same for a developer who has answered Connect's questions."""
    about = {"id": account_id, "object": "account", "payouts_enabled": True}
    _deliver(objects.event(f"evt_stub_{account_id}", "account.updated", about, created=int(time.time())))


def _time_of_sale(*, customer_id: str, subscription_id: str) -> int:
    """Now, but a second after all that was heard of the customer's other subscriptions: the newer purchase is the one
    that stays, and a script buys twice within a second.
    """
    others = BillingFact.objects.filter(subject_id=customer_id).exclude(kind=FactKind.OTHER)
    newest = others.exclude(subscription_id=subscription_id).aggregate(newest=Max("occurred_at"))["newest"]
    now = int(time.time())
    return now if newest is None else max(now, int(newest.timestamp()) + 1)


def _deliver(body: bytes) -> None:
    secret = settings.STRIPE_STUB_SECRET
    webhook.receive(body=body, signature=objects.signature(body, secret), secret=secret)
