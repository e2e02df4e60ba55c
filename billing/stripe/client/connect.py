"""``billing.stripe.port.ConnectGateway`` by Stripe's SDK."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import stripe

from billing.stripe.client.errors import translate_errors
from billing.stripe.objects import read_account
from billing.stripe.port import ConnectAccount

PAGE = 100  # the most that Stripe lists at once
CLOCKS_APART = timedelta(hours=1)
REFERENCE = "reference"


class StripeConnect:
    """Part of ``billing.stripe.client.gateway.StripeGateway``."""

    _client: stripe.StripeClient

    def create_connect_account(self, *, user_id: str) -> str:
        with translate_errors("create account"):
            # No address of the user's: they give Stripe the one they want, and a key wants the same parameters again.
            account = self._client.v1.accounts.create(
                {
                    "type": "express",
                    "capabilities": {"transfers": {"requested": True}},
                    "metadata": {"user_id": user_id},
                },
                {"idempotency_key": f"connect:{user_id}"},
            )
            return account.id

    def create_account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        with translate_errors("create account link"):
            link = self._client.v1.account_links.create(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
            return link.url

    def retrieve_account(self, account_id: str) -> ConnectAccount | None:
        with translate_errors("retrieve account"):
            try:
                account = self._client.v1.accounts.retrieve(account_id)
            except stripe.InvalidRequestError as error:
                if error.code not in {"resource_missing", "account_invalid"}:
                    raise
                return None
            return read_account(account.to_dict(for_json=True))

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
        with translate_errors("create transfer"):
            paid = self._client.v1.payment_intents.retrieve(payment_intent_id)
            charge = paid.latest_charge
            # Of this charge's money, which is a transfer that need not wait until the charge is in our balance:
            # docs.stripe.com/connect/separate-charges-and-transfers
            transfer = self._client.v1.transfers.create(
                {
                    "amount": amount_cents,
                    "currency": currency,
                    "destination": account_id,
                    "source_transaction": charge if isinstance(charge, str) else charge["id"],  # type: ignore[index]
                    "metadata": {REFERENCE: reference},
                },
                {"idempotency_key": idempotency_key},
            )
            return transfer.id

    def find_transfer(self, *, account_id: str, reference: str, since: datetime) -> str | None:
        with translate_errors("find transfer"):
            page = self._client.v1.transfers.list(
                {
                    "destination": account_id,
                    "created": {"gte": int((since - CLOCKS_APART).timestamp())},
                    "limit": PAGE,
                }
            )
            return _find_by_reference(page.auto_paging_iter(), reference)

    def reverse_transfer(self, transfer_id: str, *, amount_cents: int, reference: str, idempotency_key: str) -> str:
        with translate_errors("reverse transfer"):
            reversal = self._client.v1.transfers.reversals.create(
                transfer_id,
                {"amount": amount_cents, "metadata": {REFERENCE: reference}},
                {"idempotency_key": idempotency_key},
            )
            return reversal.id

    def find_reversal(self, transfer_id: str, *, reference: str) -> str | None:
        with translate_errors("find reversal"):
            page = self._client.v1.transfers.reversals.list(transfer_id, {"limit": PAGE})
            return _find_by_reference(page.auto_paging_iter(), reference)


def _find_by_reference(found: Iterable[Any], reference: str) -> str | None:
    for one in found:
        metadata: Mapping[str, str] = one.to_dict(for_json=True).get("metadata") or {}
        if metadata.get(REFERENCE) == reference:
            return str(one.id)
    return None
