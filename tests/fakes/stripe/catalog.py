"""Customers, products and prices."""

from stripe.params import (
    CustomerCreateParams,
    CustomerListParams,
    CustomerRetrieveParams,
    PriceCreateParams,
    PriceListParams,
    PriceRetrieveParams,
    ProductCreateParams,
    ProductRetrieveParams,
)

from tests.fakes.stripe import objects
from tests.fakes.stripe.errors import ApiError, missing_param
from tests.fakes.stripe.world import Call, JsonObject, Route


def create_customer(call: Call) -> JsonObject:
    made = call.world.add("customer", objects.customer(call.world, call.params))
    call.world.emit("customer.created", made)
    return made


def retrieve_customer(call: Call) -> JsonObject:
    return call.world.get("customer", *call.ids)


def list_customers(call: Call) -> JsonObject:
    email = call.params.get("email")
    found = [one for one in call.world.all("customer") if not one.get("deleted") and email in {None, one.get("email")}]
    return call.world.page(call.path, found, call.params)


def create_product(call: Call) -> JsonObject:
    return call.world.add("product", objects.product(call.world, call.params))


def retrieve_product(call: Call) -> JsonObject:
    return call.world.get("product", *call.ids)


def create_price(call: Call) -> JsonObject:
    if "product" not in call.params:
        raise missing_param("product")
    if "unit_amount" not in call.params:
        raise missing_param("unit_amount")
    call.world.get("product", call.params["product"], param="product", status=400)
    if call.params["unit_amount"] < 0:
        raise ApiError("Invalid non-negative integer", param="unit_amount")
    return call.world.add("price", objects.price(call.world, call.params))


def retrieve_price(call: Call) -> JsonObject:
    return call.world.get("price", *call.ids)


def list_prices(call: Call) -> JsonObject:
    keys = call.params.get("lookup_keys")
    found = [one for one in call.world.all("price") if keys is None or one["lookup_key"] in keys]
    return call.world.page(call.path, found, call.params)


ROUTES = [
    Route("POST", "/v1/customers", CustomerCreateParams, create_customer),
    Route("GET", "/v1/customers", CustomerListParams, list_customers),
    Route("GET", "/v1/customers/{}", CustomerRetrieveParams, retrieve_customer),
    Route("POST", "/v1/products", ProductCreateParams, create_product),
    Route("GET", "/v1/products/{}", ProductRetrieveParams, retrieve_product),
    Route("POST", "/v1/prices", PriceCreateParams, create_price),
    Route("GET", "/v1/prices", PriceListParams, list_prices),
    Route("GET", "/v1/prices/{}", PriceRetrieveParams, retrieve_price),
]
