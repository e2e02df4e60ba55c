"""dj-stripe's tables, filled from what Stripe sent us.

Only its models are used. Its own sync asks Stripe for whatever an object refers to (``Product`` even for its features),
needs the API key in a table of its own, and trips over objects that are not there; a webhook must do without all of
that. What the models derive, they derive from ``stripe_data``, so rows written here are as good as synced ones.
dj-stripe never speaks to Stripe: ``billing.stripe.client`` does, with a client of its own (``forbid_calls``).
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NoReturn

import stripe
from django.db import InterfaceError, OperationalError, transaction
from djstripe import models as mirror

from accounts.models import User
from billing import alerts
from billing.models import BillingFact
from billing.stripe.events import IncomingEvent
from billing.stripe.objects import JsonObject, id_of, refuse, text

logger = logging.getLogger(__name__)


def has_event(event_id: str) -> bool:
    return bool(mirror.Event.objects.filter(id=event_id).exists())


def store_event(event: IncomingEvent, *, whole: bool) -> bool:
    """False when it is there already: the unique id is what makes a repetition one.

    ``whole``: with all its data. Of people who are not our users we keep no more than which object it was.
    """
    data = event.payload["data"] if whole else {"object": _without_person(event.data_object)}
    _, is_new = mirror.Event.objects.get_or_create(
        id=event.id,
        defaults={
            "type": event.type,
            "created": event.created,
            "livemode": event.livemode,
            "api_version": event.api_version,
            "request_id": event.request_id,
            "idempotency_key": event.idempotency_key,
            "data": data,
        },
    )
    return bool(is_new)


def objects_of_events(event_ids: Iterable[str]) -> list[JsonObject]:
    """What these events were about, as they told it."""
    return [event.data["object"] for event in mirror.Event.objects.filter(id__in=list(event_ids))]


def store_object(event: IncomingEvent, *, user: User | None, facts: list[BillingFact]) -> None:
    """The customer, product or price that ``event`` is about, unless a newer event about it was here first.

    ``facts``: all that are known of the event's subject. Subscriptions are ``store_subscription``'s.
    """
    for kinds, store in _STORED:
        if event.type not in kinds or (store is _store_customer and user is None):
            continue
        newer = [fact.event_id for fact in facts if fact.occurred_at > event.created]
        if not mirror.Event.objects.filter(id__in=newer, type__in=kinds).exists():
            _store_safely(event.id, store, event.data_object, user=user)


def store_subscription(obj: JsonObject, *, user: User) -> None:
    """The subscription with its items, prices and products, and a row for its customer."""
    _store_safely(str(obj["id"]), _store_subscription, obj, user=user)


def forget_customer(customer_id: str, *, event_ids: list[str]) -> None:
    """Everything that names them: their row, what hangs on it, and their events."""
    subscriptions = mirror.Subscription.objects.filter(customer_id=customer_id)
    named = list(subscriptions.values_list("id", flat=True))
    for rows in (
        mirror.SubscriptionItem.tax_rates.through.objects.filter(subscriptionitem__subscription_id__in=named),
        mirror.SubscriptionItem.objects.filter(subscription_id__in=named),
        subscriptions,
        mirror.Customer.objects.filter(id=customer_id),
        mirror.Event.objects.filter(id__in=event_ids),
    ):
        # Plain DELETEs, children first: Django would look for more in dj-stripe's tables that are not there.
        rows._raw_delete(rows.db)  # noqa: SLF001


def _store_safely(reference: str, store: Callable[..., None], obj: JsonObject, *, user: User | None) -> None:
    """The mirror is for looking at: what it cannot hold must not keep a customer from what they paid for."""
    try:
        with transaction.atomic():
            store(obj, user=user)
    except (OperationalError, InterfaceError):
        raise  # the database is away, and with it everything else
    except Exception as error:  # as many kinds as there are columns
        logger.warning("a Stripe object does not fit the mirror", extra={"object": reference}, exc_info=error)
        alerts.raise_alert(
            alerts.MIRROR_INCOMPLETE,
            reference=reference,
            message=f"What Stripe sent with {reference} does not fit dj-stripe's tables; tiers are not affected.",
        )


def _store_customer(obj: JsonObject, *, user: User | None) -> None:
    columns = {"email": obj.get("email") or "", "subscriber": user}
    _upsert(mirror.Customer, {**obj, "deleted": bool(obj.get("deleted"))}, **columns)


def _store_product(obj: JsonObject, **_: Any) -> None:
    _upsert(mirror.Product, obj, name=obj.get("name") or obj["id"], active=bool(obj.get("active")))


def _store_price(obj: JsonObject, **_: Any) -> None:
    product_id = _ensure_row(mirror.Product, obj["product"], name=_id_in(obj["product"]))
    columns = {"active": bool(obj.get("active")), "currency": obj["currency"], "product_id": product_id}
    names = {"nickname": obj.get("nickname") or "", "lookup_key": obj.get("lookup_key")}
    _upsert(mirror.Price, obj, **columns, **names)


def _store_subscription(obj: JsonObject, *, user: User | None) -> None:
    customer_id = _ensure_row(mirror.Customer, obj["customer"], subscriber=user)
    subscription = _upsert(mirror.Subscription, obj, customer_id=customer_id)
    for item in (obj.get("items") or {}).get("data") or []:
        _store_price(item["price"])
        price = mirror.Price.objects.get(id=item["price"]["id"])
        _upsert(mirror.SubscriptionItem, item, price=price, subscription_id=subscription.id)


_STORED: tuple[tuple[tuple[str, ...], Callable[..., None]], ...] = (
    (("customer.created", "customer.updated", "customer.deleted"), _store_customer),
    (("product.created", "product.updated", "product.deleted"), _store_product),
    (("price.created", "price.updated", "price.deleted"), _store_price),
)


def _upsert(model: Any, obj: JsonObject, **columns: Any) -> Any:
    created = obj.get("created")
    common = {
        "stripe_data": dict(obj),
        "metadata": obj.get("metadata") or {},
        "livemode": obj.get("livemode"),
        "created": datetime.fromtimestamp(created, UTC) if created is not None else None,
    }
    row, _ = model.objects.update_or_create(id=obj["id"], defaults=common | columns)
    return row


def _ensure_row(model: Any, reference: Any, **columns: Any) -> str:
    """The id of what is referred to, with a row for it until its own event says more."""
    object_id = _id_in(reference)
    model.objects.get_or_create(id=object_id, defaults=columns)
    return object_id


def _id_in(reference: Any) -> str:
    return text(id_of(reference)) or refuse("id", "This is not an id.")


def _without_person(obj: JsonObject) -> dict[str, Any]:
    return {name: obj[name] for name in ("id", "object", "status") if isinstance(obj.get(name), str)}


class StripeCallForbiddenError(RuntimeError):
    """Code of dj-stripe tried to call Stripe with the SDK's module-wide client."""


class _NoCalls(stripe.HTTPClient):
    name = "no calls"

    def request(self, *_args: Any, **_options: Any) -> NoReturn:
        raise StripeCallForbiddenError("dj-stripe does not call Stripe here; use manage.py sync_stripe")

    request_stream = request

    def close(self) -> None:
        """Nothing is open."""


def forbid_calls() -> None:
    """From here on, for the whole process: dj-stripe's admin actions and commands fail before they reach Stripe.

    They would otherwise also write the API key into a table of dj-stripe's own.
    """
    stripe.default_http_client = _NoCalls()
