"""Checkout sessions, in the modes that we sell in."""

from urllib.parse import urlsplit

from stripe.params.checkout import SessionCreateParams, SessionExpireParams, SessionListParams, SessionRetrieveParams

from tests.fakes.stripe import objects, payments, subscriptions
from tests.fakes.stripe.errors import ApiError, missing_param
from tests.fakes.stripe.forms import Form
from tests.fakes.stripe.world import Call, JsonObject, Route, World

SOLD = "session_lines"  # what a session sells; the API shows it on another route


def create_session(call: Call) -> JsonObject:
    world, params = call.world, call.params
    _require_mode_and_lines(params)
    lines = [_line(world, params, index, line) for index, line in enumerate(params["line_items"])]
    if "success_url" not in params:
        raise missing_param("success_url")
    for name in ("success_url", "cancel_url"):
        if name in params and not _is_url(params[name]):
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    if "customer" in params and "customer_email" in params:
        raise ApiError("You may only specify one of these parameters: customer, customer_email.")
    if "customer" in params:
        owner = world.get("customer", params["customer"], param="customer", status=400)
        if owner.get("deleted"):
            raise ApiError(f"No such customer: '{owner['id']}'", code="resource_missing", param="customer")
    if not world.now() + 30 * 60 <= params.get("expires_at", world.now() + 3600) <= world.now() + 24 * 3600:
        raise ApiError("The `expires_at` timestamp must be 30 minutes to 24 hours from now.", param="expires_at")
    currencies = {sold["currency"] for sold, _ in lines}
    if len(currencies) != 1:
        raise ApiError("All line items must have the same currency.", param="line_items")
    amount = sum(sold["unit_amount"] * quantity for sold, quantity in lines)
    if params["mode"] == "payment":
        payments.require_amount(amount, next(iter(currencies)))
    made = world.add(
        "checkout.session", objects.checkout_session(world, params, amount=amount, currency=currencies.pop())
    )
    of_what_is_sold = params.get("subscription_data") or params.get("payment_intent_data") or {}
    world.add(SOLD, {"id": made["id"], "lines": lines, "metadata": of_what_is_sold.get("metadata", {})})
    return made


def _require_mode_and_lines(params: Form) -> None:
    if "mode" not in params:
        raise missing_param("mode")
    if params["mode"] == "setup":
        raise ApiError("This double does not know the mode setup.", param="mode")
    if not params.get("line_items"):
        raise missing_param("line_items")
    if params["mode"] != "subscription" and "subscription_data" in params:
        raise ApiError("You can not pass `subscription_data` in `payment` mode.", param="subscription_data")
    if params["mode"] != "payment" and "payment_intent_data" in params:
        raise ApiError("You can not pass `payment_intent_data` in `subscription` mode.", param="payment_intent_data")


def _line(world: World, params: Form, index: int, line: Form) -> tuple[JsonObject, int]:
    name = f"line_items[{index}]"
    if ("price" in line) == ("price_data" in line):
        raise ApiError("You must specify either `price` or `price_data` for each line item.", param=name)
    if "quantity" not in line:
        raise missing_param(f"{name}[quantity]")
    if "price_data" in line:
        sold = _inline_price(world, line["price_data"], f"{name}[price_data]")
    else:
        sold = world.get("price", line["price"], param=f"{name}[price]", status=400)
    if not sold["active"]:
        raise ApiError("The price specified is inactive.", param=name)
    if params["mode"] == "payment" and sold["type"] == "recurring":
        raise ApiError("You specified `payment` mode but passed a recurring price.", param=name)
    if params["mode"] == "subscription" and all(
        world.tables["price"].get(one.get("price"), sold)["type"] != "recurring" for one in params["line_items"]
    ):
        raise ApiError("You must provide at least one recurring price in `subscription` mode.", param=name)
    return sold, line["quantity"]


def _inline_price(world: World, given: Form, name: str) -> JsonObject:
    """A price of this one session, with a product that is made for it."""
    if ("product" in given) == ("product_data" in given):
        raise ApiError("You must specify either `product` or `product_data`.", param=name)
    if "unit_amount" not in given:
        raise missing_param(f"{name}[unit_amount]")
    if "product_data" in given:
        product = world.add("product", objects.product(world, given["product_data"]))
    else:
        product = world.get("product", given["product"], param=f"{name}[product]", status=400)
    return world.add("price", objects.price(world, given | {"product": product["id"]}))


def _is_url(text: str) -> bool:
    # {CHECKOUT_SESSION_ID} is Stripe's to fill in.
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def retrieve_session(call: Call) -> JsonObject:
    return _expire_if_due(call.world, call.world.get("checkout.session", *call.ids))


def list_sessions(call: Call) -> JsonObject:
    wanted = {name: value for name, value in call.params.items() if name in {"customer", "subscription", "status"}}
    every = [_expire_if_due(call.world, one) for one in call.world.all("checkout.session")]
    found = [one for one in every if all(one[name] == value for name, value in wanted.items())]
    return call.world.page(call.path, found, call.params)


def expire_session(call: Call) -> JsonObject:
    session = _expire_if_due(call.world, call.world.get("checkout.session", *call.ids))
    if session["status"] != "open":
        raise ApiError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {session["status"]}.'
        )
    session |= {"status": "expired", "url": None}
    call.world.emit("checkout.session.expired", session)
    return session


def _expire_if_due(world: World, session: JsonObject) -> JsonObject:
    if session["status"] == "open" and session["expires_at"] <= world.now():
        session |= {"status": "expired", "url": None}
        world.emit("checkout.session.expired", session)
    return session


def complete(world: World, session_id: str) -> JsonObject:
    """The customer pays on Stripe's page; answers the session."""
    session = _expire_if_due(world, world.get("checkout.session", session_id))
    if session["status"] != "open":
        raise ApiError(f"This Checkout Session is {session['status']}.")
    sold = world.get(SOLD, session_id)
    bought = _start_subscription if session["mode"] == "subscription" else _charge_once
    email = world.get("customer", session["customer"])["email"]
    session |= bought(world, session, sold) | {
        "status": "complete",
        "payment_status": "paid",
        "url": None,
        "customer_details": {"email": email, "name": "Ada Payer", "phone": None, "tax_exempt": "none", "tax_ids": []},
    }
    world.emit("checkout.session.completed", session)
    return session


def _start_subscription(world: World, session: JsonObject, sold: JsonObject) -> JsonObject:
    made = subscriptions.start(world, customer_id=session["customer"], prices=sold["lines"], metadata=sold["metadata"])
    return {"subscription": made["id"], "invoice": made["latest_invoice"]}


def _charge_once(world: World, session: JsonObject, sold: JsonObject) -> JsonObject:
    intent = payments.add_payment_intent(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer_id=session["customer"],
        metadata=sold["metadata"],
    )
    payments.pay(world, intent, card_id=world.new_id("pm"))
    return {"payment_intent": intent["id"]}


ROUTES = [
    Route("POST", "/v1/checkout/sessions", SessionCreateParams, create_session),
    Route("GET", "/v1/checkout/sessions", SessionListParams, list_sessions),
    Route("GET", "/v1/checkout/sessions/{}", SessionRetrieveParams, retrieve_session),
    Route("POST", "/v1/checkout/sessions/{}/expire", SessionExpireParams, expire_session),
]
