"""``billing.stripe.port.Gateway`` by Stripe's SDK."""

from collections.abc import Iterator

import stripe

from accounts.models import User
from billing.stripe.client.connect import StripeConnect
from billing.stripe.client.errors import is_missing, translate_errors
from billing.stripe.client.payments import StripePayments
from billing.stripe.objects import read_checkout_session, read_subscription
from billing.stripe.port import (
    CheckoutSession,
    NoSuchCustomer,
    StripeSubscription,
)

CONNECT_SECONDS = 3.05  # a little over TCP's first retransmission
NETWORK_RETRIES = 1
PAGE = 100  # the most that Stripe lists at once


class StripeGateway(StripeConnect, StripePayments):
    """``api_base`` is empty for Stripe's own. ``timeout``: seconds for which Stripe may be silent."""

    def __init__(self, *, secret_key: str, api_base: str, api_version: str, timeout: float) -> None:
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=api_version,
            base_addresses={"api": api_base} if api_base else None,
            max_network_retries=NETWORK_RETRIES,
            # Its connections are kept per thread.
            http_client=stripe.RequestsClient(timeout=(min(CONNECT_SECONDS, timeout), timeout)),
        )

    def create_customer(self, *, user: User, instead_of: str | None = None) -> str:
        key = f"customer:{user.id}" + (f":{instead_of}" if instead_of else "")
        with translate_errors("create customer"):
            customer = self._client.v1.customers.create(
                {"email": user.email, "metadata": {"user_id": str(user.id)}}, {"idempotency_key": key}
            )
            return customer.id

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
        metadata = {"user_id": user_id, "tier": tier}
        with translate_errors("create checkout session"):
            try:
                session = self._client.v1.checkout.sessions.create(
                    {
                        "mode": "subscription",
                        "customer": customer_id,
                        "client_reference_id": user_id,
                        "line_items": [{"price": price_id, "quantity": 1}],
                        "success_url": success_url,
                        "cancel_url": cancel_url,
                        "metadata": metadata,
                        "subscription_data": {"metadata": metadata},
                    },
                    {"idempotency_key": idempotency_key},
                )
            except stripe.InvalidRequestError as error:
                if is_missing(error) and error.param == "customer":
                    raise NoSuchCustomer(customer_id) from None
                raise
            return _checkout_session(session)

    def retrieve_checkout_session(self, session_id: str) -> CheckoutSession | None:
        with translate_errors("retrieve checkout session"):
            try:
                return _checkout_session(self._client.v1.checkout.sessions.retrieve(session_id))
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
        return None

    def expire_checkout_session(self, session_id: str) -> None:
        with translate_errors("expire checkout session"):
            self._client.v1.checkout.sessions.expire(session_id, {}, {"idempotency_key": f"expire:{session_id}"})

    def retrieve_subscription(self, subscription_id: str) -> StripeSubscription | None:
        with translate_errors("retrieve subscription"):
            try:
                return _subscription(self._client.v1.subscriptions.retrieve(subscription_id))
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
        return None

    def list_subscriptions(self, *, customer_id: str | None = None) -> Iterator[StripeSubscription]:
        with translate_errors("list subscriptions"):
            try:
                page = (
                    self._client.v1.subscriptions.list({"status": "all", "limit": PAGE, "customer": customer_id})
                    if customer_id
                    else self._client.v1.subscriptions.list({"status": "all", "limit": PAGE})
                )
            except stripe.InvalidRequestError as error:
                if not (is_missing(error) and error.param == "customer"):
                    raise
                return
            for subscription in page.auto_paging_iter():
                yield _subscription(subscription)

    def cancel_subscription(self, subscription_id: str, *, credit_unused: bool = False) -> StripeSubscription | None:
        with translate_errors("cancel subscription"):
            try:
                return _subscription(
                    self._client.v1.subscriptions.cancel(
                        subscription_id,
                        {"prorate": True, "invoice_now": True} if credit_unused else {},
                        {"idempotency_key": f"cancel:{subscription_id}"},
                    )
                )
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
        # One that is cancelled already is a 404 to cancel; what it looks like can still be read.
        return self.retrieve_subscription(subscription_id)


def _checkout_session(session: stripe.checkout.Session) -> CheckoutSession:
    return read_checkout_session(session.to_dict(for_json=True))


def _subscription(subscription: stripe.Subscription) -> StripeSubscription:
    return read_subscription(subscription.to_dict(for_json=True))
