"""Installing and uninstalling.

- What costs something is bought first (``marketplace.purchases.service``); what was bought stays bought, whatever it
  costs later, and is installed again for nothing. A refund ends both.
- What was bought can be installed again, on any tier, even when it is withdrawn; nobody else gets that. Only a
  take-down ends it.
- Buying, and installing what costs nothing, is for the tiers of the marketplace.
- Authors have their own plugins for nothing: there is no purchase, and no revenue.
- Installing again what one has takes the version that is live now, with its permissions. Those who installed it while
  it was free, and have not bought it since, keep what they have.
"""

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, Problem, TakenDown
from billing.entitlements import require_feature
from marketplace.catalog.admission import FEATURE
from marketplace.catalog.service import find_live_version, reason_it_is_down
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import Plugin, PluginInstallation, PluginStatus
from marketplace.purchases import installations, service
from marketplace.purchases.installations import is_entitled, paid_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """``amount_cents``: what the buyer has paid for the plugin. ``is_new``: this request made the installation."""

    installation: PluginInstallation
    amount_cents: int
    is_new: bool


def install(*, user: User, slug: str) -> Installed:
    """The user has the live version of the plugin.

    Raises:
        FeatureNotAvailable: it would have to be bought.
        NotFound: it is neither live nor bought. TakenDown: with the public reason.
        PaymentRequired, NotConfigured, Conflict, UpstreamError, UpstreamUnavailable, UpstreamTimeout: see
            ``marketplace.purchases.service.buy``.
    """
    plugin = _require_obtainable(_find(slug), user=user)
    is_new = False
    if not is_entitled(user_id=user.pk, plugin=plugin):
        kept = installations.find_installation(user_id=user.pk, slug=slug)
        if kept is not None:
            # Another request, or Stripe's event, may have paid and installed it since we looked.
            return _result_of(kept, is_new=False)
        require_feature(user, FEATURE)  # what was bought when the request came in may have been paid back since
        is_new = service.buy(user=user, plugin=plugin)
    elif plugin.price_cents == 0:
        _abandon_purchase(user, slug)
    with transaction.atomic():
        lock_open_user(user.pk)
        plugin = _require_obtainable(lock_plugin(slug), user=user)
        if not is_entitled(user_id=user.pk, plugin=plugin):
            raise Conflict("The plugin's price has just changed, or its payment went back; try again.")
        installation, is_newer = installations.activate(user_id=user.pk, plugin=plugin)
    return _result_of(installation, is_new=is_new or is_newer)


def _result_of(installation: PluginInstallation, *, is_new: bool) -> Installed:
    amount_cents = paid_cents(installation.user_id, installation.plugin_id) or 0
    return Installed(installation=installation, amount_cents=amount_cents, is_new=is_new)


@transaction.atomic
def uninstall(*, user: User, slug: str) -> None:
    """Raises NotFound when it is not installed. What was bought stays bought."""
    lock_open_user(user.pk)
    plugin = Plugin.objects.with_id(slug).select_for_update(no_key=True).first()
    if plugin is None or not installations.deactivate(user_id=user.pk, slug=plugin.pk):
        raise NotFound("This plugin is not installed.")


def find_live(slug: str) -> Plugin:
    """Raises NotFound or TakenDown."""
    return require_live(_find(slug))


def require_live(plugin: Plugin) -> Plugin:
    if plugin.status == PluginStatus.TAKEN_DOWN:
        raise TakenDown(reason=plugin.takedown_reason)
    if plugin.status != PluginStatus.APPROVED:
        raise NotFound("There is no such plugin.")
    return plugin


def _find(slug: str) -> Plugin:
    plugin: Plugin | None = Plugin.objects.with_id(slug).first()
    if plugin is None:
        raise NotFound("There is no such plugin.")
    return plugin


def _require_obtainable(plugin: Plugin, *, user: User) -> Plugin:
    """Raises NotFound or TakenDown."""
    if plugin.status == PluginStatus.WITHDRAWN and paid_cents(user.pk, plugin.pk) is not None:
        if reason := reason_it_is_down(plugin, find_live_version(plugin)):
            raise TakenDown(reason=reason)
        return plugin
    return require_live(plugin)


def _abandon_purchase(user: User, slug: str) -> None:
    """It costs nothing any more. A page that Stripe does not close now expires within a day; nobody is led there."""
    try:
        service.abandon(user=user, slug=slug)
    except Problem:
        return
