"""Who a Stripe customer is to us: made for a user, found by an event, and with one writer at a time."""

from uuid import UUID

from django.db import connection

from accounts.models import User
from adiuva.api.errors import Conflict
from billing import alerts
from billing.stripe.events import CHECKOUTS, IncomingEvent, read_session
from billing.stripe.port import CheckoutSession, Gateway


def ensure_customer(gateway: Gateway, *, user: User) -> str:
    """The user's Stripe customer, made if there is none; however many ask at once, there is one."""
    if user.stripe_customer_id:
        return user.stripe_customer_id
    return _save_customer(user, before=None, made=gateway.create_customer(user=user))


def replace_customer(gateway: Gateway, *, user: User, gone: str) -> str:
    return _save_customer(user, before=gone, made=gateway.create_customer(user=user, instead_of=gone))


def _save_customer(user: User, *, before: str | None, made: str) -> str:
    """The id that counts: ``made``, unless another request was quicker. Raises Conflict for an account that closes."""
    open_accounts = User.objects.filter(pk=user.pk, erasure_requested_at=None)
    open_accounts.filter(stripe_customer_id=before).update(stripe_customer_id=made)
    kept = open_accounts.values_list("stripe_customer_id", flat=True).first()
    if not kept:
        raise Conflict("This account is being deleted.")
    user.stripe_customer_id = kept
    return kept


def lock_subject(subject_id: str) -> None:
    """Until the transaction ends, nobody else works on this customer, whether or not we have a user for them.

    To be taken before the user's row is locked, never after. SQLite needs none: a transaction that writes is alone.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"stripe:{subject_id}"])


def find_locked_user(customer_id: str) -> User | None:
    if not customer_id:
        return None
    return User.objects.select_for_update(no_key=True).filter(stripe_customer_id=customer_id).first()


def find_locked_user_of_event(event: IncomingEvent) -> User | None:
    """The user of the event's customer; a checkout of ours also tells whose a new customer is.

    A mapping that exists is never changed: not the customer's to another user, not the user's to another customer.
    Either is an alert.
    """
    user = find_locked_user(event.customer_id)
    if event.type not in CHECKOUTS or not event.customer_id:
        return user
    named = _user_ids_in(read_session(event))
    if not named or (user is not None and named == {user.id}):
        return user
    if user is not None or len(named) > 1:
        _report_conflict(event, "names another user than the one it belongs to")
        return user
    candidate = (
        User.objects.select_for_update(no_key=True).filter(id__in=named, erasure_requested_at__isnull=True).first()
    )
    if candidate is None:
        return None
    if candidate.stripe_customer_id is not None:
        _report_conflict(event, f"names a user who has the customer {candidate.stripe_customer_id}")
        return None
    candidate.stripe_customer_id = event.customer_id
    candidate.save(update_fields=["stripe_customer_id", "updated_at"])
    alerts.resolve(alerts.UNKNOWN_CUSTOMER, reference=event.customer_id)
    return candidate


def _user_ids_in(session: CheckoutSession) -> set[UUID]:
    named = (session.client_reference_id, session.metadata.get("user_id", ""))
    return {user_id for value in named if (user_id := _uuid(value)) is not None}


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _report_conflict(event: IncomingEvent, what: str) -> None:
    alerts.raise_alert(
        alerts.CUSTOMER_CONFLICT,
        reference=event.customer_id,
        message=f"The checkout in event {event.id} for the customer {event.customer_id} {what}; nothing was changed.",
    )
