"""What Stripe Connect is asked for: accounts of those who are paid, and the money that moves to them and back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectAccount:
    """``payouts_enabled``: it may be sent money, and gets it out."""

    id: str
    payouts_enabled: bool


class ConnectGateway(Protocol):
    """A part of ``billing.stripe_gateway.Gateway``, and as that raises the upstream problems (502, 503, 504)."""

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
