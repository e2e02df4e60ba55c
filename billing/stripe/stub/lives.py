"""What becomes of a subscription after its purchase: what its owner does in the portal, and what time brings.

Each deed says which events Stripe would send, and ``play`` delivers them. No clock is moved: the events are of now, and
the period that they begin follows the one before.
"""

from collections.abc import Callable
from dataclasses import replace

from django.db import transaction

from billing.models import SubscriptionStatus
from billing.prices import PriceBook, SoldPrice
from billing.stripe.customers import lock_subject
from billing.stripe.projection import DUE
from billing.stripe.stub import objects, world
from billing.stripe.stub.deliveries import deliver
from billing.stripe.stub.objects import JsonObject, PlayedSubscription
from billing.tiers import PAID_TIERS, Tier

UPDATED, DELETED = "customer.subscription.updated", "customer.subscription.deleted"
PAID, FAILED = "invoice.paid", "invoice.payment_failed"

Event = tuple[str, JsonObject]
Deed = Callable[[PlayedSubscription, int], list[Event]]


def sold_prices() -> list[tuple[Tier, SoldPrice]]:
    """What the portal offers to change to."""
    book = PriceBook.load()
    return [(tier, price) for tier in PAID_TIERS for price in book.sold(tier)]


@transaction.atomic
def play(deed: Deed, *, customer_id: str, seen: str) -> None:
    """Delivers what comes of ``deed`` for the customer's running subscription, all of it or nothing.

    ``seen`` is the version of the subscription on the page with the button: nothing is done where that is an old one,
    so a button that is pressed twice acts once.
    """
    lock_subject(customer_id)
    one = world.running_subscription(customer_id)
    if one is None or one.version != seen:
        return
    at = world.next_time(customer_id)
    for number, (kind, about) in enumerate(deed(one, at), 1):
        deliver(f"{objects.EVENT_PREFIX}{seen}_{number}", kind, about, created=at)


@transaction.atomic
def pay(invoice_id: str, *, customer_id: str) -> None:
    """The open invoice is paid, on its page; one that is not open stays as it is."""
    lock_subject(customer_id)
    invoice = world.find_invoice(invoice_id)
    if invoice is None or invoice["status"] != "open":
        return
    at, name = world.next_time(customer_id), invoice_id.removeprefix(objects.INVOICE_PREFIX)
    deliver(f"{objects.EVENT_PREFIX}pay_{name}_1", PAID, objects.paid_invoice(invoice, paid_at=at), created=at)
    one = world.find_subscription(invoice["parent"]["subscription_details"]["subscription"])
    if one is not None and one.status in DUE and one.latest_invoice_id == invoice_id:
        kind, about = _updated(replace(one, status=SubscriptionStatus.ACTIVE.value))
        deliver(f"{objects.EVENT_PREFIX}pay_{name}_2", kind, about, created=at)


def end_with_period(one: PlayedSubscription, _at: int) -> list[Event]:
    return [_updated(replace(one, ends_with_period=True))]


def go_on(one: PlayedSubscription, _at: int) -> list[Event]:
    """A scheduled end is taken back."""
    return [_updated(replace(one, ends_with_period=False))]


def change_seats(seats: int) -> Deed:
    """From now on; the next invoice is the first for this number. Only team has seats."""
    return lambda one, _at: [_updated(replace(one, quantity=seats))] if one.tier == Tier.TEAM else []


def change_price(price_id: str) -> Deed:
    """From now on; the next invoice is the first for it. Only team has seats."""

    def change(one: PlayedSubscription, _at: int) -> list[Event]:
        is_team = objects.tier_of_price(price_id) == Tier.TEAM
        return [_updated(replace(one, price_id=price_id, quantity=one.quantity if is_team else 1))]

    return change


def end_period(one: PlayedSubscription, at: int) -> list[Event]:
    """What the end of the period brings: a renewal that is paid, the end that is scheduled, or, for one that owes, the
    end that Stripe makes when the last try to charge the card has failed.
    """
    if one.ends_with_period or one.status in DUE:
        return [(DELETED, objects.subscription(replace(one, status=SubscriptionStatus.CANCELED.value)))]
    return _renew(one, at, paid=True)


def fail_renewal(one: PlayedSubscription, at: int) -> list[Event]:
    """The next period begins, and the card is refused."""
    return [] if one.status in DUE else _renew(one, at, paid=False)


def _renew(one: PlayedSubscription, at: int, *, paid: bool) -> list[Event]:
    status = SubscriptionStatus.ACTIVE if paid else SubscriptionStatus.PAST_DUE
    renewed = replace(
        one,
        status=status.value,
        period_end=one.period_end + objects.PERIOD_SECONDS[one.interval],
        latest_invoice_id=f"{objects.INVOICE_PREFIX}{one.version}",
    )
    invoice = objects.invoice(
        renewed, number=world.next_number(one.customer_id), reason="subscription_cycle", paid=paid, created=at
    )
    return [(PAID if paid else FAILED, invoice), _updated(renewed)]


def _updated(one: PlayedSubscription) -> Event:
    return UPDATED, objects.subscription(one)
