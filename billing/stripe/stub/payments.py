"""``billing.stripe.port.Payments`` without Stripe: nobody has a saved card, and every page is one of the stub's.

What a page sells is known to whoever sells it: an app above this one registers how to find it.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NoReturn

from django.conf import settings

from billing.stripe.port import SESSION_LIFETIME, CardRefused, CheckoutSession, Payment, Sale
from billing.stripe.stub.links import page_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the page of ``session_id`` sells, to whom. ``closed``: nothing can be bought on it any more."""

    session_id: str
    user_id: str
    email: str
    sale: Sale
    status: Literal["open", "complete", "closed"]
    expires_at: datetime


Find = Callable[[str], Offer | None]
_finders: list[Find] = []


def register(find: Find) -> None:
    """``find(session_id)`` answers None for a session that it does not know."""
    if find not in _finders:
        _finders.append(find)


def find_offer(session_id: str) -> Offer | None:
    return next((offer for find in _finders if (offer := find(session_id)) is not None), None)


def session_id_for(idempotency_key: str) -> str:
    """The same key makes the same session, as at Stripe."""
    digest = hmac.new(settings.STRIPE_STUB_SECRET.encode(), idempotency_key.encode(), hashlib.sha256)
    return f"cs_stub_{digest.hexdigest()[:40]}"


class StubPayments:
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
        session_id = session_id_for(idempotency_key)
        expires_at = datetime.now(UTC) + SESSION_LIFETIME
        return CheckoutSession(id=session_id, url=page_url(session_id), status="open", expires_at=expires_at)

    def retrieve_checkout_session(self, session_id: str) -> CheckoutSession | None:
        """None for a subscription's: our row of it says whether it is open."""
        offer = find_offer(session_id)
        if offer is None:
            return None
        return CheckoutSession(
            id=session_id,
            url=page_url(session_id) if offer.status == "open" else "",
            status="expired" if offer.status == "closed" else offer.status,
            expires_at=offer.expires_at,
            is_paid=offer.status == "complete",
        )
