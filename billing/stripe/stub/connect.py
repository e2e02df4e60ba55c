"""``billing.stripe.port.ConnectGateway`` without Stripe, for development: no money moves."""

from datetime import datetime
from uuid import UUID

from billing.stripe.port import ConnectAccount
from billing.stripe.stub.links import onboarding_url

ACCOUNT_PREFIX = "acct_stub_"


def stub_account_id(user_id: UUID) -> str:
    return f"{ACCOUNT_PREFIX}{user_id.hex}"


class StubConnect:
    """Part of ``billing.stripe.stub.gateway.StubGateway``."""

    def create_connect_account(self, *, user_id: str) -> str:
        return stub_account_id(UUID(user_id))

    def create_account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        return onboarding_url(account_id)

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
