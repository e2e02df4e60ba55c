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


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSubscription:
    """A subscription as Stripe has it at one moment. ``status`` is Stripe's word; ``price_ids`` are those of its items.

    ``current_period_end`` is that of its first item, which is where the API has it since 2025-03-31. ``created`` is the
    start of 1970 where Stripe names no time. ``payload`` is the whole object as an event would carry it.
    """

    id: str
    customer_id: str
    status: str
    price_ids: tuple[str, ...]
    current_period_end: datetime | None
    cancel_at_period_end: bool
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
    """``payouts_enabled``: it may be sent money, and gets it out."""

    id: str
    payouts_enabled: bool


class Payments(Protocol):
    """Raises the upstream problems (502, 503, 504) unless a method says otherwise."""

    def saved_card(self, customer_id: str) -> str | None:
        """The customer's default payment method; without one the card that was saved last."""
        ...

    def charge_card(self, sale: Sale, *, payment_method_id: str, idempotency_key: str) -> Payment:
        """Charges a card of a customer who is not there. Raises CardRefused, NoSuchCustomer and IdempotencyKeyInUse."""
        ...

    def find_payment(self, *, customer_id: str, metadata: Mapping[str, str], since: datetime) -> Payment | None:
        """The customer's newest payment since then that carries this metadata; a succeeded one before all others."""
        ...

    def create_payment_page(
        self, sale: Sale, *, user_id: str, success_url: str, cancel_url: str, idempotency_key: str
    ) -> CheckoutSession:
        """A page on which it is paid, by card. Raises NoSuchCustomer and IdempotencyKeyInUse."""
        ...


class ConnectGateway(Protocol):
    """A part of ``billing.stripe.port.Gateway``, and as that raises the upstream problems (502, 503, 504)."""

    def create_connect_account(self, *, user_id: str) -> str:
        """The id of the user's account: the same one for every call of one user."""
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
        """Sends money of that payment to the account; the transfer's id. ``reference`` finds it again."""
        ...

    def find_transfer(self, *, account_id: str, reference: str, since: datetime) -> str | None:
        """The transfer of that reference, if there is one: Stripe forgets idempotency keys after a day."""
        ...

    def reverse_transfer(self, transfer_id: str, *, amount_cents: int, reference: str, idempotency_key: str) -> str:
        """Takes money of a transfer back; the reversal's id."""
        ...

    def find_reversal(self, transfer_id: str, *, reference: str) -> str | None:
        """As ``find_transfer``."""
        ...


class Gateway(ConnectGateway, Payments, Protocol):
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
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
    ) -> CheckoutSession:
        """A page on which one subscription to ``price_id`` is bought. Raises NoSuchCustomer too."""
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

        None of a customer whom Stripe does not know.
        """
        ...

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        """Ends it at once, and again if asked again: the cancelled subscription, or None when Stripe never had it.

        ``credit_unused``: what was paid for the rest of the period becomes a credit for the customer's next invoice.
        """
        ...
