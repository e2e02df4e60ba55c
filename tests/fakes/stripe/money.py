"""What invoices bring in, and what goes back: payments of invoices, refunds and disputes."""

import operator
from typing import Any

from stripe.params import (
    DisputeListParams,
    InvoiceListLinesParams,
    InvoicePaymentListParams,
    RefundListParams,
)

from tests.fakes.stripe import payments
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.forms import Form
from tests.fakes.stripe.world import Call, JsonObject, Route, World

FIRST_LINES = 10  # as many as an invoice shows of its lines, and of its payments
DAY = 24 * 3600
COMPARISONS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def add_line(
    world: World,
    invoice: JsonObject,
    price: JsonObject,
    *,
    quantity: int = 1,
    amount: int | None = None,
    discount: int = 0,
    tax: int = 0,
    subscription_item: JsonObject | None = None,
) -> JsonObject:
    """A line of ``price`` on the invoice; ``amount`` is what it comes to where that is not the whole price."""
    cents = price["unit_amount"] * quantity if amount is None else amount
    item = subscription_item or {"id": None, "current_period_start": world.now(), "current_period_end": world.now()}
    is_proration = amount is not None
    line = {
        "id": world.new_id("il"),
        "object": "line_item",
        "amount": cents,
        "currency": price["currency"],
        "description": f"{quantity} × {price['id']}",
        "discount_amounts": [{"amount": discount, "discount": world.new_id("di")}] if discount else [],
        "discountable": not is_proration,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": is_proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription_of(invoice),
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "subtotal": cents,
        "taxes": [
            {
                "amount": tax,
                "tax_behavior": "exclusive",
                "tax_rate_details": {"tax_rate": world.new_id("txr")},
                "taxability_reason": "standard_rated",
                "taxable_amount": cents - discount,
                "type": "tax_rate_details",
            }
        ]
        if tax
        else [],
    }
    every = world.add("invoice_lines", {"id": invoice["id"], "data": lines_of(world, invoice["id"])})["data"]
    every.append(line)
    invoice["lines"] |= {"data": every[:FIRST_LINES], "has_more": len(every) > FIRST_LINES, "total_count": len(every)}
    return line


def lines_of(world: World, invoice_id: str) -> list[JsonObject]:
    return list(world.tables.get("invoice_lines", {}).get(invoice_id, {"data": []})["data"])


def pay(world: World, invoice: JsonObject, *, cents: int | None = None) -> JsonObject:
    """What is due is paid by card, ``cents`` of it where a balance of the customer's pays the rest."""
    amount = invoice["total"] if cents is None else cents
    now = world.now()
    invoice |= {"amount_due": amount, "amount_paid": amount, "amount_remaining": 0, "status": "paid"}
    invoice["status_transitions"] |= {"paid_at": now}
    if amount:
        intent = payments.add_payment_intent(
            world, amount=amount, currency=invoice["currency"], customer_id=invoice["customer"], metadata={}
        )
        charge = world.add("charge", payments.charge(world, intent, card_id=None))
        intent |= {"status": "succeeded", "amount_received": amount, "latest_charge": charge["id"]}
        paid = world.add(
            "invoice_payment",
            {
                "id": world.new_id("inpay"),
                "object": "invoice_payment",
                "amount_paid": amount,
                "amount_requested": amount,
                "created": now,
                "currency": invoice["currency"],
                "invoice": invoice["id"],
                "is_default": True,
                "livemode": False,
                "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
                "status": "paid",
                "status_transitions": {"canceled_at": None, "paid_at": now},
            },
        )
        world.emit("invoice_payment.paid", paid)
    return invoice


def intent_of(world: World, invoice_id: str) -> JsonObject:
    (paid,) = [one for one in world.all("invoice_payment") if one["invoice"] == invoice_id]
    return world.get("payment_intent", paid["payment"]["payment_intent"])


def refund(world: World, intent: JsonObject, *, cents: int | None = None) -> JsonObject:
    """As an operator does in the dashboard; all that is left unless told otherwise."""
    charge = world.get("charge", intent["latest_charge"])
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if cents is None else cents
    if not 0 < amount <= left:
        raise ApiError(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    made = world.add(
        "refund",
        {
            "id": world.new_id("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": world.new_id("txn"),
            "charge": charge["id"],
            "created": world.now(),
            "currency": charge["currency"],
            "customer": charge["customer"],
            "failure_balance_transaction": None,
            "failure_reason": None,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": "requested_by_customer",
            "receipt_number": None,
            "status": "succeeded",
        },
    )
    before = {"amount_refunded": charge["amount_refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    world.emit("refund.created", made)
    world.emit("charge.refunded", charge, previous=before)
    return made


def fail_refund(world: World, refund_id: str) -> JsonObject:
    """The bank will not take it: the money comes again."""
    made = world.get("refund", refund_id)
    charge = world.get("charge", made["charge"])
    charge |= {"amount_refunded": charge["amount_refunded"] - made["amount"], "refunded": False}
    back = world.add("balance_transaction", _transaction(world, made["amount"], made["currency"], made["id"]))
    made |= {
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": back["id"],
    }
    world.emit("refund.failed", made, previous={"status": "succeeded"})
    return made


def dispute(
    world: World, intent: JsonObject, *, cents: int | None = None, reason: str = "fraudulent", inquiry: bool = False
) -> JsonObject:
    """The payer's bank takes the money, or only asks."""
    charge = world.get("charge", intent["latest_charge"])
    now = world.now()
    made = world.add(
        "dispute",
        {
            "id": world.new_id("du"),
            "object": "dispute",
            "amount": charge["amount"] if cents is None else cents,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": now + 7 * DAY,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback"}, "type": "card"},
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        },
    )
    charge["disputed"] = True
    if not inquiry:
        made["balance_transactions"].append(_transaction(world, -made["amount"], made["currency"], made["id"]))
    world.emit("charge.dispute.created", made)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(world: World, dispute_id: str, *, status: str) -> JsonObject:
    """``won``, ``lost`` or ``warning_closed``."""
    made = world.get("dispute", dispute_id)
    before, made["status"] = made["status"], status
    if status == "won":
        made["balance_transactions"].append(_transaction(world, made["amount"], made["currency"], made["id"]))
        world.emit("charge.dispute.funds_reinstated", made)
    world.emit("charge.dispute.closed", made, previous={"status": before})
    return made


def _transaction(world: World, cents: int, currency: str, source: str) -> JsonObject:
    return {
        "id": world.new_id("txn"),
        "object": "balance_transaction",
        "amount": cents,
        "created": world.now(),
        "currency": currency,
        "fee": 0,
        "net": cents,
        "source": source,
        "type": "adjustment",
    }


def subscription_of(invoice: JsonObject) -> str | None:
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent else None


def show_invoice(world: World, invoice: JsonObject, expand: list[str]) -> JsonObject:
    """``payments`` are there only where they were asked for."""
    if "payments" not in expand:
        return invoice
    paid = [one for one in world.all("invoice_payment") if one["invoice"] == invoice["id"]]
    url = f"/v1/invoice_payments?invoice={invoice['id']}"
    return invoice | {"payments": {"object": "list", "data": paid[:FIRST_LINES], "has_more": False, "url": url}}


def list_lines(call: Call) -> JsonObject:
    invoice = call.world.get("invoice", *call.ids)
    # Lines are listed in their order; ``page`` begins with what is newest.
    return call.world.page(call.path, lines_of(call.world, invoice["id"])[::-1], call.params)


def list_invoice_payments(call: Call) -> JsonObject:
    params = call.params
    wanted = params.get("payment", {})
    if wanted and wanted["type"] not in {"payment_intent", "payment_record"}:
        raise ApiError("Invalid payment[type]: must be one of payment_intent, payment_record", param="payment[type]")
    found = [
        one
        for one in call.world.all("invoice_payment")
        if params.get("invoice") in {None, one["invoice"]}
        and params.get("status") in {None, one["status"]}
        and wanted.get("payment_intent") in {None, one["payment"].get("payment_intent")}
    ]
    return call.world.page(call.path, found, params)


def list_refunds(call: Call) -> JsonObject:
    page = _list_returns(call, "refund")
    if "data.failure_balance_transaction" not in call.params.get("expand", []):
        return page
    return page | {"data": [_with_failure(call.world, one) for one in page["data"]]}


def _with_failure(world: World, one: JsonObject) -> JsonObject:
    named = one["failure_balance_transaction"]
    return one | {"failure_balance_transaction": world.get("balance_transaction", named)} if named else one


def list_disputes(call: Call) -> JsonObject:
    return _list_returns(call, "dispute")


def _list_returns(call: Call, kind: str) -> JsonObject:
    params = call.params
    found = [
        one
        for one in call.world.all(kind)
        if params.get("payment_intent") in {None, one["payment_intent"]}
        and params.get("charge") in {None, one["charge"]}
        and is_within(one["created"], params)
    ]
    return call.world.page(call.path, found, params)


def is_within(created: int, params: Form) -> bool:
    wanted: Any = params.get("created", {})
    bounds = wanted if isinstance(wanted, dict) else {"gte": wanted, "lte": wanted}
    return all(COMPARISONS[name](created, int(bound)) for name, bound in bounds.items())


ROUTES = [
    Route("GET", "/v1/invoices/{}/lines", InvoiceListLinesParams, list_lines),
    Route("GET", "/v1/invoice_payments", InvoicePaymentListParams, list_invoice_payments),
    Route("GET", "/v1/refunds", RefundListParams, list_refunds),
    Route("GET", "/v1/disputes", DisputeListParams, list_disputes),
]
