"""What billing does when an account is deleted: nobody pays for an account that is gone, and nothing names them."""

import logging
from uuid import UUID

from django.db import transaction

from accounts.models import User
from adiuva.api.errors import NotConfigured, UpstreamError
from adiuva.jobs import forget
from billing import alerts
from billing.cancellation import known_subscriptions, running_subscriptions
from billing.models import BillingFact, Checkout, Subscription
from billing.organizations.seats import settle_later
from billing.stripe.customers import lock_subject
from billing.stripe.djstripe import mirror
from billing.stripe.factory import get_gateway

logger = logging.getLogger(__name__)


def erase(user_id: UUID) -> None:
    """Raises the gateway's problems: while Stripe is away the account stays closed, and erasure tries again later."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        return
    customer_id = user.stripe_customer_id or ""
    just_bought = [_close_page(page) for page in Checkout.objects.for_user(user_id).open()]
    for subscription_id in sorted({*_running(user), *filter(None, just_bought)}):
        _cancel(subscription_id)
    with transaction.atomic():
        if customer_id:
            lock_subject(customer_id)
            facts = BillingFact.objects.filter(subject_id=customer_id)
            mirror.forget_customer(customer_id, event_ids=list(facts.values_list("event_id", flat=True)))
            facts.delete()
            forget(customer_id=customer_id)
        paid_for = Subscription.objects.filter(user_id=user_id).values_list("organization_id", flat=True).first()
        Subscription.objects.filter(user_id=user_id).delete()
        settle_later(user_id=user_id, paid_for=paid_for)


def _running(user: User) -> list[str]:
    """Without a key nobody can be asked what a subscription is of that only an invoice tells of: an operator looks."""
    try:
        return running_subscriptions(user)
    except NotConfigured:
        running, unread = known_subscriptions(user)
        for subscription_id in unread:
            _ask_operator(subscription_id, f"cancel {subscription_id}, if it is one of ours,")
        return running


def _close_page(page: Checkout) -> str:
    """Nobody pays on it any more; the subscription that was bought on it already, of which we may not have heard."""
    session_id = str(page.session_id)
    try:
        get_gateway().expire_checkout_session(session_id)
    except NotConfigured:
        _ask_operator(session_id, f"expire {session_id}")
    except UpstreamError:
        session = get_gateway().retrieve_checkout_session(session_id)
        if session is not None and session.status == "open":
            raise
        return session.subscription_id if session is not None else ""
    return ""


def _cancel(subscription_id: str) -> None:
    """One that Stripe never had, or has cancelled already, is as good as cancelled."""
    try:
        get_gateway().cancel_subscription(subscription_id)
    except NotConfigured:
        _ask_operator(subscription_id, f"cancel {subscription_id}")


def _ask_operator(reference: str, what: str) -> None:
    """Waiting for a key that was taken away on purpose would keep the account for ever."""
    alerts.raise_alert(
        alerts.CANCEL_BY_HAND,
        reference=reference,
        message=f"An account was deleted while no STRIPE_SECRET_KEY was set: {what} at Stripe.",
    )
