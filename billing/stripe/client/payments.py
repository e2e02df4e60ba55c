"""``billing.stripe.port.Payments`` by Stripe's SDK; a part of ``billing.stripe.client.gateway.StripeGateway``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus

import stripe

from billing.stripe.client.errors import is_missing, translate_errors
from billing.stripe.client.keys import create_with_key, is_replayed, is_stored
from billing.stripe.objects import id_of, read_checkout_session, read_payment, text
from billing.stripe.port import (
    SUCCEEDED,
    AmountTooSmall,
    CardRefused,
    CheckoutSession,
    FailureStored,
    IdempotencyKeyInUse,
    NoSuchCustomer,
    Payment,
    Sale,
)

PAGE = 100  # the most that Stripe lists at once
CLOCK_SKEW = timedelta(minutes=10)  # between Stripe's clock and ours, generously


class StripePayments:
    _client: stripe.StripeClient

    def saved_card(self, customer_id: str) -> str | None:
        with translate_errors("look for a saved card"):
            try:
                customer = self._client.v1.customers.retrieve(customer_id).to_dict(for_json=True)
                if customer.get("deleted"):
                    return None
                chosen = (customer.get("invoice_settings") or {}).get("default_payment_method")
                if chosen:
                    return str(id_of(chosen))
                # Checkout saves the card of a subscription without making it the customer's default.
                cards = self._client.v1.customers.payment_methods.list(customer_id, {"type": "card", "limit": 1})
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
                return None
            return next((card.id for card in cards.data), None)

    def charge_card(self, sale: Sale, *, payment_method_id: str, idempotency_key: str) -> Payment:
        # One key and never another: whether a charge that Stripe failed at was made is for its caller to find out.
        with translate_errors("charge a saved card"), _translate_answers(sale.customer_id):
            payment = self._client.v1.payment_intents.create(
                {
                    "amount": sale.amount_cents,
                    "currency": sale.currency,
                    "customer": sale.customer_id,
                    "payment_method": payment_method_id,
                    "payment_method_types": ["card"],
                    "confirm": True,
                    "off_session": True,
                    "metadata": dict(sale.metadata),
                },
                {"idempotency_key": idempotency_key},
            )
            return read_payment(payment.to_dict(for_json=True))

    def find_payment(self, *, customer_id: str, metadata: Mapping[str, str], since: datetime) -> Payment | None:
        with translate_errors("look for a payment"):
            wanted: stripe.params.PaymentIntentListParamsCreated = {"gte": int((since - CLOCK_SKEW).timestamp())}
            try:
                page = self._client.v1.payment_intents.list({"customer": customer_id, "created": wanted, "limit": PAGE})
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
                return None
            every = (read_payment(one.to_dict(for_json=True)) for one in page.auto_paging_iter())
            found = [one for one in every if metadata.items() <= one.metadata.items()]
            return next((one for one in found if one.status == SUCCEEDED), found[0] if found else None)

    def find_receipt(self, payment_intent_id: str) -> str:
        with translate_errors("look for a receipt"):
            try:
                paid = self._client.v1.payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge"]})
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
                return ""
            charge = paid.to_dict(for_json=True).get("latest_charge")
            url = text(charge.get("receipt_url")) if isinstance(charge, dict) else ""
            return url if url.startswith("https://") else ""  # it is opened in a browser

    def create_payment_page(
        self, sale: Sale, *, user_id: str, success_url: str, cancel_url: str, idempotency_key: str
    ) -> CheckoutSession:
        wanted: stripe.params.checkout.SessionCreateParams = {
            "mode": "payment",
            "customer": sale.customer_id,
            "client_reference_id": user_id,
            # Other methods may take days until it is known whether they have paid.
            "payment_method_types": ["card"],
            "line_items": [
                {
                    "price_data": {
                        "currency": sale.currency,
                        "unit_amount": sale.amount_cents,
                        "product_data": {"name": sale.name},
                    },
                    "quantity": 1,
                }
            ],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "metadata": dict(sale.metadata),
            "payment_intent_data": {"metadata": dict(sale.metadata)},
        }
        with translate_errors("create a page to pay on"), _translate_answers(sale.customer_id):
            session = create_with_key(
                idempotency_key,
                wanted,
                lambda key: self._client.v1.checkout.sessions.create(wanted, {"idempotency_key": key}),
            )
            return read_checkout_session(session.to_dict(for_json=True))


@contextmanager
def _translate_answers(customer_id: str) -> Iterator[None]:
    """What is no failure of Stripe's, told apart."""
    try:
        yield
    except stripe.CardError:
        raise CardRefused from None
    except stripe.InvalidRequestError as error:
        if error.code == "amount_too_small":
            raise AmountTooSmall from None
        if error.param == "payment_method":
            raise CardRefused from None  # it was taken away since we looked
        if is_missing(error) and error.param == "customer":
            raise NoSuchCustomer(customer_id) from None
        raise
    except stripe.StripeError as error:
        if error.http_status == HTTPStatus.CONFLICT:  # idempotency_key_in_use; the SDK keeps no code of it
            raise IdempotencyKeyInUse from None
        if is_replayed(error) or is_stored(error):
            raise FailureStored from None
        raise
