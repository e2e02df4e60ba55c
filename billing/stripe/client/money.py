"""``billing.stripe.money_port.MoneyGateway`` by Stripe's SDK; a part of ``billing.stripe.client.gateway``'s."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import stripe

from billing.stripe.client.errors import is_missing, read_each, translate_errors
from billing.stripe.money_objects import read_dispute, read_invoice_paid, read_payment_of_invoice, read_refund
from billing.stripe.money_port import InvoicePaid, MoneyBack

PAGE = 100  # the most that Stripe lists at once


class StripeMoney:
    _client: stripe.StripeClient

    def retrieve_invoice(self, invoice_id: str) -> InvoicePaid | None:
        with translate_errors("retrieve invoice"):
            try:
                invoice = self._client.v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
                return None
            return self._whole(invoice.to_dict(for_json=True))

    def find_invoice_of(self, payment_intent_id: str) -> str | None:
        with translate_errors("look for the invoice of a payment"):
            try:
                page = self._client.v1.invoice_payments.list(
                    {
                        "payment": {"type": "payment_intent", "payment_intent": payment_intent_id},
                        "status": "paid",
                        "limit": PAGE,
                    }
                )
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
                return None
            found = (read_payment_of_invoice(one.to_dict(for_json=True)) for one in page.auto_paging_iter())
            return next((one.invoice_id for one in found if one is not None), None)

    def list_paid_invoices(self, *, since: datetime) -> Iterator[InvoicePaid]:
        with translate_errors("list invoices"):
            page = self._client.v1.invoices.list(
                {
                    "status": "paid",
                    "created": {"gte": int(since.timestamp())},
                    "limit": PAGE,
                    "expand": ["data.payments"],
                }
            )
            yield from read_each(page.auto_paging_iter(), self._whole, of="an invoice")

    def list_money_back(self, *, since: datetime) -> Iterator[MoneyBack]:
        from_then_on = int(since.timestamp())
        with translate_errors("list refunds"):
            refunds = self._client.v1.refunds.list(
                {
                    "created": {"gte": from_then_on},
                    "limit": PAGE,
                    "expand": ["data.failure_balance_transaction"],
                }
            )
            for told in read_each(refunds.auto_paging_iter(), read_refund, of="a refund"):
                if told is not None:
                    yield told
        with translate_errors("list disputes"):
            disputes = self._client.v1.disputes.list({"created": {"gte": from_then_on}, "limit": PAGE})
            for told in read_each(disputes.auto_paging_iter(), read_dispute, of="a dispute"):
                if told is not None:
                    yield told

    def _whole(self, obj: Mapping[str, Any]) -> InvoicePaid:
        """An invoice comes with its first lines: the others are asked for."""
        lines = obj.get("lines") or {}
        if lines.get("has_more"):
            page = self._client.v1.invoices.line_items.list(str(obj["id"]), {"limit": PAGE})
            every = [line.to_dict(for_json=True) for line in page.auto_paging_iter()]
            obj = {**obj, "lines": {"data": every, "has_more": False}}
        return read_invoice_paid(obj)
