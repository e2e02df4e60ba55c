"""Sales, and Stripe's events about them."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from adiuva.jobs import get_queue
from marketplace.models import (
    DeveloperAccount,
    LedgerEntry,
    Plugin,
    PluginPurchase,
    PluginStatus,
    PurchaseStatus,
    RevenueEvent,
    Transfer,
)
from marketplace.payouts.settlement import record_sale
from marketplace.prices import MIN_PRICE_CENTS
from tests.billing.stripe_events import event as stripe_event
from tests.fakes.stripe.signing import signature
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.client import Answer, ApiClient

JsonObject = dict[str, Any]

WEBHOOK_SECRET = "whsec_loopback_0123456789abcdef"
T0 = 1_790_000_000


def make_plugin(*, author: User | None, cents: int = 499) -> Plugin:
    slug = f"plugin-{uuid.uuid4().hex[:12]}"
    now = datetime.now(UTC)
    return Plugin.objects.create(
        slug=slug,
        author=author,
        author_name="dev-00000000" if author else "Adiuva",
        name=f"The {slug}",
        category="Productivity",
        version="1.0.0",
        price_cents=cents,
        is_unsellable=0 < cents < MIN_PRICE_CENTS,  # such prices were sold by other rules
        status=PluginStatus.APPROVED,
        s3_package_key=f"_plugins/{slug}/1.0.0.x",
        created_at=now,
        published_at=now,
    )


def make_purchase(plugin: Plugin, *, buyer: User | None = None, cents: int | None = None) -> PluginPurchase:
    """Paid, and not recorded as a sale yet."""
    return PluginPurchase.objects.create(
        plugin=plugin,
        user=buyer,
        amount_cents=plugin.price_cents if cents is None else cents,
        status=PurchaseStatus.PAID,
        payment_intent_id=f"pi_{uuid.uuid4().hex[:24]}",
        created_at=datetime.now(UTC),
        paid_at=datetime.now(UTC),
    )


def sell(*, author: User | None, cents: int = 499, buyer: User | None = None) -> RevenueEvent:
    return record(make_purchase(make_plugin(author=author, cents=cents), buyer=buyer))


def record(purchase: PluginPurchase) -> RevenueEvent:
    with transaction.atomic():
        return record_sale(purchase=purchase)


def make_payable(user: User, account_id: str | None = None) -> DeveloperAccount:
    return DeveloperAccount.objects.create(
        user=user,
        stripe_account_id=account_id or f"acct_{uuid.uuid4().hex[:16]}",
        payouts_enabled=True,
        created_at=datetime.now(UTC),
    )


# --- what the books say


def ledger(sale: RevenueEvent) -> dict[str, int]:
    rows = LedgerEntry.objects.filter(revenue_event=sale).values("account").annotate(cents=Sum("amount_cents"))
    return {row["account"]: row["cents"] for row in rows}


def developer_has(sale: RevenueEvent) -> int:
    return ledger(sale).get("developer", 0)


def sums_by_source(sale: RevenueEvent) -> set[int]:
    rows = LedgerEntry.objects.filter(revenue_event=sale).values("source").annotate(cents=Sum("amount_cents"))
    return {row["cents"] for row in rows}


def sum_transfers(sale: RevenueEvent) -> int:
    return sum(Transfer.objects.filter(revenue_event=sale).values_list("amount_cents", flat=True))


def purchase_status(sale: RevenueEvent) -> str:
    return str(PluginPurchase.objects.values_list("status", flat=True).get(pk=sale.purchase_id))


# --- events


def payment_of(sale: RevenueEvent | PluginPurchase) -> str:
    purchase = sale if isinstance(sale, PluginPurchase) else sale.purchase
    return str(purchase.payment_intent_id)


def charge_refunded(payment: str, *, total: int, at: int = T0) -> JsonObject:
    """A charge, with all that has been refunded of it."""
    charge = {
        "id": f"ch_{payment}",
        "object": "charge",
        "amount": 1_000_000,
        "amount_refunded": total,
        "customer": None,
        "payment_intent": payment,
        "refunded": False,
    }
    return stripe_event("charge.refunded", charge, created=at)


def refund(payment: str, refund_id: str, *, cents: int, status: str = "succeeded", at: int = T0) -> JsonObject:
    kind = "refund.failed" if status == "failed" else "refund.created"
    about = {
        "id": refund_id,
        "object": "refund",
        "amount": cents,
        "charge": f"ch_{payment}",
        "currency": "eur",
        "payment_intent": payment,
        "status": status,
    }
    return stripe_event(kind, about, created=at)


def dispute(
    payment: str, *, cents: int, status: str = "needs_response", at: int = T0, due_by: int | None = None
) -> JsonObject:
    closed = {"won", "lost", "warning_closed"}
    about = {
        "id": f"du_{payment}",
        "object": "dispute",
        "amount": cents,
        "charge": f"ch_{payment}",
        "currency": "eur",
        "evidence_details": {"due_by": due_by, "has_evidence": False, "past_due": False, "submission_count": 0},
        "payment_intent": payment,
        "status": status,
    }
    kind = "charge.dispute.closed" if status in closed else "charge.dispute.created"
    return stripe_event(kind, about, created=at)


def account_updated(account_id: str, *, payouts: bool, at: int = T0, **more: Any) -> JsonObject:
    about = {
        "id": account_id,
        "object": "account",
        "capabilities": {"transfers": "active" if payouts else "pending"},
        "payouts_enabled": payouts,
        **more,
    }
    return stripe_event("account.updated", about, created=at) | {"account": account_id}


def deliver(*events: JsonObject, expected: int = 200, secret: str = WEBHOOK_SECRET) -> None:
    for event in events:
        body = json.dumps(event).encode()
        answer: Answer = ApiClient().post(
            "billing/webhook", body=body, headers={"Stripe-Signature": signature(body, secret)}
        )
        assert answer.status == expected, (event["type"], answer)


def let_payouts_finish() -> None:
    """Whatever is queued so far."""
    get_queue().drain()


def sent_to(stripe_server: LoopbackStripe) -> list[tuple[str, int]]:
    """Account and cents of each transfer that Stripe has."""
    return [(one["destination"], one["amount"]) for one in stripe_server.world.all("transfer")]
