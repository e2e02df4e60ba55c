"""Subscriptions and their invoices by Stripe's SDK; a part of ``billing.stripe.client.gateway.StripeGateway``."""

from collections.abc import Iterator

import stripe

from billing.stripe.client.errors import is_missing, read_each, translate_errors
from billing.stripe.objects import read_subscription, read_whole_invoice
from billing.stripe.port import StripeInvoice, StripeSubscription

PAGE = 100  # the most that Stripe lists at once
OPEN = "open"
LATEST_INVOICE = "latest_invoice"  # shown whole: it has the page on which a debt is paid


class StripeSubscriptions:
    _client: stripe.StripeClient

    def retrieve_subscription(self, subscription_id: str) -> StripeSubscription | None:
        with translate_errors("retrieve subscription"):
            try:
                return _read(self._client.v1.subscriptions.retrieve(subscription_id, {"expand": [LATEST_INVOICE]}))
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
        return None

    def list_subscriptions(self, *, customer_id: str | None = None) -> Iterator[StripeSubscription]:
        with translate_errors("list subscriptions"):
            try:
                page = (
                    self._client.v1.subscriptions.list(
                        {
                            "status": "all",
                            "limit": PAGE,
                            "customer": customer_id,
                            "expand": [f"data.{LATEST_INVOICE}"],
                        }
                    )
                    if customer_id
                    else self._client.v1.subscriptions.list({"status": "all", "limit": PAGE})
                )
            except stripe.InvalidRequestError as error:
                if not (is_missing(error) and error.param == "customer"):
                    raise
                return
            if not customer_id:
                yield from read_each(page.auto_paging_iter(), read_subscription, of="a subscription")
                return
            # One customer's: what is left out here would not be ended, and go on being paid for.
            for subscription in page.auto_paging_iter():
                yield _read(subscription)

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        with translate_errors("cancel subscription"):
            try:
                return _read(
                    self._client.v1.subscriptions.cancel(
                        subscription_id, {"prorate": True, "invoice_now": True} if credit_unused else {}
                    )
                )
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
        # One that is cancelled already is a 404 to cancel; what it looks like can still be read.
        return self.retrieve_subscription(subscription_id)

    def end_at_period_end(self, subscription_id: str) -> StripeSubscription | None:
        """One that has ended, or ends by then already, is as it is."""
        found = self.retrieve_subscription(subscription_id)
        if found is None or found.ended_at is not None or found.cancel_at_period_end or _ends_in_time(found):
            return found
        return self._update(subscription_id, {"cancel_at_period_end": True})

    def resume_subscription(self, subscription_id: str) -> StripeSubscription | None:
        found = self.retrieve_subscription(subscription_id)
        if found is None or found.ended_at is not None:
            return None
        if found.cancel_at_period_end:
            return self._update(subscription_id, {"cancel_at_period_end": False})
        if found.cancel_at is not None:
            # Flexible billing has a scheduled end as a time, which an empty one takes back.
            return self._update(subscription_id, {"cancel_at": ""})
        return found

    def _update(self, subscription_id: str, wanted: stripe.params.SubscriptionUpdateParams) -> StripeSubscription:
        with translate_errors("update subscription"):
            answer = self._client.v1.subscriptions.update(subscription_id, {**wanted, "expand": [LATEST_INVOICE]})
            return _read(answer)

    def open_invoice_page(self, subscription_id: str) -> str:
        with translate_errors("look for the open invoice"):
            found = self._client.v1.invoices.list({"subscription": subscription_id, "status": "open", "limit": 1})
            invoices = [read_whole_invoice(one.to_dict(for_json=True)) for one in found.data]
            return next((one.hosted_url for one in invoices if one.status == OPEN), "")

    def list_invoices(self, *, customer_id: str) -> Iterator[StripeInvoice]:
        with translate_errors("list invoices"):
            try:
                page = self._client.v1.invoices.list({"customer": customer_id, "limit": PAGE})
            except stripe.InvalidRequestError as error:
                if not (is_missing(error) and error.param == "customer"):
                    raise
                return
            for invoice in page.auto_paging_iter():
                yield read_whole_invoice(invoice.to_dict(for_json=True))


def _ends_in_time(found: StripeSubscription) -> bool:
    """Whether its end is scheduled for when what is paid for runs out, or sooner."""
    ends = [item.current_period_end for item in found.items if item.current_period_end is not None]
    return found.cancel_at is not None and bool(ends) and found.cancel_at <= max(ends)


def _read(subscription: stripe.Subscription) -> StripeSubscription:
    return read_subscription(subscription.to_dict(for_json=True))
