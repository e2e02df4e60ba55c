"""Subscriptions, their invoices and their lives."""

from stripe.params import (
    EventListParams,
    EventRetrieveParams,
    SubscriptionCancelParams,
    SubscriptionListParams,
    SubscriptionRetrieveParams,
    SubscriptionUpdateParams,
)

from tests.fakes.stripe import money, objects, payments
from tests.fakes.stripe.errors import ApiError, missing
from tests.fakes.stripe.world import MONTH, Call, JsonObject, Route, World

ENDED = {"canceled", "incomplete_expired"}
UPDATABLE = {"cancel_at", "cancel_at_period_end", "metadata", "expand"}
LATEST_INVOICE = "data.latest_invoice"


def start(world: World, *, customer_id: str, prices: list[tuple[JsonObject, int]], metadata: JsonObject) -> JsonObject:
    made = objects.subscription(world, customer_id=customer_id, prices=prices, metadata=metadata)
    world.add("subscription", made)
    # The card stays on file, without becoming the customer's default.
    made["default_payment_method"] = payments.save_card(world, customer_id, is_default=False)["id"]
    _bill(world, made, reason="subscription_create", paid=True)
    world.emit("customer.subscription.created", made)
    world.emit("invoice.paid", world.get("invoice", made["latest_invoice"]))
    return made


def renew(world: World, subscription_id: str, *, paid: bool) -> JsonObject:
    """The next period begins, and its invoice is paid or not."""
    subscription = world.get("subscription", subscription_id)
    for item in subscription["items"]["data"]:
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] += MONTH
    invoice = _bill(world, subscription, reason="subscription_cycle", paid=paid)
    before, subscription["status"] = subscription["status"], "active" if paid else "past_due"
    world.emit("invoice.paid" if paid else "invoice.payment_failed", invoice)
    world.emit("customer.subscription.updated", subscription, previous={"status": before})
    return subscription


def pay_invoice(world: World, invoice_id: str) -> JsonObject:
    """It is paid at last; what that means for the subscription is decided by its latest invoice alone."""
    invoice = world.get("invoice", invoice_id)
    money.pay(world, invoice)
    world.emit("invoice.paid", invoice)
    subscription = world.get("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if subscription["latest_invoice"] == invoice_id and subscription["status"] == "past_due":
        subscription["status"] = "active"
        world.emit("customer.subscription.updated", subscription, previous={"status": "past_due"})
    return invoice


def schedule_end(world: World, subscription_id: str) -> JsonObject:
    """Flexible billing: a time, and no word of the period's end
    (docs.stripe.com/billing/subscriptions/billing-mode/compare).
    """
    subscription = world.get("subscription", subscription_id)
    ends = max(item["current_period_end"] for item in subscription["items"]["data"])
    subscription |= {"cancel_at": ends, "canceled_at": world.now()}
    world.emit("customer.subscription.updated", subscription, previous={"cancel_at": None})
    return subscription


def change_price(world: World, subscription_id: str, price_id: str) -> JsonObject:
    subscription = world.get("subscription", subscription_id)
    subscription["items"]["data"][0]["price"] = world.get("price", price_id)
    world.emit("customer.subscription.updated", subscription, previous={"items": {}})
    return subscription


def change_quantity(world: World, subscription_id: str, quantity: int) -> JsonObject:
    """What is left of the period is paid for at once where it becomes more, and credited where it becomes less
    (``proration_behavior: always_invoice``).
    """
    subscription = world.get("subscription", subscription_id)
    (item,) = subscription["items"]["data"]
    before, item["quantity"] = item["quantity"], quantity
    left = max(0, item["current_period_end"] - world.now())
    length = item["current_period_end"] - item["current_period_start"]
    unused, remaining = (item["price"]["unit_amount"] * count * left // length for count in (before, quantity))
    invoice = world.add("invoice", objects.invoice(world, subscription, reason="subscription_update", paid=True))
    for count, amount in ((before, -unused), (quantity, remaining)):
        money.add_line(world, invoice, item["price"], quantity=count, amount=amount, subscription_item=item)
    invoice |= {"subtotal": remaining - unused, "total": remaining - unused}
    money.pay(world, invoice, cents=max(0, remaining - unused))
    subscription["latest_invoice"] = invoice["id"]
    world.emit("customer.subscription.updated", subscription, previous={"items": {}, "quantity": before})
    world.emit("invoice.paid", invoice)
    return subscription


def end(world: World, subscription_id: str) -> JsonObject:
    subscription = world.get("subscription", subscription_id)
    subscription |= {"status": "canceled", "ended_at": world.now(), "canceled_at": world.now()}
    world.emit("customer.subscription.deleted", subscription)
    return subscription


def _bill(world: World, subscription: JsonObject, *, reason: str, paid: bool) -> JsonObject:
    invoice = world.add("invoice", objects.invoice(world, subscription, reason=reason, paid=paid))
    for item in subscription["items"]["data"]:
        money.add_line(world, invoice, item["price"], quantity=item["quantity"], subscription_item=item)
    if paid:
        money.pay(world, invoice)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def retrieve_subscription(call: Call) -> JsonObject:
    return _expanded(call, call.world.get("subscription", *call.ids))


def _expanded(call: Call, subscription: JsonObject) -> JsonObject:
    is_wanted = "latest_invoice" in call.params.get("expand", [])
    return _with_latest_invoice(call.world, subscription) if is_wanted else subscription


def list_subscriptions(call: Call) -> JsonObject:
    """Without ``status`` the cancelled ones are left out, as docs.stripe.com/api/subscriptions/list says."""
    status, customer, price = (call.params.get(name) for name in ("status", "customer", "price"))
    if customer is not None:
        call.world.get("customer", customer, param="customer", status=400)
    found = [
        one
        for one in call.world.all("subscription")
        if customer in {None, one["customer"]}
        and price in {None, *(item["price"]["id"] for item in one["items"]["data"])}
        and _has_status(one, status)
    ]
    page = call.world.page(call.path, found, call.params)
    if LATEST_INVOICE in call.params.get("expand", []):
        page["data"] = [_with_latest_invoice(call.world, one) for one in page["data"]]
    return page


def _with_latest_invoice(world: World, subscription: JsonObject) -> JsonObject:
    latest = subscription["latest_invoice"]
    return subscription if latest is None else {**subscription, "latest_invoice": world.get("invoice", latest)}


def _has_status(subscription: JsonObject, wanted: str | None) -> bool:
    if wanted is None:
        return subscription["status"] != "canceled"
    if wanted == "ended":
        return subscription["status"] in ENDED
    return wanted in {"all", subscription["status"]}


def update_subscription(call: Call) -> JsonObject:
    subscription = call.world.get("subscription", *call.ids)
    if subscription["status"] in ENDED:
        raise ApiError("A canceled subscription can only update its cancellation_details and metadata.")
    unsupported = call.params.keys() - UPDATABLE
    if unsupported:
        raise ApiError(f"This double does not know how to update {', '.join(sorted(unsupported))}.")
    if "cancel_at" in call.params and "cancel_at_period_end" in call.params:
        raise ApiError("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    previous = {name: subscription[name] for name in call.params if name in subscription}
    if "cancel_at" in call.params:
        subscription |= {"cancel_at": call.params["cancel_at"] or None, "cancel_at_period_end": False}
    subscription["metadata"] |= call.params.get("metadata", {})
    if "cancel_at_period_end" in call.params:
        ends = subscription["items"]["data"][0]["current_period_end"]
        subscription["cancel_at_period_end"] = call.params["cancel_at_period_end"]
        subscription["cancel_at"] = ends if call.params["cancel_at_period_end"] else None
    call.world.emit("customer.subscription.updated", subscription, previous=previous)
    return _expanded(call, subscription)


def cancel_subscription(call: Call) -> JsonObject:
    """One that has ended is a 404 here, although it can be retrieved."""
    subscription = call.world.get("subscription", *call.ids)
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription["id"], param="id", status=404)
    now = call.world.now()
    reason = call.params.get("cancellation_details", {})
    subscription |= {
        "status": "canceled",
        "canceled_at": now,
        "ended_at": now,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": "cancellation_requested"} | reason,
    }
    if call.params.get("prorate"):
        _credit(call.world, subscription)
    call.world.emit("customer.subscription.deleted", subscription)
    return subscription


def _credit(world: World, subscription: JsonObject) -> None:
    """What is left of the period, to the second, as a credit on the customer's balance (negative: owed to them)."""
    owed = 0
    for item in subscription["items"]["data"]:
        left = max(0, item["current_period_end"] - world.now())
        length = item["current_period_end"] - item["current_period_start"]
        owed += item["price"]["unit_amount"] * item["quantity"] * left // length
    world.get("customer", subscription["customer"])["balance"] -= owed


def retrieve_event(call: Call) -> JsonObject:
    return call.world.get("event", *call.ids)


def list_events(call: Call) -> JsonObject:
    kinds = {call.params["type"]} if "type" in call.params else set(call.params.get("types", []))
    found = [one for one in call.world.events if not kinds or one["type"] in kinds]
    return call.world.page(call.path, found, call.params)


ROUTES = [
    Route("GET", "/v1/subscriptions", SubscriptionListParams, list_subscriptions),
    Route("GET", "/v1/subscriptions/{}", SubscriptionRetrieveParams, retrieve_subscription),
    Route("POST", "/v1/subscriptions/{}", SubscriptionUpdateParams, update_subscription),
    Route("DELETE", "/v1/subscriptions/{}", SubscriptionCancelParams, cancel_subscription),
    Route("GET", "/v1/events", EventListParams, list_events),
    Route("GET", "/v1/events/{}", EventRetrieveParams, retrieve_event),
]
