"""What billing asks of Stripe, in types of ours.

``billing.stripe.client.gateway`` asks Stripe and ``billing.stripe.stub.gateway`` plays it in development;
``billing.stripe.factory`` chooses. Every call that changes something carries an idempotency key, and a try that failed
on the network is repeated once under the same key, so a call that Stripe carried out and whose answer was lost is
carried out once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from accounts.models import User
from adiuva.api.errors import UpstreamError
from billing.prices import Price
from billing.stripe.money_port import MoneyGateway

SUCCEEDED = "succeeded"
PROCESSING = "processing"
SESSION_LIFETIME = timedelta(hours=24)  # docs.stripe.com/api/checkout/sessions/object, ``expires_at``
STUB_ACCOUNT_PREFIX = "acct_stub_"  # of the ids of accounts that the stub made: to Stripe they are worth nothing


class CardRefused(Exception):  # noqa: N818 - an answer rather than a failure
    """The bank asks for the card's owner, or will not pay at all: they have to pay on a page."""


class IdempotencyKeyInUse(Exception):  # noqa: N818 - an answer rather than a failure
    """Another request under the same idempotency key is not answered yet; ask again in a moment."""


class NoSuchCustomer(Exception):  # noqa: N818 - an answer rather than a failure
    """Stripe does not know the customer (any more): deleted there, or made under another key."""


class AmountTooSmall(Exception):  # noqa: N818 - an answer rather than a failure
    """Stripe charges no amount that is so small (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""


class FailureStored(Exception):  # noqa: N818 - an answer rather than a failure
    """Stripe has failed under this idempotency key and will answer so for a day; it may or may not have done it."""


class TransferRefused(UpstreamError):  # noqa: N818 - named as the problem that it is
    """Stripe will not move this money, or failed while it did; under its key it will answer so for a day. ``reason`` is
    Stripe's code, and never its text.
    """

    def __init__(self, *, reason: str) -> None:
        super().__init__("The payment service refused a transfer.")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionItem:
    """What a subscription is of: a price, how many of it, and until when it is paid for."""

    price: Price
    quantity: int = 1
    current_period_end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeInvoice:
    """An invoice. ``status`` is ``draft``, ``open``, ``paid``, ``uncollectible`` or ``void``; ``subscription_id`` is
    empty for one that is not a subscription's, ``hosted_url`` and ``pdf_url`` until it is final.
    """

    id: str
    subscription_id: str
    number: str
    status: str
    total_cents: int
    currency: str
    created: datetime | None
    hosted_url: str
    pdf_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSubscription:
    """A subscription as Stripe has it at one moment. ``status`` is Stripe's word.

    Since API version 2025-03-31 each of ``items`` has a period of its own. A scheduled end is ``cancel_at_period_end``,
    or a ``cancel_at``, which is all that flexible billing has. ``named_tier`` is the tier that our checkout wrote into
    its metadata. ``latest_invoice`` is None unless Stripe was asked to show it. ``created`` is the start of 1970 where
    Stripe names no time. ``payload`` is the whole object as an event would carry it.
    """

    id: str
    customer_id: str
    status: str
    items: tuple[SubscriptionItem, ...] = ()
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    named_tier: str = ""
    latest_invoice_id: str = ""
    latest_invoice: StripeInvoice | None = None
    created: datetime
    ended_at: datetime | None = None
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSession:
    """``status`` is ``open``, ``complete`` or ``expired``; ``url`` is empty unless it is open.

    ``subscription_id`` and ``payment_intent_id`` are empty until something was bought; only one of them ever is not.
    ``mode`` is ``subscription`` or ``payment``. ``client_reference_id`` is the user's id, as is ``user_id`` in
    ``metadata``.
    """

    id: str
    url: str
    status: str
    expires_at: datetime
    mode: str = ""
    client_reference_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    subscription_id: str = ""
    payment_intent_id: str = ""
    is_paid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A PaymentIntent. ``status`` is Stripe's word; money has moved when it is ``succeeded``, and not before."""

    id: str
    status: str
    metadata: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectAccount:
    """``payouts_enabled``: it may be sent money, and gets it out. ``is_restricted``: it was told what it asked for, and
    has disabled one of the two. ``disabled_reason`` is Stripe's word, "" where it gives none; ``requirements`` are the
    names of what is due (docs.stripe.com/api/accounts/object).
    """

    id: str
    payouts_enabled: bool
    is_restricted: bool = False
    disabled_reason: str = ""
    requirements: tuple[str, ...] = ()


class Payments(Protocol):
    """Raises the upstream problems (502, 503, 504) unless a method says otherwise."""

    def saved_card(self, customer_id: str) -> str | None:
        """The customer's default payment method; without one the card that was saved last."""
        ...

    def charge_card(self, sale: Sale, *, payment_method_id: str, idempotency_key: str) -> Payment:
        """Charges a card of a customer who is not there.

        Raises CardRefused, NoSuchCustomer, AmountTooSmall, IdempotencyKeyInUse and FailureStored.
        """
        ...

    def find_payment(self, *, customer_id: str, metadata: Mapping[str, str], since: datetime) -> Payment | None:
        """The customer's newest payment since then that carries this metadata; a succeeded one before all others."""
        ...

    def find_receipt(self, payment_intent_id: str) -> str:
        """The address of the receipt's page at Stripe; empty where there is none, or no such payment."""
        ...

    def create_payment_page(
        self, sale: Sale, *, user_id: str, success_url: str, cancel_url: str, idempotency_key: str
    ) -> CheckoutSession:
        """A page on which it is paid, by card. Raises NoSuchCustomer, AmountTooSmall and IdempotencyKeyInUse."""
        ...


class ConnectGateway(Protocol):
    """A part of ``billing.stripe.port.Gateway``, and as that raises the upstream problems (502, 503, 504)."""

    def create_connect_account(self, *, user_id: str, instead_of: str | None = None) -> str:
        """The id of the user's account: the same one for every call of one user.

        ``instead_of``: the id of an account that may not be used any more and needs a successor.
        """
        ...

    def create_account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        """An address where Stripe asks what it has to know; it works once, for minutes.

        ``return_url`` is where the browser goes afterwards, ``refresh_url`` when the address works no more.
        """
        ...

    def retrieve_account(self, account_id: str) -> ConnectAccount | None:
        """None when Stripe does not know it, or not as one of ours."""
        ...

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
        """Sends money of that payment to the account; the transfer's id. ``reference`` finds it again.

        ``idempotency_key``: the parameters need not be part of it. Raises TransferRefused too.
        """
        ...

    def find_transfer(self, *, account_id: str, reference: str, since: datetime) -> str | None:
        """The transfer of that reference, if there is one: Stripe forgets idempotency keys after a day."""
        ...

    def reverse_transfer(self, transfer_id: str, *, amount_cents: int, reference: str, idempotency_key: str) -> str:
        """Takes money of a transfer back; the reversal's id. Keys and refusals are those of ``create_transfer``."""
        ...

    def find_reversal(self, transfer_id: str, *, reference: str) -> str | None:
        """As ``find_transfer``."""
        ...


class Gateway(ConnectGateway, Payments, MoneyGateway, Protocol):
    """What billing asks of Stripe. Raises the upstream problems (502, 503, 504) unless a method says otherwise."""

    def create_customer(self, *, user: User, instead_of: str | None = None) -> str:
        """The id of the user's customer: the same one for every call of one user.

        ``instead_of``: the id of a customer that is gone and needs a successor.
        """
        ...

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
        """A page on which one subscription to ``quantity`` of ``price_id`` is bought. Raises NoSuchCustomer too."""
        ...

    def find_price(self, name: str) -> Price | None:
        """By its id or its lookup key; None when Stripe knows neither."""
        ...

    def create_portal_session(self, *, customer_id: str, return_url: str) -> str:
        """The address of a page on which the customer looks after cards, invoices and the subscription; for minutes.
        Raises NoSuchCustomer too.
        """
        ...

    def list_invoices(self, *, customer_id: str) -> Iterator[StripeInvoice]:
        """All of them, newest first; none of a customer whom Stripe does not know."""
        ...

    def retrieve_checkout_session(self, session_id: str) -> CheckoutSession | None:
        """None when Stripe does not know it."""
        ...

    def expire_checkout_session(self, session_id: str) -> None:
        """Nothing can be bought on it afterwards. Raises UpstreamError for one that is not open."""
        ...

    def retrieve_subscription(self, subscription_id: str) -> StripeSubscription | None:
        """None when Stripe does not know it."""
        ...

    def list_subscriptions(self, *, customer_id: str | None = None) -> Iterator[StripeSubscription]:
        """All of them, ended ones included, newest first; fetched page by page as they are asked for.

        None of a customer whom Stripe does not know. Those of one customer come with their ``latest_invoice``, as
        every single one does.
        """
        ...

    def end_at_period_end(self, subscription_id: str) -> StripeSubscription | None:
        """Schedules its end for when what is paid for runs out. None when Stripe does not know it, or has ended it."""
        ...

    def resume_subscription(self, subscription_id: str) -> StripeSubscription | None:
        """Takes a scheduled end back, of either kind. None as above."""
        ...

    def open_invoice_page(self, subscription_id: str) -> str:
        """The hosted page of its latest invoice, where that is open: empty when nothing is to be paid."""
        ...

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        """Ends it at once, and again if asked again: the cancelled subscription, or None when Stripe never had it.

        ``credit_unused``: what was paid for the rest of the period becomes a credit for the customer's next invoice.
        """
        ...
