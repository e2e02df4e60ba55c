"""What the marketplace does when somebody who installed, bought or rated deletes their account.

Installations and ratings go, and no figure counts them any more. Purchases stay without a name, because the books do:
what a developer earned does not change when a buyer leaves. Pages that could still be paid on are closed first.

It runs after billing's hook, which has ended the subscriptions; the customer's id is on the user's row until the very
end. A charge that is under way when the account closes is recorded when Stripe's event comes.
"""

import logging
from uuid import UUID

from django.db import transaction

from adiuva.api.errors import NotConfigured
from billing import alerts
from billing.stripe.port import get_gateway
from marketplace import installations, ratings
from marketplace.locks import lock_plugin, lock_user
from marketplace.models import PluginInstallation, PluginPurchase, PluginRating, PurchaseStatus
from marketplace.purchases import close_page

logger = logging.getLogger(__name__)

PAGE_LEFT_OPEN = "plugin_page_left_open"  # the session


def erase_buyer(user_id: UUID) -> None:
    """The hook of ``accounts.erasure``; may run again. Raises the gateway's problems: it is tried again later."""
    open_pages = PluginPurchase.objects.for_user(user_id).filter(status=PurchaseStatus.PENDING)
    for purchase in open_pages.exclude(checkout_session_id=None):
        _close(purchase)
    installed = PluginInstallation.objects.for_user(user_id).values_list("plugin_id", flat=True)
    rated = PluginRating.objects.for_user(user_id).values_list("plugin_id", flat=True)
    for slug in sorted({*installed, *rated}):
        _forget(user_id, slug)
    _unname(user_id)


def _close(purchase: PluginPurchase) -> None:
    try:
        close_page(get_gateway(), purchase)
    except NotConfigured:
        # Waiting for a key that was taken away on purpose would keep the account for ever.
        alerts.raise_alert(
            PAGE_LEFT_OPEN,
            reference=str(purchase.checkout_session_id),
            message=f"A buyer left while no STRIPE_SECRET_KEY was set: expire {purchase.checkout_session_id} in "
            f"Stripe's dashboard.",
        )


@transaction.atomic
def _forget(user_id: UUID, slug: str) -> None:
    lock_user(user_id)
    lock_plugin(slug)
    for rating in PluginRating.objects.for_user(user_id).filter(plugin_id=slug):
        ratings.withdraw(rating=rating)
    installations.end(user_id=user_id, slug=slug)
    PluginInstallation.objects.for_user(user_id).filter(plugin_id=slug).delete()


@transaction.atomic
def _unname(user_id: UUID) -> None:
    lock_user(user_id)
    theirs = PluginPurchase.objects.for_user(user_id)
    theirs.filter(status=PurchaseStatus.PENDING).update(status=PurchaseStatus.FAILED)
    theirs.update(user=None, checkout_url="")
