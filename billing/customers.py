"""Whose a Stripe customer is, and one writer at a time for each of them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import User
from billing import alerts
from billing.stripe.objects import CHECKOUTS, IncomingEvent


def lock_subject(subject_id: str) -> None:
    """Until the transaction ends, nobody else works on this customer, whether or not we have a user for them.

    To be taken before the user's row is locked, never after. SQLite needs none: a transaction that writes is alone.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"stripe:{subject_id}"])


def locked_user_of(customer_id: str) -> User | None:
    if not customer_id:
        return None
    return User.objects.select_for_update(no_key=True).filter(stripe_customer_id=customer_id).first()


def locked_user_of_event(event: IncomingEvent) -> User | None:
    """The user of the event's customer; a checkout of ours also tells whose a new customer is.

    A mapping that exists is never changed: not the customer's to another user, not the user's to another customer.
    Either is an alert.
    """
    user = locked_user_of(event.customer_id)
    if event.type not in CHECKOUTS or not event.customer_id:
        return user
    named = _user_ids_in(event.data_object)
    if not named or (user is not None and named == {user.id}):
        return user
    if user is not None or len(named) > 1:
        _conflict(event, "names another user than the one it belongs to")
        return user
    candidate = (
        User.objects.select_for_update(no_key=True).filter(id__in=named, erasure_requested_at__isnull=True).first()
    )
    if candidate is None:
        return None
    if candidate.stripe_customer_id is not None:
        _conflict(event, f"names a user who has the customer {candidate.stripe_customer_id}")
        return None
    candidate.stripe_customer_id = event.customer_id
    candidate.save(update_fields=["stripe_customer_id", "updated_at"])
    alerts.resolve(alerts.UNKNOWN_CUSTOMER, reference=event.customer_id)
    return candidate


def _user_ids_in(session: Mapping[str, Any]) -> set[UUID]:
    metadata = session.get("metadata")
    named = [session.get("client_reference_id"), metadata.get("user_id") if isinstance(metadata, dict) else None]
    return {user_id for value in named if (user_id := _uuid(value)) is not None}


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _conflict(event: IncomingEvent, what: str) -> None:
    alerts.raise_alert(
        alerts.CUSTOMER_CONFLICT,
        reference=event.customer_id,
        message=f"The checkout in event {event.id} for the customer {event.customer_id} {what}; nothing was changed.",
    )
