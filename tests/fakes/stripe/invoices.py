"""Invoices as they are asked for, and the customer portal."""

from stripe.params import InvoiceListParams, InvoiceRetrieveParams
from stripe.params.billing_portal import SessionCreateParams

from tests.fakes.stripe import money
from tests.fakes.stripe.errors import missing_param
from tests.fakes.stripe.world import Call, JsonObject, Route


def retrieve_invoice(call: Call) -> JsonObject:
    return money.show_invoice(call.world, call.world.get("invoice", *call.ids), call.params.get("expand", []))


def list_invoices(call: Call) -> JsonObject:
    customer, subscription, status = (call.params.get(name) for name in ("customer", "subscription", "status"))
    if customer is not None:
        call.world.get("customer", customer, param="customer", status=400)
    found = [
        one
        for one in call.world.all("invoice")
        if customer in {None, one["customer"]}
        and subscription in {None, money.subscription_of(one)}
        and status in {None, one["status"]}
        and money.is_within(one["created"], call.params)
    ]
    page = call.world.page(call.path, found, call.params)
    expand = [name.removeprefix("data.") for name in call.params.get("expand", [])]
    return page | {"data": [money.show_invoice(call.world, one, expand) for one in page["data"]]}


def open_portal(call: Call) -> JsonObject:
    """A page that is good for some minutes."""
    if "customer" not in call.params:
        raise missing_param("customer")
    call.world.get("customer", call.params["customer"], param="customer", status=400)
    session_id = call.world.new_id("bps")
    return call.world.add(
        "billing_portal.session",
        {
            "id": session_id,
            "object": "billing_portal.session",
            "configuration": call.world.new_id("bpc"),
            "created": call.world.now(),
            "customer": call.params["customer"],
            "customer_account": None,
            "flow": None,
            "livemode": False,
            "locale": None,
            "on_behalf_of": None,
            "return_url": call.params.get("return_url"),
            "url": f"{call.world.base_url}/p/session/{session_id}",
        },
    )


ROUTES = [
    Route("GET", "/v1/invoices", InvoiceListParams, list_invoices),
    Route("GET", "/v1/invoices/{}", InvoiceRetrieveParams, retrieve_invoice),
    Route("POST", "/v1/billing_portal/sessions", SessionCreateParams, open_portal),
]
