"""``billing.stripe.port.Gateway`` without Stripe, for development: nothing is paid.

It keeps nothing of its own. A purchase is what the stub's page (``billing.stripe.stub.purchases``) sent to the webhook, and a
subscription looks as the facts about it say.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from accounts.models import User
from adiuva.api.errors import NotConfigured
from billing.models import BillingFact, FactKind
from billing.projection import newest_snapshot
from billing.stripe.port import SESSION_LIFETIME, CheckoutSession, StripeSubscription, subscription_from
from billing.stripe.stub import objects
from billing.stripe.stub.connect import StubConnect
from billing.stripe.stub.links import page_url
from billing.stripe.stub.payments import StubPayments, session_id_for

SUBSCRIPTION_PREFIX = "sub_stub_"


class StubGateway(StubConnect, StubPayments):
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
        session_id = session_id_for(idempotency_key)
        expires_at = datetime.now(UTC) + SESSION_LIFETIME
        return CheckoutSession(id=session_id, url=page_url(session_id), status="open", expires_at=expires_at)

    def expire_checkout_session(self, session_id: str) -> None:
        """Our row of the session says whether it is open."""

    def retrieve_subscription(self, subscription_id: str) -> StripeSubscription | None:
        _require_ours(subscription_id)
        return _subscription(subscription_id)

    def list_subscriptions(self, *, customer_id: str | None = None) -> Iterator[StripeSubscription]:
        facts = BillingFact.objects.filter(subscription_id__startswith=SUBSCRIPTION_PREFIX)
        if customer_id is not None:
            facts = facts.filter(subject_id=customer_id)
        for subscription_id in facts.order_by("-subscription_id").values_list("subscription_id", flat=True).distinct():
            subscription = _subscription(subscription_id)
            if subscription is not None:
                yield subscription

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        _require_ours(subscription_id)
        return _subscription(subscription_id, status="canceled")


def _require_ours(subscription_id: str) -> None:
    """One that was bought at Stripe, before the key was taken away, cannot be looked at or ended without it."""
    if not subscription_id.startswith(SUBSCRIPTION_PREFIX):
        raise NotConfigured("This subscription is at Stripe, and no key to it is set.")


def _subscription(subscription_id: str, *, status: str | None = None) -> StripeSubscription | None:
    facts = list(BillingFact.objects.filter(subscription_id=subscription_id).exclude(kind=FactKind.OTHER))
    newest = newest_snapshot(facts)
    if newest is None:
        return None
    created = int(min(fact.occurred_at for fact in facts).timestamp())
    ends = newest.current_period_end
    return subscription_from(
        objects.subscription(
            subscription_id,
            customer_id=newest.subject_id,
            price_id=newest.price_ids[0],
            created=created,
            period_end=int(ends.timestamp()) if ends else int(time.time()),
            status=status or newest.status,
        )
    )
