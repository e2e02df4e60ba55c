"""``billing.stripe.port.Gateway`` without Stripe, for development: nothing is paid and no money moves.

It keeps nothing of its own. A purchase is what the stub's page (``billing.stripe.stub.purchases``) sent to the webhook,
and a subscription looks as the facts about it say. Nobody has a saved card, and every page is one of the stub's.
"""

import hashlib
import hmac
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NoReturn
from uuid import UUID

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import NotConfigured
from billing.models import BillingFact, FactKind
from billing.projection import newest_snapshot
from billing.stripe.hooks import find_offer
from billing.stripe.objects import read_subscription
from billing.stripe.port import (
    SESSION_LIFETIME,
    STUB_ACCOUNT_PREFIX,
    CardRefused,
    CheckoutSession,
    ConnectAccount,
    Payment,
    Sale,
    StripeSubscription,
)
from billing.stripe.stub import objects


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
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
    ) -> CheckoutSession:
        return _open_session(idempotency_key)

    def expire_checkout_session(self, session_id: str) -> None:
        """Our row of the session says whether it is open."""

    def retrieve_subscription(self, subscription_id: str) -> StripeSubscription | None:
        _require_ours(subscription_id)
        return _subscription(subscription_id)

    def list_subscriptions(self, *, customer_id: str | None = None) -> Iterator[StripeSubscription]:
        facts = BillingFact.objects.filter(subscription_id__startswith=objects.SUBSCRIPTION_PREFIX)
        if customer_id is not None:
            facts = facts.filter(subject_id=customer_id)
        for subscription_id in facts.order_by("-subscription_id").values_list("subscription_id", flat=True).distinct():
            subscription = _subscription(subscription_id)
            if subscription is not None:
                yield subscription

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        _require_ours(subscription_id)
        return _subscription(subscription_id, status="canceled")

    def saved_card(self, customer_id: str) -> str | None:
        return None

    def charge_card(self, sale: Sale, *, payment_method_id: str, idempotency_key: str) -> NoReturn:
        """A card that was saved at Stripe, before the key was taken away."""
        raise CardRefused

    def find_payment(self, *, customer_id: str, metadata: Mapping[str, str], since: datetime) -> Payment | None:
        return None

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
            url=objects.page_url(session_id) if offer.status == "open" else "",
            status="expired" if offer.status == "closed" else offer.status,
            expires_at=offer.expires_at,
            is_paid=offer.status == "complete",
        )

    def create_connect_account(self, *, user_id: str) -> str:
        return f"{STUB_ACCOUNT_PREFIX}{UUID(user_id).hex}"

    def create_account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        return objects.onboarding_url(account_id)

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
    return CheckoutSession(id=session_id, url=objects.page_url(session_id), status="open", expires_at=expires_at)


def _require_ours(subscription_id: str) -> None:
    """One that was bought at Stripe, before the key was taken away, cannot be looked at or ended without it."""
    if not subscription_id.startswith(objects.SUBSCRIPTION_PREFIX):
        raise NotConfigured("This subscription is at Stripe, and no key to it is set.")


def _subscription(subscription_id: str, *, status: str | None = None) -> StripeSubscription | None:
    facts = list(BillingFact.objects.filter(subscription_id=subscription_id).exclude(kind=FactKind.OTHER))
    newest = newest_snapshot(facts)
    if newest is None:
        return None
    created = int(min(fact.occurred_at for fact in facts).timestamp())
    ends = newest.current_period_end
    return read_subscription(
        objects.subscription(
            subscription_id,
            customer_id=newest.subject_id,
            price_id=newest.price_ids[0],
            created=created,
            period_end=int(ends.timestamp()) if ends else int(time.time()),
            status=status or newest.status,
        )
    )
