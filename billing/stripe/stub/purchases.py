"""The stub's purchases and accounts: what Stripe would send once somebody has paid or has told it who they are."""

import time
from datetime import UTC, datetime

from billing.cancellation import end_duplicates
from billing.models import Checkout, PriceInterval
from billing.prices import Interval
from billing.stripe.factory import get_gateway
from billing.stripe.hooks import Offer
from billing.stripe.stub import objects, world
from billing.stripe.stub.deliveries import deliver


def complete(checkout: Checkout) -> None:
    """Delivers the events of this purchase; repeating it changes nothing."""
    name, customer_id = checkout.pk.hex, str(checkout.user.stripe_customer_id)
    subscription_id = f"{objects.SUBSCRIPTION_PREFIX}{name}"
    interval: Interval = "year" if checkout.interval == PriceInterval.YEAR else "month"
    # The newer purchase is the one that stays.
    now = world.next_time(customer_id, apart_from=subscription_id)
    bought = objects.PlayedSubscription(
        id=subscription_id,
        customer_id=customer_id,
        user_id=str(checkout.user_id),
        named_tier=checkout.tier,
        price_id=checkout.price_id,
        quantity=checkout.seats,
        created=now,
        period_end=now + objects.PERIOD_SECONDS[interval],
        latest_invoice_id=f"{objects.INVOICE_PREFIX}{name}",
    )
    number = world.next_number(customer_id)
    invoice = objects.invoice(bought, number=number, reason="subscription_create", paid=True, created=now)
    # Their ids are the purchase's, so that a button pressed twice is a delivery repeated.
    for kind, about in (
        ("customer.subscription.created", objects.subscription(bought)),
        ("invoice.paid", invoice),
        ("checkout.session.completed", objects.completed_session(str(checkout.session_id), bought)),
    ):
        deliver(f"{objects.EVENT_PREFIX}{name}_{about['object'].replace('.', '_')}", kind, about, created=now)
    end_duplicates(get_gateway(), customer_id=customer_id)
    done_at = datetime.now(UTC)
    Checkout.objects.filter(pk=checkout.pk, completed_at=None).update(completed_at=done_at, closed_at=done_at)


def complete_sale(offer: Offer) -> None:
    """The same for what is paid once."""
    now = int(time.time())
    event_id = f"{objects.EVENT_PREFIX}paid_{offer.session_id.removeprefix('cs_stub_')}"
    deliver(event_id, "checkout.session.completed", objects.paid_session(offer, created=now), created=now)


def complete_onboarding(account_id: str) -> None:
    """The same for a developer who has answered Connect's questions."""
    about = {"id": account_id, "object": "account", "details_submitted": True, "payouts_enabled": True}
    deliver(f"{objects.EVENT_PREFIX}{account_id}", "account.updated", about, created=int(time.time()))
