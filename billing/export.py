"""What an export of an account holds of its subscription and invoices."""

import logging
from typing import Any
from uuid import UUID

from accounts.export.registry import register_document
from accounts.models import User
from adiuva.api.errors import Problem
from billing.models import Subscription
from billing.portal import list_invoices

logger = logging.getLogger(__name__)


def collect_billing(user_id: UUID) -> dict[str, Any]:
    """``invoices`` is null while Stripe, which keeps them, does not answer."""
    columns = ("tier", "status", "current_period_end", "cancel_at_period_end", "cancel_at", "past_due_since", "seats")
    ids = ("stripe_subscription_id", "organization_id")
    subscription = Subscription.objects.filter(user_id=user_id).values(*columns, *ids).first()
    user = User.objects.get(id=user_id)
    try:
        invoices = [
            {
                "number": one.number or None,
                "status": one.status,
                "total_cents": one.total_cents,
                "currency": one.currency,
                "created_at": one.created,
            }
            for one in list_invoices(user=user)
        ]
    except Problem:
        logger.warning("an export goes out without its invoices", exc_info=True)
        invoices = None
    return {"subscription": subscription, "stripe_customer_id": user.stripe_customer_id, "invoices": invoices}


def register() -> None:
    register_document("billing.json", collect_billing)
