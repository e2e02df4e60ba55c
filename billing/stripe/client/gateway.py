"""``billing.stripe.port.Gateway`` by Stripe's SDK.

An idempotency key of ours is only on what would be done twice without one, and its parameters never change. Of what is
idempotent by nature (to end, to close, to schedule), a try after a failure must be a new request: Stripe keeps the
answer to a key for a day, failures included (docs.stripe.com/api/idempotent_requests). The SDK gives each request a key
of its own for the repetition after a lost answer.
"""

import stripe

from accounts.models import User
from billing.prices import ID_PREFIX, Price
from billing.stripe.client.connect import StripeConnect
from billing.stripe.client.errors import is_missing, translate_errors
from billing.stripe.client.keys import create_with_key
from billing.stripe.client.money import StripeMoney
from billing.stripe.client.payments import StripePayments
from billing.stripe.client.subscriptions import StripeSubscriptions
from billing.stripe.objects import read_checkout_session, read_price
from billing.stripe.port import CheckoutSession, NoSuchCustomer

CONNECT_SECONDS = 3.05  # a little over TCP's first retransmission
NETWORK_RETRIES = 1


class StripeGateway(StripeConnect, StripePayments, StripeSubscriptions, StripeMoney):
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
        wanted: stripe.params.CustomerCreateParams = {"email": user.email, "metadata": {"user_id": str(user.id)}}
        with translate_errors("create customer"):
            return create_with_key(
                key, wanted, lambda key: self._client.v1.customers.create(wanted, {"idempotency_key": key}).id
            )

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
        metadata = {"user_id": user_id, "tier": tier}
        wanted: stripe.params.checkout.SessionCreateParams = {
            "mode": "subscription",
            "customer": customer_id,
            "client_reference_id": user_id,
            "line_items": [{"price": price_id, "quantity": quantity}],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "metadata": metadata,
            "subscription_data": {"metadata": metadata},
        }
        with translate_errors("create checkout session"):
            try:
                session = create_with_key(
                    idempotency_key,
                    wanted,
                    lambda key: self._client.v1.checkout.sessions.create(wanted, {"idempotency_key": key}),
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
            self._client.v1.checkout.sessions.expire(session_id)

    def find_price(self, name: str) -> Price | None:
        with translate_errors("find price"):
            if name.startswith(ID_PREFIX):
                try:
                    return read_price(self._client.v1.prices.retrieve(name).to_dict(for_json=True))
                except stripe.InvalidRequestError as error:
                    if not is_missing(error):
                        raise
            # An operator's own word may begin like an id.
            page = self._client.v1.prices.list({"lookup_keys": [name], "limit": 1})
            return next((read_price(found.to_dict(for_json=True)) for found in page.data), None)

    def create_portal_session(self, *, customer_id: str, return_url: str) -> str:
        with translate_errors("create portal session"):
            try:
                session = self._client.v1.billing_portal.sessions.create(
                    {"customer": customer_id, "return_url": return_url}
                )
            except stripe.InvalidRequestError as error:
                if is_missing(error) and error.param == "customer":
                    raise NoSuchCustomer(customer_id) from None
                raise
            return session.url


def _checkout_session(session: stripe.checkout.Session) -> CheckoutSession:
    return read_checkout_session(session.to_dict(for_json=True))
