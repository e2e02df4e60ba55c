"""Invoices with lines, as events carry them, and what is booked of them."""

from collections import Counter
from typing import Any

from billing.revenue.models import SubscriptionPayment
from tests.billing import stripe_events
from tests.billing.deliveries import T0
from tests.billing.stripe_events import JsonObject

OURS, ADD_ON = "price_pro_monthly", "price_of_another_product"


def line(price_id: str, cents: int, *, discount: int = 0, tax: int = 0, product: str = "prod_of_them") -> JsonObject:
    """docs.stripe.com/api/invoice-line-item/object; ``tax`` comes on top."""
    taxes = [{"amount": tax, "tax_behavior": "exclusive", "taxable_amount": cents, "type": "tax_rate_details"}]
    return {
        "id": stripe_events.new_id("il"),
        "object": "line_item",
        "amount": cents,
        "currency": "eur",
        "discount_amounts": [{"amount": discount, "discount": "di_1"}] if discount else [],
        "pricing": {
            "price_details": {"price": price_id, "product": product},
            "type": "price_details",
            "unit_amount_decimal": str(cents),
        },
        "quantity": 1,
        "taxes": taxes if tax else [],
    }


def lines(*every: JsonObject, has_more: bool = False) -> JsonObject:
    return {"object": "list", "data": list(every), "has_more": has_more, "url": "/v1/invoices/in_1/lines"}


def paid(
    *every: JsonObject,
    customer_id: str = "cus_of_nobody",
    subscription_id: str = "sub_of_theirs",
    cents: int | None = None,
    kind: str = "invoice.paid",
    has_more: bool = False,
    created: int = T0,
    **changes: Any,
) -> JsonObject:
    """``cents``: what was paid, where that is not the sum of the lines."""
    total = sum(one["amount"] for one in every) if cents is None else cents
    obj = stripe_events.invoice(subscription_id, customer_id=customer_id, paid=True, cents=total)
    obj |= {"lines": lines(*every, has_more=has_more)} | changes
    return stripe_events.event(kind, obj, created=created)


def booked() -> list[tuple[int, str]]:
    """Amounts and their currencies, oldest first."""
    rows = SubscriptionPayment.objects.order_by("paid_at", "source")
    return [(row.amount_cents, row.currency) for row in rows]


def sums() -> dict[str, int]:
    total: Counter[str] = Counter()
    for cents, currency in booked():
        total[currency] += cents
    return dict(total)
