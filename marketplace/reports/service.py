"""What users report about plugins: kept until a reviewer has closed it (docs/api.md § 9)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, RateLimited, TakenDown
from billing.entitlements import require_feature
from marketplace.catalog.admission import FEATURE, may_enter
from marketplace.catalog.service import find_live_version, reason_it_is_down
from marketplace.locks import lock_open_user
from marketplace.models import (
    Plugin,
    PluginInstallation,
    PluginPurchase,
    PluginReport,
    PluginStatus,
    PurchaseStatus,
    ReportReason,
)

MOST_A_DAY: Final = 20
DAY: Final = timedelta(days=1)
ALREADY_REPORTED: Final = "You have reported this plugin already; reviewers will look at it."


def require_few_reports(user: User) -> None:
    """Raises RateLimited: so many in the last 24 hours, whatever has become of them."""
    now = datetime.now(UTC)
    lately = PluginReport.objects.for_user(user.pk).filter(reported_at__gt=now - DAY).order_by("-reported_at")
    times = list(lately.values_list("reported_at", flat=True)[:MOST_A_DAY])
    if len(times) >= MOST_A_DAY:
        raise RateLimited(
            retry_after=(times[-1] + DAY - now).total_seconds(),
            detail=f"At most {MOST_A_DAY} reports in 24 hours are taken.",
        )


def require_may_report(*, user: User, slug: str) -> Plugin:
    """The plugin: one in the catalog, or one that the user has, had or has paid for.

    Raises:
        FeatureNotAvailable: of a lower tier, and they have never had it.
        NotFound: there is none, or it is not live. TakenDown: it is gone already.
        PermissionDenied: their own.
    """
    plugin: Plugin | None = Plugin.objects.with_id(slug).first()
    is_own = plugin is not None and plugin.author_id == user.pk
    knows_it = plugin is not None and _has_had(user, plugin)
    if not (may_enter(user) or is_own or knows_it):
        require_feature(user, FEATURE)
    if plugin is None:
        raise NotFound("There is no such plugin.")
    if is_own:
        raise PermissionDenied("You cannot report your own plugin.")
    if plugin.status == PluginStatus.APPROVED:
        return plugin
    if not knows_it:
        raise NotFound("There is no such plugin.")
    if reason := reason_it_is_down(plugin, find_live_version(plugin)):
        raise TakenDown(reason=reason)
    return plugin


def _has_had(user: User, plugin: Plugin) -> bool:
    paid = [PurchaseStatus.PAID, PurchaseStatus.REFUNDED]
    return bool(
        PluginInstallation.objects.for_user(user.pk).filter(plugin=plugin).exists()
        or PluginPurchase.objects.for_user(user.pk).filter(plugin=plugin, status__in=paid).exists()
    )


@transaction.atomic
def report(*, user: User, slug: str, reason: ReportReason, text: str) -> PluginReport:
    """About the version that the user has installed, else the live one.

    Raises:
        Conflict: an earlier one of theirs is open, or the account is being deleted.
        RateLimited, and what ``require_may_report`` raises.
    """
    lock_open_user(user.pk)  # so that two at once are counted one after the other
    require_few_reports(user)
    plugin = require_may_report(user=user, slug=slug)
    installation: PluginInstallation | None = (
        PluginInstallation.objects.for_user(user.pk).filter(plugin=plugin, uninstalled_at=None).first()
    )
    try:
        with transaction.atomic():  # so that the outer one survives what the constraint says
            made: PluginReport = PluginReport.objects.create(
                plugin=plugin,
                user=user,
                version=installation.version if installation is not None else plugin.version,
                reason=reason,
                text=text,
                reported_at=datetime.now(UTC),
            )
    except IntegrityError:
        raise Conflict(ALREADY_REPORTED) from None
    return made
