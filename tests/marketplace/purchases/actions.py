"""Plugins to install, buyers with and without a card, and what is left of it all."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.test import override_settings

from accounts.models import User
from billing.stripe.customers import ensure_customer
from billing.stripe.factory import get_gateway
from marketplace.catalog.ratings import rank_of
from marketplace.models import (
    Plugin,
    PluginInstallation,
    PluginPurchase,
    PluginRating,
    PluginStatus,
    RevenueEvent,
)
from tests.fakes.stripe.faults import Kind
from tests.fakes.stripe.payments import Manner
from tests.fakes.stripe.signing import signature
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

WEBHOOK_SECRET = "whsec_loopback_0123456789abcdef"
PERMISSIONS = ["read:tasks", "write:notes"]


def publish(*, price_cents: int = 0, author: User | None = None, **columns: Any) -> Plugin:
    """A live plugin."""
    slug, now = f"plugin-{uuid.uuid4().hex[:12]}", datetime.now(UTC)
    given = {
        "slug": slug,
        "author": author,
        "author_name": "Adiuva",
        "name": f"The {slug}",
        "category": "Productivity",
        "version": "1.0.0",
        "price_cents": price_cents,
        "permissions": PERMISSIONS,
        "status": PluginStatus.APPROVED,
        "s3_package_key": f"_plugins/{slug}/1.0.0.x",
        "created_at": now,
        "published_at": now,
    }
    plugin: Plugin = Plugin.objects.create(**given | columns)
    return plugin


def change(plugin: Plugin, **columns: Any) -> None:
    Plugin.objects.filter(pk=plugin.pk).update(**columns)


def take_down(plugin: Plugin, reason: str = "It reads more than it says.") -> None:
    change(plugin, status=PluginStatus.TAKEN_DOWN, takedown_reason=reason)


def install(account: Account, plugin: Plugin) -> Answer:
    return ApiClient().post(f"plugins/{plugin.pk}/install", token=account.access_token)


def uninstall(account: Account, plugin: Plugin) -> Answer:
    return ApiClient().delete(f"plugins/{plugin.pk}/install", token=account.access_token)


def rate(account: Account, plugin: Plugin, stars: Any) -> Answer:
    return ApiClient().put(f"plugins/{plugin.pk}/rating", json={"stars": stars}, token=account.access_token)


def give_card(stripe: LoopbackStripe, account: Account, *, manner: Manner = "pays", is_default: bool = True) -> str:
    """The id of the saved card."""
    customer_id = ensure_customer(get_gateway(), user=account.user)
    return str(stripe.save_card(customer_id, manner=manner, is_default=is_default)["id"])


def page_of(answer: Answer) -> str:
    """The address that a 402 leads to."""
    assert (answer.status, answer.code) == (402, "payment_required"), answer
    return str(answer.json["checkout_url"])


def session_of(answer: Answer) -> str:
    return page_of(answer).rsplit("/", 1)[1]


@contextmanager
def lose_answers(
    stripe: LoopbackStripe,
    path: str = "/v1/payment_intents",
    *,
    kind: Kind = "timeout_after_commit",
    times: int = 2,
    seconds: float = 0.5,
) -> Iterator[None]:
    """The next requests to ``path`` get no answer, by ``kind`` after they were done; two are both tries of one call.

    Only within it is so short a silence taken for one: on a busy machine any answer may take longer.
    """
    stripe.fail(kind, path=path, times=times)
    with override_settings(STRIPE_TIMEOUT_SECONDS=seconds):
        yield


def deliver(event: dict[str, Any]) -> Answer:
    body = json.dumps(event).encode()
    return ApiClient().post("billing/webhook", body=body, headers={"Stripe-Signature": signature(body, WEBHOOK_SECRET)})


def deliver_all(stripe: LoopbackStripe) -> list[str]:
    """What has happened at Stripe since the last call; the types of the events."""
    events = stripe.undelivered()
    for event in events:
        answer = deliver(event)
        assert answer.status == 200, (event["type"], answer)
    return [event["type"] for event in events]


def charged_cents(stripe: LoopbackStripe) -> list[int]:
    """Every amount of money that has moved."""
    return [charge["amount"] for charge in stripe.world.all("charge")]


def purchases_of(account: Account) -> list[str]:
    """Their statuses, oldest first."""
    purchases = PluginPurchase.objects.for_user(account.user.pk).order_by("created_at")
    return list(purchases.values_list("status", flat=True))


def sales_of(plugin: Plugin) -> list[int]:
    return list(RevenueEvent.objects.filter(plugin=plugin).values_list("amount_cents", flat=True))


def has_installed(account: Account, plugin: Plugin) -> bool:
    theirs = PluginInstallation.objects.for_user(account.user.pk)
    return bool(theirs.filter(plugin=plugin, uninstalled_at=None).exists())


def require_true_counts(plugin: Plugin) -> None:
    """What the plugin's row says equals a recount."""
    plugin.refresh_from_db()
    assert plugin.install_count == plugin.installations.filter(uninstalled_at=None).count()
    stars = list(PluginRating.objects.filter(plugin=plugin).values_list("stars", flat=True))
    assert (plugin.rating_sum, plugin.rating_count) == (sum(stars), len(stars))
    assert plugin.avg_rating == (sum(stars) / len(stars) if stars else 0)
    if stars:
        assert plugin.rank == rank_of(plugin.rating_sum, plugin.rating_count)
