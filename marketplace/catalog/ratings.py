"""Stars. The only writer of ``PluginRating`` and of what a plugin's row says of it."""

from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from accounts.models import User
from adiuva.api.errors import PermissionDenied
from marketplace.locks import lock_open_user, lock_plugin
from marketplace.models import Plugin, PluginInstallation, PluginRating
from marketplace.purchases.installs import find_live, require_live


def require_may_rate(*, user: User, slug: str) -> None:
    """Raises NotFound or TakenDown; PermissionDenied for its author and for whoever never had it."""
    plugin = find_live(slug)
    if plugin.author_id == user.pk:
        raise PermissionDenied("You cannot rate your own plugin.")
    if not PluginInstallation.objects.for_user(user.pk).filter(plugin=plugin).exists():
        raise PermissionDenied("Only those who have or had this plugin installed may rate it.")


@transaction.atomic
def rate(*, user: User, slug: str, stars: int) -> Plugin:
    """One rating each, the last one counts. The plugin with its new mean. Raises what ``require_may_rate`` raises."""
    lock_open_user(user.pk)
    plugin = require_live(lock_plugin(slug))
    require_may_rate(user=user, slug=slug)
    now = datetime.now(UTC)
    rating, is_new = PluginRating.objects.get_or_create(
        plugin=plugin, user=user, defaults={"stars": stars, "updated_at": now}
    )
    before = 0 if is_new else rating.stars
    rating.stars, rating.updated_at = stars, now
    rating.save()
    _count(plugin, stars=stars - before, ratings=int(is_new))
    return plugin


def withdraw(*, rating: PluginRating) -> None:
    """As if it had never been. The caller has its plugin locked."""
    plugin = lock_plugin(rating.plugin_id)
    _count(plugin, stars=-rating.stars, ratings=-1)
    rating.delete()


def _count(plugin: Plugin, *, stars: int, ratings: int) -> None:
    """``plugin`` was read under its lock."""
    plugin.rating_sum += stars
    plugin.rating_count += ratings
    plugin.avg_rating = plugin.rating_sum / plugin.rating_count if plugin.rating_count else 0
    plugin.rank = rank_of(plugin.rating_sum, plugin.rating_count)
    plugin.save(update_fields=["rating_sum", "rating_count", "avg_rating", "rank"])


# A plugin starts as if it had these ratings already, so that a single five does not outrank fifty times four and a
# half, nor a single one sink what is new. Changing them wants every ``Plugin.rank`` computed again.
PRIOR_COUNT: Final = 5
PRIOR_MEAN: Final = 3.5


def rank_of(rating_sum: int, rating_count: int) -> float:
    """The Bayesian mean of so many ratings with that sum of stars: between 1 and 5, ``PRIOR_MEAN`` without any."""
    return (PRIOR_COUNT * PRIOR_MEAN + rating_sum) / (PRIOR_COUNT + rating_count)
