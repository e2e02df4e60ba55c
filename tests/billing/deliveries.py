"""Delivering events, and a life of five of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.models import User
from billing.models import Subscription
from billing.stripe import webhook
from tests.billing import stripe_events
from tests.billing.stripe_events import JsonObject
from tests.fakes.stripe import objects, subscriptions
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.client import Answer, ApiClient

SECRET = "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
T0 = 1_700_000_000  # long ago by any clock
DAY = 24 * 3600


def deliver(api: ApiClient, event: JsonObject, *, secret: str | None = None, at: float | None = None) -> Answer:
    """Over HTTP, signed now (or at ``at``) with the secret that is set (or ``secret``)."""
    body = stripe_events.encode(event)
    signed_with = settings.STRIPE_WEBHOOK_SECRET if secret is None else secret
    return deliver_raw(api, body, signature=stripe_events.signature(body, signed_with, at=at))


def deliver_raw(api: ApiClient, body: bytes, *, signature: str | None) -> Answer:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    return api.post("billing/webhook", body=body, headers=headers)


def receive(event: JsonObject) -> bool:
    """Past HTTP, for many; True for a duplicate."""
    body = stripe_events.encode(event)
    secret = settings.STRIPE_WEBHOOK_SECRET
    return webhook.receive(body=body, signature=stripe_events.signature(body, secret), secret=secret).duplicate


def make_customer(user: User) -> str:
    """Gives the user a Stripe customer and returns its id."""
    customer_id = stripe_events.new_id("cus")
    User.objects.filter(id=user.id).update(stripe_customer_id=customer_id)
    return customer_id


def buy_at(stripe_server: LoopbackStripe, user: User, *, tier: str = "pro", tell: bool = True) -> str:
    """The id of a subscription that Stripe has, and (unless ``tell`` is false) that its events told us of."""
    world = stripe_server.world
    user.refresh_from_db()
    if user.stripe_customer_id is None:
        made = world.add("customer", objects.customer(world, {"email": user.email}))
        User.objects.filter(id=user.id).update(stripe_customer_id=made["id"])
        user.refresh_from_db()
    prices = [(world.get("price", settings.STRIPE_PRICES[tier][0]), 1)]
    started = subscriptions.start(world, customer_id=str(user.stripe_customer_id), prices=prices, metadata={})
    events = stripe_server.undelivered()
    for event in events if tell else []:
        receive(event)
    return str(started["id"])


def five_events(customer_id: str) -> list[JsonObject]:
    """Created, renewed as another tier, a failed payment, paid again, deleted: in their order."""
    sub = stripe_events.new_id("sub")
    of: dict[str, Any] = {"customer_id": customer_id}
    return [
        stripe_events.subscription_created(sub, created=T0, period_start=T0, **of),
        stripe_events.subscription_updated(
            sub, created=T0 + 30 * DAY, period_start=T0 + 30 * DAY, price_id="price_team_monthly", **of
        ),
        stripe_events.payment_failed(sub, created=T0 + 60 * DAY, **of),
        stripe_events.subscription_updated(
            sub, created=T0 + 62 * DAY, period_start=T0 + 60 * DAY, price_id="price_team_monthly", **of
        ),
        stripe_events.subscription_deleted(
            sub, created=T0 + 90 * DAY, period_start=T0 + 60 * DAY, price_id="price_team_monthly", **of
        ),
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the requirement compares; ``copy`` is ``users.tier``."""

    tier: str
    status: str
    current_period_end: datetime | None
    cancel_at_period_end: bool
    past_due_since: datetime | None
    stripe_state_at: datetime | None
    copy: str


def outcome(user: User) -> Outcome:
    row = Subscription.objects.select_related("user").get(user_id=user.id)
    return Outcome(
        tier=row.tier,
        status=row.status,
        current_period_end=row.current_period_end,
        cancel_at_period_end=row.cancel_at_period_end,
        past_due_since=row.past_due_since,
        stripe_state_at=row.stripe_state_at,
        copy=row.user.tier,
    )
