"""What billing asks of Stripe about money that has moved, in types of ours: invoices, refunds, disputes.

Amounts are integers in the smallest unit of their currency, as Stripe's are; currencies are three lower-case letters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from billing.prices import Price

ReturnKind = Literal["refund", "dispute", "charge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """``price`` is None for a line without one. ``cents``: after its discounts and with the taxes that come on top;
    negative for a credit, such as of an upgrade's unused time.
    """

    price: Price | None
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid:
    """An invoice and what was paid of it: 0 while nothing was.

    ``lines`` are all of them where ``is_whole``. ``paid_at`` is None where the object does not say.
    ``payment_ids``: PaymentIntents and charges that paid it, as far as the object names them. ``hosted_url``: Stripe's
    page of it, which shows the receipt; empty where the object has none.
    """

    id: str
    customer_id: str
    subscription_id: str
    currency: str
    paid_cents: int
    paid_at: datetime | None
    lines: tuple[InvoiceLine, ...]
    is_whole: bool
    payment_ids: tuple[str, ...] = ()
    hosted_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOfInvoice:
    """``payment_id`` (a PaymentIntent, or a charge that has none) paid ``invoice_id``."""

    payment_id: str
    invoice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """What Stripe says of a refund, of a dispute, or of a charge and all that was refunded of it.

    ``id`` is that object's. ``payment_id`` is the PaymentIntent, or the charge where there is none. ``phase`` tells how
    far it is: a later one is never left for an earlier one. ``is_with_payer``: where the money is in this phase.
    ``taken_at`` is when it left us, and ``back_at`` when it came again (None: it has not, or nobody says when).
    ``due_by``: the last moment for evidence. All by Stripe's clock. ``currency`` is empty where none was named: then it
    is that of the payment.
    """

    id: str
    kind: ReturnKind
    payment_id: str
    cents: int
    currency: str
    status: str
    phase: int
    is_with_payer: bool
    taken_at: datetime
    back_at: datetime | None = None
    reason: str = ""
    due_by: datetime | None = None


class MoneyGateway(Protocol):
    """A part of ``billing.stripe.port.Gateway``, and as that raises the upstream problems (502, 503, 504)."""

    def retrieve_invoice(self, invoice_id: str) -> InvoicePaid | None:
        """With all of its lines and its payments. None when Stripe does not know it."""
        ...

    def find_invoice_of(self, payment_intent_id: str) -> str | None:
        """The id of the invoice that this payment paid; None for a payment of something else."""
        ...

    def list_paid_invoices(self, *, since: datetime) -> Iterator[InvoicePaid]:
        """Those made since then and paid by now, with all of their lines and their payments; newest first."""
        ...

    def list_money_back(self, *, since: datetime) -> Iterator[MoneyBack]:
        """The refunds, and then the disputes, that began since then."""
        ...
