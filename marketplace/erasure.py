"""What becomes of somebody's plugins, purchases and payouts when they delete their account.

An author's plugins:

- What was never published goes altogether: rows, packages, and the id is free again.
- What was published is withdrawn: out of the catalog, nobody can install it, and nothing names its author. Those who
  have it installed keep it, and may fetch its package again; they may have paid for it. Its id stays taken, so that
  nobody can slip something else under it.
- What was taken down when its author left stays 410 for those who have it, with the reason.

A buyer's open payment pages are closed, ratings and installations removed; purchases and sales stay, without a name.
Reports that are closed go. An open one stays without its writer until reviewers have read it: it is there to protect
the others who have the plugin. What author and reviewers wrote about a version stays with it, without them.

A developer is paid what can be paid; what is left raises an alert for the operator.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from adiuva.api.errors import NotConfigured, UpstreamUnavailable
from adiuva.jobs import forget
from billing import alerts
from billing.stripe.factory import get_gateway
from marketplace.catalog import ratings
from marketplace.locks import lock_plugin, lock_user
from marketplace.models import (
    DeveloperAccount,
    Plugin,
    PluginInstallation,
    PluginPurchase,
    PluginRating,
    PluginReport,
    PluginStatus,
    PluginVersion,
    PurchaseStatus,
    ReviewClaim,
)
from marketplace.models.catalog import FORMER_AUTHOR
from marketplace.payouts import by_hand, transfers
from marketplace.purchases import installations
from marketplace.purchases.service import close_page
from storage.blobs.discarding import discard_after_commit


def erase_author(user_id: UUID) -> None:
    """A hook of ``accounts.erasure``; may run again. A submission under way waits or is refused: it locks the same row
    of the user, and asks whether the account is being deleted.
    """
    slugs = Plugin.objects.for_author(user_id).order_by("slug").values_list("slug", flat=True)
    for slug in list(slugs):
        _release_plugin(user_id, slug)


@transaction.atomic
def _release_plugin(user_id: UUID, slug: str) -> None:
    lock_user(user_id)
    plugin = Plugin.objects.select_for_update().filter(pk=slug, author_id=user_id).first()
    if plugin is None:
        return
    if plugin.published_at is None:
        for key in plugin.versions.values_list("s3_key", flat=True):
            discard_after_commit(key)
        plugin.delete()
        return
    versions = PluginVersion.objects.filter(plugin=plugin)
    versions.filter(status=PluginStatus.PENDING_REVIEW).update(
        status=PluginStatus.WITHDRAWN, decided_at=datetime.now(UTC)
    )
    ReviewClaim.objects.filter(version__in=versions).delete()  # after its version, as whoever claims locks them
    versions.filter(submitted_by=user_id).update(submitted_by=None)
    plugin.author = None
    plugin.author_name = FORMER_AUTHOR
    plugin.status = PluginStatus.WITHDRAWN
    plugin.save(update_fields=["author", "author_name", "status"])


PAGE_LEFT_OPEN = "plugin_page_left_open"  # the session


def erase_buyer(user_id: UUID) -> None:
    """A hook of ``accounts.erasure``; may run again. Raises the gateway's problems: it is tried again later."""
    open_pages = PluginPurchase.objects.for_user(user_id).filter(status=PurchaseStatus.PENDING)
    for purchase in open_pages.exclude(checkout_session_id=None):
        _close_checkout_page(purchase)
    installed = PluginInstallation.objects.for_user(user_id).values_list("plugin_id", flat=True)
    rated = PluginRating.objects.for_user(user_id).values_list("plugin_id", flat=True)
    for slug in sorted({*installed, *rated}):
        _remove_choices(user_id, slug)
    _anonymize_purchases(user_id)
    _release_reports(user_id)


def _close_checkout_page(purchase: PluginPurchase) -> None:
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
def _remove_choices(user_id: UUID, slug: str) -> None:
    lock_user(user_id)
    lock_plugin(slug)
    for rating in PluginRating.objects.for_user(user_id).filter(plugin_id=slug):
        ratings.withdraw(rating=rating)
    installations.deactivate(user_id=user_id, slug=slug)
    PluginInstallation.objects.for_user(user_id).filter(plugin_id=slug).delete()


@transaction.atomic
def _anonymize_purchases(user_id: UUID) -> None:
    lock_user(user_id)
    theirs = PluginPurchase.objects.for_user(user_id)
    theirs.filter(status=PurchaseStatus.PENDING).update(status=PurchaseStatus.FAILED)
    theirs.update(user=None, checkout_url="", receipt_url="")


@transaction.atomic
def _release_reports(user_id: UUID) -> None:
    lock_user(user_id)
    theirs = PluginReport.objects.for_user(user_id)
    theirs.exclude(closed_at=None).delete()
    theirs.update(user=None)


# A Stripe that never says whether it made a payout must not keep the account for ever.
WAITS_FOR_ANSWERS = timedelta(days=7)


def erase_money(user_id: UUID) -> None:
    """A hook of ``accounts.erasure``: pays what can be paid; a person settles the rest. Sales and purchases lose their
    person with the row of the account; here the reference to them at Stripe goes. A developer who never said how to be
    paid leaves their share behind.

    Raises UpstreamUnavailable while a payout may have been made and the next try can tell: a person would pay it again.
    """
    account = DeveloperAccount.objects.select_related("user").filter(user_id=user_id).first()
    if account is None:
        return
    transfers.run_open(developer_id=user_id)
    with transaction.atomic():
        unanswered = transfers.lock_unanswered(developer_id=user_id)
        asked_at = account.user.erasure_requested_at
        may_wait = asked_at is None or asked_at > datetime.now(UTC) - WAITS_FOR_ANSWERS
        if any(transfers.is_being_tried(one) or (may_wait and transfers.can_be_tried(one)) for one in unanswered):
            raise UpstreamUnavailable("It is not known yet whether a payout was made.")
        by_hand.tell_of_account(account, unanswered=unanswered)
        for kind in (alerts.CONNECT_RESTRICTED, alerts.CONNECT_DEAUTHORIZED):
            alerts.resolve(kind, reference=account.stripe_account_id)
        forget(developer_id=str(user_id))
        forget(account_id=account.stripe_account_id)
        account.delete()
