"""What is paid once: by the saved card, or on a page of Stripe's. The part of ``stripe_gateway.Gateway`` about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

SUCCEEDED = "succeeded"
PROCESSING = "processing"


class CardRefused(Exception):  # noqa: N818 - an answer rather than a failure
    """The bank wants its customer to be there, or will not pay at all: they have to pay on a page."""


class StillBeingAnswered(Exception):  # noqa: N818 - an answer rather than a failure
    """Another request under the same idempotency key is not answered yet; ask again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A PaymentIntent. ``status`` is Stripe's word; money has moved when it is ``succeeded``, and not before."""

    id: str
    status: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSession:
    """``status`` is ``open``, ``complete`` or ``expired``; ``url`` is empty unless it is open.

    ``subscription_id`` and ``payment_intent_id`` are empty until something was bought; only one of them ever is not.
    """

    id: str
    url: str
    status: str
    expires_at: datetime
    subscription_id: str = ""
    payment_intent_id: str = ""
    is_paid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What somebody pays for once. ``metadata`` goes on everything that Stripe makes of it, and comes back in its
    events; ``name`` is shown on the page.
    """

    customer_id: str
    amount_cents: int
    currency: str
    name: str
    metadata: Mapping[str, str]


class Payments(Protocol):
    """Raises the upstream problems (502, 503, 504) unless a method says otherwise."""

    def saved_card(self, customer_id: str) -> str | None:
        """The customer's default payment method; without one the card that was saved last."""
        ...

    def charge_card(self, sale: Sale, *, payment_method_id: str, idempotency_key: str) -> Payment:
        """Charges a card of a customer who is not there. Raises CardRefused, NoSuchCustomer and StillBeingAnswered."""
        ...

    def find_payment(self, *, customer_id: str, metadata: Mapping[str, str], since: datetime) -> Payment | None:
        """The customer's newest payment since then that carries this metadata; a succeeded one before all others."""
        ...

    def create_payment_page(
        self, sale: Sale, *, user_id: str, success_url: str, cancel_url: str, idempotency_key: str
    ) -> CheckoutSession:
        """A page on which it is paid, by card. Raises NoSuchCustomer and StillBeingAnswered."""
        ...


def payment_from(payload: Mapping[str, Any]) -> Payment:
    """Raises KeyError or TypeError for what is no PaymentIntent."""
    return Payment(id=payload["id"], status=payload["status"], metadata=dict(payload.get("metadata") or {}))
