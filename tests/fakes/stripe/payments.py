"""Cards on file, and payments made once."""

from typing import Any, Literal

from stripe.params import (
    CustomerPaymentMethodListParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
)

from tests.fakes.stripe.errors import ApiError, missing_param
from tests.fakes.stripe.world import Call, JsonObject, Route, World

Manner = Literal["pays", "declined", "authentication_required", "slow_bank"]
LEAST_CENTS = {"eur": 50, "usd": 50}  # docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MANNERS = "card_manner"  # how each card behaves, which no API shows
REFUSALS = {
    "declined": ("card_declined", "generic_decline", "Your card was declined."),
    "authentication_required": (
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}


def save_card(world: World, customer_id: str, *, manner: Manner = "pays", is_default: bool = True) -> JsonObject:
    """A card on file, as a checkout or the billing portal leaves it; ``is_default`` for the customer's invoices."""
    customer = world.get("customer", customer_id)
    card = world.add(
        "payment_method",
        {
            "id": world.new_id("pm"),
            "object": "payment_method",
            "allow_redisplay": "limited",
            "billing_details": {"address": None, "email": customer["email"], "name": "Ada Payer", "phone": None},
            "card": {"brand": "visa", "country": "DE", "exp_month": 12, "exp_year": 2034, "last4": "4242"},
            "created": world.now(),
            "customer": customer_id,
            "livemode": False,
            "metadata": {},
            "type": "card",
        },
    )
    world.add(MANNERS, {"id": card["id"], "manner": manner})
    if is_default:
        customer["invoice_settings"]["default_payment_method"] = card["id"]
    return card


def take_card_away(world: World, card_id: str) -> None:
    """Detached, as in the billing portal."""
    card = world.get("payment_method", card_id)
    settings = world.get("customer", card["customer"])["invoice_settings"]
    card["customer"] = None
    if settings["default_payment_method"] == card_id:
        settings["default_payment_method"] = None


def list_payment_methods(call: Call) -> JsonObject:
    customer = call.world.get("customer", *call.ids)
    kind = call.params.get("type")
    cards = call.world.all("payment_method")
    found = [one for one in cards if one["customer"] == customer["id"] and kind in {None, one["type"]}]
    return call.world.page(call.path, found, call.params)


def create_payment_intent(call: Call) -> JsonObject:
    world, params = call.world, call.params
    require_amount(params["amount"], params["currency"])
    if "customer" in params:
        owner = world.get("customer", params["customer"], param="customer", status=400)
        if owner.get("deleted"):
            raise ApiError(f"No such customer: '{owner['id']}'", code="resource_missing", param="customer")
    is_confirmed = params.get("confirm", False)
    if params.get("off_session") and not is_confirmed:
        raise ApiError("You cannot provide `off_session` without `confirm` set to `true`.", param="off_session")
    if is_confirmed and "payment_method" not in params:
        raise ApiError("You cannot confirm this PaymentIntent because it's missing a payment method.")
    may_redirect = (
        "payment_method_types" not in params
        and params.get("automatic_payment_methods", {}).get("allow_redirects") != "never"
    )
    if is_confirmed and may_redirect and "return_url" not in params:
        raise missing_param("return_url")
    if "payment_method" in params:
        _require_theirs(world, params["payment_method"], params.get("customer"))
    made = add_payment_intent(
        world,
        amount=params["amount"],
        currency=params["currency"],
        customer_id=params.get("customer"),
        metadata=params.get("metadata", {}),
    )
    world.emit("payment_intent.created", made)
    return _confirm(world, made, params["payment_method"]) if is_confirmed else made


def require_amount(amount: int, currency: str) -> None:
    least = LEAST_CENTS.get(currency)
    if least is None:
        raise ApiError(f"Invalid currency: {currency}", param="currency")
    if amount < least:
        text = f"Amount must be at least €{least / 100:.2f} {currency}"
        raise ApiError(text, code="amount_too_small", param="amount")


def _require_theirs(world: World, card_id: str, customer_id: str | None) -> None:
    card = world.get("payment_method", card_id, param="payment_method", status=400)
    if card["customer"] is None or card["customer"] != customer_id:
        text = "The provided PaymentMethod cannot be attached. To reuse a PaymentMethod, you must attach it first."
        raise ApiError(text, param="payment_method")


def add_payment_intent(
    world: World, *, amount: int, currency: str, customer_id: str | None, metadata: JsonObject
) -> JsonObject:
    intent_id = world.new_id("pi")
    return world.add(
        "payment_intent",
        {
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "canceled_at": None,
            "capture_method": "automatic_async",
            "client_secret": f"{intent_id}_secret_{world.new_id('', 25).lstrip('_')}",
            "confirmation_method": "automatic",
            "created": world.now(),
            "currency": currency,
            "customer": customer_id,
            "description": None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": dict(metadata),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": ["card"],
            "setup_future_usage": None,
            "status": "requires_payment_method",
            "transfer_group": None,
        },
    )


def _confirm(world: World, intent: JsonObject, card_id: str) -> JsonObject:
    manner = world.get(MANNERS, card_id)["manner"]
    if manner == "slow_bank":
        intent |= {"status": "processing", "payment_method": card_id}
        return intent
    if manner in REFUSALS:
        code, decline_code, message = REFUSALS[manner]
        intent["last_payment_error"] = {"code": code, "decline_code": decline_code, "type": "card_error"}
        world.emit("payment_intent.payment_failed", intent)
        more: dict[str, Any] = {"decline_code": decline_code, "payment_intent": intent}
        raise ApiError(message, status=402, kind="card_error", code=code, is_final=True, **more)
    return pay(world, intent, card_id=card_id)


def pay(world: World, intent: JsonObject, *, card_id: str | None) -> JsonObject:
    """The money moves."""
    made = world.add("charge", charge(world, intent, card_id=card_id))
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": made["id"],
        "payment_method": card_id,
    }
    world.emit("charge.succeeded", made)
    world.emit("payment_intent.succeeded", intent)
    return intent


def charge(world: World, intent: JsonObject, *, card_id: str | None) -> JsonObject:
    return {
        "id": world.new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "captured": True,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": card_id,
        "receipt_url": f"https://pay.stripe.com/receipts/{intent['id']}",
        "refunded": False,
        "status": "succeeded",
    }


def retrieve_payment_intent(call: Call) -> JsonObject:
    intent = call.world.get("payment_intent", *call.ids)
    if "latest_charge" not in call.params.get("expand", []) or intent["latest_charge"] is None:
        return intent
    return intent | {"latest_charge": call.world.get("charge", intent["latest_charge"])}


def list_payment_intents(call: Call) -> JsonObject:
    customer, since = call.params.get("customer"), call.params.get("created", {}).get("gte", 0)
    if customer is not None:
        call.world.get("customer", customer, param="customer", status=400)
    found = [
        one
        for one in call.world.all("payment_intent")
        if customer in {None, one["customer"]} and one["created"] >= since
    ]
    return call.world.page(call.path, found, call.params)


ROUTES = [
    Route("GET", "/v1/customers/{}/payment_methods", CustomerPaymentMethodListParams, list_payment_methods),
    Route("POST", "/v1/payment_intents", PaymentIntentCreateParams, create_payment_intent),
    Route("GET", "/v1/payment_intents", PaymentIntentListParams, list_payment_intents),
    Route("GET", "/v1/payment_intents/{}", PaymentIntentRetrieveParams, retrieve_payment_intent),
]
