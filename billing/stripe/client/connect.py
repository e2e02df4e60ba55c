"""``billing.stripe.port.ConnectGateway`` by Stripe's SDK."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe
from stripe.params import AccountCreateParams, TransferCreateParams, TransferReversalCreateParams

from billing.stripe.client.errors import translate_errors
from billing.stripe.client.keys import create_with_key, is_replayed, is_stored
from billing.stripe.objects import read_account
from billing.stripe.port import ConnectAccount, TransferRefused

PAGE = 100  # the most that Stripe lists at once
KEYS_KEPT_AT_MOST = timedelta(days=30)
CLOCKS_APART = timedelta(hours=1)
REFERENCE = "reference"


class StripeConnect:
    """Part of ``billing.stripe.client.gateway.StripeGateway``."""

    _client: stripe.StripeClient

    def create_connect_account(self, *, user_id: str, instead_of: str | None = None) -> str:
        # No address of the user's: they give Stripe the one they want.
        wanted: AccountCreateParams = {
            "type": "express",
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"user_id": user_id},
        }
        base = f"connect:{user_id}" + (f":{instead_of}" if instead_of else "")
        with translate_errors("create account"):
            return create_with_key(
                base, wanted, lambda key: self._client.v1.accounts.create(wanted, {"idempotency_key": key}).id
            )

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
            except (stripe.InvalidRequestError, stripe.PermissionError) as error:
                if _code_of(error) not in {"resource_missing", "account_invalid"}:
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
        with translate_errors("create transfer"), _translate_refusals():
            paid = self._client.v1.payment_intents.retrieve(payment_intent_id)
            charge = paid.latest_charge
            # Of this charge's money, which is a transfer that need not wait until the charge is in our balance:
            # docs.stripe.com/connect/separate-charges-and-transfers
            wanted: TransferCreateParams = {
                "amount": amount_cents,
                "currency": currency,
                "destination": account_id,
                "source_transaction": charge if isinstance(charge, str) else charge["id"],  # type: ignore[index]
                "metadata": {REFERENCE: reference},
            }
            since = datetime.now(UTC) - KEYS_KEPT_AT_MOST
            return create_with_key(
                idempotency_key,
                wanted,
                lambda key: self._client.v1.transfers.create(wanted, {"idempotency_key": key}).id,
                find=lambda: self.find_transfer(account_id=account_id, reference=reference, since=since),
            )

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
        wanted: TransferReversalCreateParams = {"amount": amount_cents, "metadata": {REFERENCE: reference}}
        with translate_errors("reverse transfer"), _translate_refusals():
            return create_with_key(
                idempotency_key,
                wanted,
                lambda key: (
                    self._client.v1.transfers.reversals.create(transfer_id, wanted, {"idempotency_key": key}).id
                ),
                find=lambda: self.find_reversal(transfer_id, reference=reference),
            )

    def find_reversal(self, transfer_id: str, *, reference: str) -> str | None:
        with translate_errors("find reversal"):
            page = self._client.v1.transfers.reversals.list(transfer_id, {"limit": PAGE})
            return _find_by_reference(page.auto_paging_iter(), reference)


@contextmanager
def _translate_refusals() -> Iterator[None]:
    """What Stripe has said about this transfer, told apart from a Stripe that does not answer."""
    try:
        yield
    except stripe.StripeError as error:
        if isinstance(error, stripe.InvalidRequestError | stripe.PermissionError):
            raise TransferRefused(reason=_code_of(error) or "invalid_request_error") from None
        if is_replayed(error) or is_stored(error):
            raise TransferRefused(reason=error.code or "api_error") from None
        raise


def _code_of(error: stripe.StripeError) -> str | None:
    """The SDK leaves it out of a PermissionError, which is what it makes of a 403."""
    told: Any = error.json_body
    named = told.get("error") if isinstance(told, Mapping) else None
    return error.code or (named.get("code") if isinstance(named, Mapping) else None)


def _find_by_reference(found: Iterable[Any], reference: str) -> str | None:
    for one in found:
        metadata: Mapping[str, str] = one.to_dict(for_json=True).get("metadata") or {}
        if metadata.get(REFERENCE) == reference:
            return str(one.id)
    return None
