"""``billing.stripe.port.Gateway`` without Stripe, for development: nothing is paid and no money moves.

It keeps nothing of its own. What was bought, and what became of it, is what the stub's pages (``purchases``, ``lives``)
sent to the webhook, read back by ``world``. Nobody has a saved card, and every page is one of the stub's.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import NotConfigured
from billing.prices import Price, guess_interval
from billing.stripe.events import OPEN
from billing.stripe.hooks import find_offer
from billing.stripe.money_port import InvoicePaid, MoneyBack
from billing.stripe.objects import read_subscription, read_whole_invoice
from billing.stripe.port import (
    SESSION_LIFETIME,
    STUB_ACCOUNT_PREFIX,
    CardRefused,
    CheckoutSession,
    ConnectAccount,
    Payment,
    Sale,
    StripeInvoice,
    StripeSubscription,
)
from billing.stripe.projection import FINAL
from billing.stripe.stub import addresses, objects, world
from billing.stripe.stub.objects import PlayedSubscription


class StubGateway:
    def create_customer(self, *, user: User, instead_of: str | None = None) -> str:
        return f"cus_stub_{user.id.hex}"

    def create_checkout_session(
        self,
        *,
        customer_id: str,
        user_id: str,
        tier: str,
        price_id: str,
        quantity: int,
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
    ) -> CheckoutSession:
        return _open_session(idempotency_key)

    def expire_checkout_session(self, session_id: str) -> None:
        """Our row of the session says whether it is open."""

    def retrieve_subscription(self, subscription_id: str) -> StripeSubscription | None:
        return _read(_find(subscription_id))

    def list_subscriptions(self, *, customer_id: str | None = None) -> Iterator[StripeSubscription]:
        for one in world.list_subscriptions(customer_id):
            latest = world.find_invoice(one.latest_invoice_id) if customer_id is not None else None
            shown = objects.subscription(one)
            yield read_subscription({**shown, "latest_invoice": latest} if latest is not None else shown)

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        return _read(_find(subscription_id), status="canceled")

    def end_at_period_end(self, subscription_id: str) -> StripeSubscription | None:
        found = _find(subscription_id)
        return _read(found) if found is not None and found.status in FINAL else _read(found, ends_with_period=True)

    def resume_subscription(self, subscription_id: str) -> StripeSubscription | None:
        found = _find(subscription_id)
        return None if found is None or found.status in FINAL else _read(found, ends_with_period=False)

    def open_invoice_page(self, subscription_id: str) -> str:
        found = _find(subscription_id)
        latest = world.find_invoice(found.latest_invoice_id) if found is not None else None
        return str(latest["hosted_invoice_url"]) if latest is not None and latest["status"] == OPEN else ""

    def list_invoices(self, *, customer_id: str) -> Iterator[StripeInvoice]:
        for invoice in world.list_invoices(customer_id):
            yield read_whole_invoice(invoice)

    def find_price(self, name: str) -> Price | None:
        """Every name in a list is a price here."""
        return Price(id=name, product_id=f"prod_stub_{objects.tier_of_price(name)}", interval=guess_interval(name))

    def create_portal_session(self, *, customer_id: str, return_url: str) -> str:
        return addresses.portal_url(customer_id)

    def saved_card(self, customer_id: str) -> str | None:
        return None

    def charge_card(self, sale: Sale, *, payment_method_id: str, idempotency_key: str) -> NoReturn:
        """A card that was saved at Stripe, before the key was taken away."""
        raise CardRefused

    def find_payment(self, *, customer_id: str, metadata: Mapping[str, str], since: datetime) -> Payment | None:
        return None

    def find_receipt(self, payment_intent_id: str) -> str:
        """The page on which it was paid, for a day; it says so."""
        return addresses.page_url(payment_intent_id.replace("pi_", "cs_", 1))

    def create_payment_page(
        self, sale: Sale, *, user_id: str, success_url: str, cancel_url: str, idempotency_key: str
    ) -> CheckoutSession:
        return _open_session(idempotency_key)

    def retrieve_checkout_session(self, session_id: str) -> CheckoutSession | None:
        """None for a subscription's: our row of it says whether it is open."""
        offer = find_offer(session_id)
        if offer is None:
            return None
        return CheckoutSession(
            id=session_id,
            url=addresses.page_url(session_id) if offer.status == "open" else "",
            status="expired" if offer.status == "closed" else offer.status,
            expires_at=offer.expires_at,
            is_paid=offer.status == "complete",
        )

    def retrieve_invoice(self, invoice_id: str) -> InvoicePaid | None:
        return None

    def find_invoice_of(self, payment_intent_id: str) -> str | None:
        return None

    def list_paid_invoices(self, *, since: datetime) -> Iterator[InvoicePaid]:
        return iter(())

    def list_money_back(self, *, since: datetime) -> Iterator[MoneyBack]:
        return iter(())

    def create_connect_account(self, *, user_id: str, instead_of: str | None = None) -> str:
        return f"{STUB_ACCOUNT_PREFIX}{UUID(user_id).hex}"

    def create_account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        return addresses.onboarding_url(account_id)

    def retrieve_account(self, account_id: str) -> ConnectAccount | None:
        """It keeps nothing of its own; what its page said came as an event."""
        return None

    def create_transfer(
        self,
        *,
        account_id: str,
        amount_cents: int,
        currency: str,
        payment_intent_id: str,
        reference: str,
        idempotency_key: str,
    ) -> str:
        return f"tr_stub_{reference}"

    def find_transfer(self, *, account_id: str, reference: str, since: datetime) -> str | None:
        return None

    def reverse_transfer(self, transfer_id: str, *, amount_cents: int, reference: str, idempotency_key: str) -> str:
        return f"trr_stub_{reference}"

    def find_reversal(self, transfer_id: str, *, reference: str) -> str | None:
        return None


def _open_session(idempotency_key: str) -> CheckoutSession:
    """The same key makes the same session, as at Stripe."""
    digest = hmac.new(settings.STRIPE_STUB_SECRET.encode(), idempotency_key.encode(), hashlib.sha256)
    session_id = f"cs_stub_{digest.hexdigest()[:40]}"
    expires_at = datetime.now(UTC) + SESSION_LIFETIME
    return CheckoutSession(id=session_id, url=addresses.page_url(session_id), status="open", expires_at=expires_at)


def _find(subscription_id: str) -> PlayedSubscription | None:
    """One that was bought at Stripe, before the key was taken away, cannot be looked at or ended without it."""
    if not subscription_id.startswith(objects.SUBSCRIPTION_PREFIX):
        raise NotConfigured("This subscription is at Stripe, and no key to it is set.")
    return world.find_subscription(subscription_id)


def _read(found: PlayedSubscription | None, **changes: Any) -> StripeSubscription | None:
    """As Stripe's API would show it after these changes."""
    return read_subscription(objects.subscription(replace(found, **changes))) if found is not None else None
