"""Connect: accounts of others, links to their questions, transfers to them and back."""

import operator
from collections.abc import Sequence
from urllib.parse import urlsplit

from stripe.params import (
    AccountCreateParams,
    AccountLinkCreateParams,
    AccountRetrieveParams,
    TransferCreateParams,
    TransferListParams,
    TransferRetrieveParams,
    TransferReversalCreateParams,
    TransferReversalListParams,
)

from tests.fakes.stripe import payments
from tests.fakes.stripe.errors import ApiError, missing_param
from tests.fakes.stripe.world import Call, JsonObject, Route, World

LINK_SECONDS = 300
DETAILS = ("external_account", "individual.dob.day")  # some of what is due of everybody
APPLICATION = "ca_Loopback0123456789"
CAPABILITIES = {"transfers", "card_payments"}
COMPARISONS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def create_account(call: Call) -> JsonObject:
    params, world = call.params, call.world
    if params.get("type") != "express":
        raise ApiError("This double makes accounts of the type express only.", param="type")
    wanted = params.get("capabilities", {})
    unsupported = wanted.keys() - CAPABILITIES
    if unsupported:
        raise ApiError(f"This double does not know the capabilities {', '.join(sorted(unsupported))}.")
    return world.add(
        "account",
        {
            "id": world.new_id("acct", 16),
            "object": "account",
            "business_type": params.get("business_type"),
            "capabilities": {name: "inactive" for name, asked in wanted.items() if asked.get("requested")},
            "charges_enabled": False,
            "country": params.get("country", "DE"),
            "created": world.now(),
            "default_currency": "eur",
            "details_submitted": False,
            "email": params.get("email"),
            "metadata": params.get("metadata", {}),
            "payouts_enabled": False,
            "requirements": requirements(DETAILS, reason="requirements.past_due"),
            "type": "express",
        },
    )


def retrieve_account(call: Call) -> JsonObject:
    (account_id,) = call.ids
    return known_account(call.world, account_id)


def known_account(world: World, account_id: str) -> JsonObject:
    """Stripe says the same of one that is gone and of one that was never ours."""
    if account_id not in world.tables.get("account", {}):
        raise ApiError(
            "The provided key does not have access to the account, or it does not exist.",
            status=403,
            code="account_invalid",
        )
    return world.get("account", account_id)


def create_link(call: Call) -> JsonObject:
    params, world = call.params, call.world
    known_account(world, params["account"])
    if params["type"] != "account_onboarding":
        raise ApiError("This account has a Stripe-hosted Dashboard.", param="type")
    for name in ("return_url", "refresh_url"):
        if name not in params:
            raise missing_param(name)
        parts = urlsplit(params[name])
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    now = world.now()
    return {
        "object": "account_link",
        "created": now,
        "expires_at": now + LINK_SECONDS,
        "url": f"https://connect.stripe.com/setup/e/{params['account']}/{world.new_id('link', 12)}",
    }


def enable(world: World, account_id: str, *, payouts: bool = True) -> JsonObject:
    """Its owner answers all of Stripe's questions, or Stripe has new ones."""
    account = world.get("account", account_id)
    before = {"payouts_enabled": account["payouts_enabled"]}
    account |= {"payouts_enabled": payouts, "details_submitted": True, "requirements": requirements()}
    account["capabilities"] |= dict.fromkeys(account["capabilities"], "active" if payouts else "inactive")
    world.emit("account.updated", account, previous=before)
    world.events[-1]["account"] = account_id
    return account


def restrict(world: World, account_id: str, *, disabled_reason: str, due: Sequence[str]) -> JsonObject:
    """The account and its capability both tell."""
    account = world.get("account", account_id)
    before = {"payouts_enabled": account["payouts_enabled"]}
    account |= {
        "payouts_enabled": False,
        "details_submitted": True,
        "requirements": requirements(due, reason=disabled_reason),
    }
    account["capabilities"] |= dict.fromkeys(account["capabilities"], "inactive")
    world.emit("account.updated", account, previous=before)
    world.events[-1]["account"] = account_id
    for name in account["capabilities"]:
        capability = {"id": name, "object": "capability", "account": account_id, "status": "inactive"}
        world.emit("capability.updated", capability | {"requirements": account["requirements"]})
        world.events[-1]["account"] = account_id
    return account


def deauthorize(world: World, account_id: str) -> JsonObject:
    """It is about our application; the account is named beside it."""
    world.get("account", account_id)
    del world.tables["account"][account_id]
    world.emit("account.application.deauthorized", {"id": APPLICATION, "object": "application", "name": "Adiuva"})
    world.events[-1]["account"] = account_id
    return world.events[-1]


def requirements(due: Sequence[str] = (), *, reason: str | None = None) -> JsonObject:
    """docs.stripe.com/api/accounts/object, ``requirements``."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


def create_transfer(call: Call) -> JsonObject:
    params, world = call.params, call.world
    amount = params.get("amount")
    if amount is None:
        raise missing_param("amount")
    if amount < 1:
        raise ApiError(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    account = world.get("account", params["destination"], param="destination", status=400)
    if account["capabilities"].get("transfers") != "active":
        raise ApiError(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers.",
            code="insufficient_capabilities_for_transfer",
            is_final=True,
        )
    charge = params.get("source_transaction")
    if charge is None:
        text = "You have insufficient available funds in your Stripe account."
        raise ApiError(text, code="balance_insufficient", is_final=True)
    _require_left(world, world.get("charge", charge, param="source_transaction", status=400), params)
    made = world.add(
        "transfer",
        {
            "id": world.new_id("tr"),
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "balance_transaction": world.new_id("txn"),
            "created": world.now(),
            "currency": params["currency"],
            "description": params.get("description"),
            "destination": account["id"],
            "destination_payment": world.new_id("py"),
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "reversals": {"object": "list", "data": [], "has_more": False, "total_count": 0},
            "reversed": False,
            "source_transaction": charge,
            "source_type": "card",
            "transfer_group": params.get("transfer_group"),
        },
    )
    world.emit("transfer.created", made)
    return made


def _require_left(world: World, charge: JsonObject, params: JsonObject) -> None:
    """No more is sent of a charge than came in by it; what was reversed may be sent again."""
    if params["currency"] != charge["currency"]:
        raise ApiError("The currency of source_transaction's balance transaction must match.", param="currency")
    sent = sum(
        one["amount"] - one["amount_reversed"]
        for one in world.all("transfer")
        if one["source_transaction"] == charge["id"]
    )
    if sent + params["amount"] > charge["amount"]:
        raise ApiError(
            "The transfers for this charge would be more than the charge.", code="transfer_source_balance_parameters"
        )


def retrieve_transfer(call: Call) -> JsonObject:
    return call.world.get("transfer", *call.ids)


def list_transfers(call: Call) -> JsonObject:
    created = call.params.get("created", {})
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    found = [
        one
        for one in call.world.all("transfer")
        if call.params.get("destination") in {None, one["destination"]}
        and call.params.get("transfer_group") in {None, one["transfer_group"]}
        and all(COMPARISONS[name](one["created"], int(bound)) for name, bound in bounds.items())
    ]
    return call.world.page(call.path, found, call.params)


def create_reversal(call: Call) -> JsonObject:
    transfer = call.world.get("transfer", *call.ids)
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = call.params.get("amount", left)
    if not 0 < amount <= left:
        raise ApiError(
            f"You cannot reverse €{amount / 100:.2f} of this transfer, of which €{left / 100:.2f} is left.",
            param="amount",
        )
    made = call.world.add(
        "transfer_reversal",
        {
            "id": call.world.new_id("trr"),
            "object": "transfer_reversal",
            "amount": amount,
            "created": call.world.now(),
            "currency": transfer["currency"],
            "metadata": call.params.get("metadata", {}),
            "transfer": transfer["id"],
        },
    )
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    call.world.emit("transfer.reversed", transfer)
    return made


def list_reversals(call: Call) -> JsonObject:
    transfer = call.world.get("transfer", *call.ids)
    found = [one for one in call.world.all("transfer_reversal") if one["transfer"] == transfer["id"]]
    return call.world.page(call.path, found, call.params)


def take_payment(world: World, payment_intent_id: str, *, cents: int) -> JsonObject:
    """A payment that came in under an id of our choice, with its charge."""
    intent = payments.add_payment_intent(world, amount=cents, currency="eur", customer_id=None, metadata={})
    del world.tables["payment_intent"][intent["id"]]
    intent["id"] = payment_intent_id
    return payments.pay(world, world.add("payment_intent", intent), card_id=None)


ROUTES = [
    Route("POST", "/v1/accounts", AccountCreateParams, create_account),
    Route("GET", "/v1/accounts/{}", AccountRetrieveParams, retrieve_account),
    Route("POST", "/v1/account_links", AccountLinkCreateParams, create_link),
    Route("POST", "/v1/transfers", TransferCreateParams, create_transfer),
    Route("GET", "/v1/transfers", TransferListParams, list_transfers),
    Route("GET", "/v1/transfers/{}", TransferRetrieveParams, retrieve_transfer),
    Route("POST", "/v1/transfers/{}/reversals", TransferReversalCreateParams, create_reversal),
    Route("GET", "/v1/transfers/{}/reversals", TransferReversalListParams, list_reversals),
]
