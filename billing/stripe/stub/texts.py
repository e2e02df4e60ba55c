"""What the stub's pages say."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from billing.models import Checkout, PriceInterval
from billing.prices import Interval
from billing.stripe.hooks import Offer
from billing.stripe.projection import DUE
from billing.stripe.stub import objects
from billing.stripe.stub.lives import sold_prices
from billing.stripe.stub.objects import JsonObject, PlayedSubscription
from billing.tiers import GIB, MOST_SEATS, TIERS, Tier

INVOICE_STATES: Mapping[str, str] = {"open": "To be paid", "paid": "Paid"}


def describe_checkout(checkout: Checkout) -> dict[str, Any]:
    plan, limits = checkout.tier.title(), TIERS[Tier(checkout.tier)]
    interval: Interval = "year" if checkout.interval == PriceInterval.YEAR else "month"
    each = objects.price_cents(checkout.tier, interval)
    seats = [("Seats", f"{checkout.seats} at {format_cents(each)}")] if checkout.tier == Tier.TEAM else []
    return {
        "title": f"Buy {plan}",
        "plan": plan,
        "price": format_cents(each * checkout.seats),
        "interval": interval,
        "email": checkout.user.email,
        "included": [
            *seats,
            ("Cloud storage", _format_size(limits.cloud_storage_bytes)),
            ("Backups", _format_size(limits.backup_storage_bytes)),
            ("Active batches", "Unlimited" if limits.batch_active is None else str(limits.batch_active)),
            ("Requests a minute", str(limits.requests_per_minute)),
            ("Plugin marketplace", _format_switch(is_on=limits.plugin_marketplace)),
            ("Single sign-on", _format_switch(is_on=limits.sso)),
        ],
        "cancel_url": "/billing/cancelled",
    }


def describe_offer(offer: Offer) -> dict[str, Any]:
    return {
        "title": f"Buy {offer.sale.name}",
        "name": offer.sale.name,
        "price": format_cents(offer.sale.amount_cents),
        "email": offer.email,
        "cancel_url": "/billing/cancelled",
    }


def describe_portal(user: User, one: PlayedSubscription | None, invoices: list[JsonObject]) -> dict[str, Any]:
    shown = {
        "title": "Your plan",
        "email": user.email,
        "invoices": [describe_invoice(invoice, email=user.email) for invoice in invoices],
        "back_url": "/billing/back",
    }
    if one is None:
        return shown
    prices = list(_describe_prices(one))
    latest = next((invoice for invoice in invoices if invoice["id"] == one.latest_invoice_id), None)
    return shown | {
        "plan": one.tier.title(),
        "price": format_cents(one.cents),
        "interval": one.interval,
        "seats": one.quantity if one.tier == Tier.TEAM else None,
        "most_seats": MOST_SEATS,
        "state": _state_of(one),
        "is_due": one.status in DUE,
        "pay_url": latest["hosted_invoice_url"] if latest is not None and latest["status"] == "open" else "",
        "ends_with_period": one.ends_with_period,
        "period_end": _moment(one.period_end),
        "version": one.version,
        "prices": prices,
        "is_unlisted": not any(price["is_chosen"] for price in prices),
    }


def describe_invoice(invoice: JsonObject, *, email: str) -> dict[str, Any]:
    return {
        "title": f"Invoice {invoice['number']}",
        "number": invoice["number"],
        "email": email,
        "created": _moment(invoice["created"]),
        "is_open": invoice["status"] == "open",
        "state": INVOICE_STATES.get(invoice["status"], invoice["status"].title()),
        "total": format_cents(invoice["total"]),
        "lines": [
            {
                "text": line["description"],
                "amount": format_cents(line["amount"]),
                "start": _moment(line["period"]["start"]),
                "end": _moment(line["period"]["end"]),
            }
            for line in invoice["lines"]["data"]
        ],
        "url": invoice["hosted_invoice_url"],
        "pdf_url": invoice["invoice_pdf"],
    }


def format_cents(cents: int) -> str:
    return f"€{cents / 100:,.2f}"


def format_day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _state_of(one: PlayedSubscription) -> str:
    day = format_day(_moment(one.period_end))
    if one.status in DUE:
        return "The last payment failed"
    return f"Ends on {day}" if one.ends_with_period else f"Active, renews on {day}"


def _describe_prices(one: PlayedSubscription) -> Iterator[dict[str, Any]]:
    for tier, price in sold_prices():
        amount = format_cents(objects.price_cents(tier, price.interval))
        each = " and seat" if tier is Tier.TEAM else ""
        name = price.price_id or price.name
        yield {
            "id": name,
            "label": f"{tier.title()}, {amount} a {price.interval}{each}",
            "is_chosen": name == one.price_id,
        }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _format_size(size_bytes: int | None) -> str:
    return "Unlimited" if size_bytes is None else f"{size_bytes // GIB} GiB"


def _format_switch(*, is_on: bool) -> str:
    return "Included" if is_on else "Not included"
