"""What the catalog shows, and to whom: the list, its search, one plugin and the package that a user gets.

What was taken down is sent to nobody. What its author has withdrawn stays with who has it: who has installed that very
version, or has bought the plugin.

``q`` searches PostgreSQL's full text where there is PostgreSQL; elsewhere it looks for plain words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection
from django.db.models import Exists, OrderBy, OuterRef, Q
from django.db.models.functions import Coalesce

from accounts.models import User
from adiuva.api.errors import NotFound, PermissionDenied, TakenDown, ValidationFailed
from marketplace.catalog.admission import has_bought
from marketplace.models import Plugin, PluginInstallation, PluginStatus, PluginVersion
from marketplace.models.catalog import PluginQuerySet
from marketplace.submissions.manifest import version_fault

# Each ends with the key, so that pages do not overlap.
SORTS: Final = {
    "rating": ("-rank", "slug"),
    "installs": ("-install_count", "slug"),
    "newest": ("-published_at", "slug"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A plugin with ``installed``, its live version, and every version that was ever approved, the newest first."""

    plugin: Plugin
    live: PluginVersion
    versions: list[PluginVersion]


def with_installed(plugins: PluginQuerySet, user: User) -> PluginQuerySet:
    """``plugins`` with ``installed``, as the user has them; one query for all."""
    theirs = installations_of(user.id).filter(plugin=OuterRef("pk"))
    return plugins.annotate(installed=Exists(theirs))


def list_plugins(
    *, user: User, category: str | None = None, text: str | None = None, sort: str = "rating"
) -> PluginQuerySet:
    """What is live. ``category`` is a whole one, in either case; an empty ``text`` asks for nothing.

    Raises:
        ValidationFailed: no such sort, or a text that is too long.
    """
    if sort not in SORTS:
        raise ValidationFailed({"sort": [f"Must be one of {', '.join(SORTS)}."]})
    plugins = Plugin.objects.live()
    if category:
        plugins = plugins.filter(category__iexact=category.replace("\x00", ""))  # which PostgreSQL takes in no text
    order: Sequence[Any] = SORTS[sort]
    if text:
        plugins = search_plugins(plugins, text)
        order = [_order_without_index(name) for name in order]
    return with_installed(plugins.order_by(*order), user)


def _order_without_index(name: str) -> OrderBy:
    """The same order by an expression that no index has.

    PostgreSQL takes any beginning of a word for a common one, and would rather walk down the whole catalog in the order
    of an index until a page is full: 0.7 s for a rare word among 20,000 plugins, where the text's index takes 1 ms.
    """
    column = name.removeprefix("-")
    expression = Coalesce(column, column)
    return expression.desc() if name.startswith("-") else expression.asc()


def find_plugin(*, user: User, slug: str) -> Published:
    """One that is live, or that the user has installed or bought although it is withdrawn.

    Raises:
        TakenDown: with the public reason, for who has it installed or bought.
        NotFound: for everybody else, and for what was never live.
    """
    plugin: Any = with_installed(Plugin.objects.with_id(slug), user).first()
    if plugin is None:
        raise NotFound("There is no such plugin.")
    live = require_visible(plugin, user_id=user.id, is_installed=plugin.installed)
    approved = plugin.versions.filter(status=PluginStatus.APPROVED).order_by("-decided_at", "-submitted_at", "id")
    return Published(plugin=plugin, live=live, versions=list(approved))


def find_package(*, user: User, slug: str, version: str | None = None) -> PluginVersion:
    """The version whose package the user gets: the one they name, else the live one if it asks for no permission that
    they have not agreed to when they installed the plugin, else the one they have installed, else the live one.

    Raises:
        PermissionDenied: it is not installed.
        TakenDown: also for a version that was taken down alone, where it is named.
        NotFound: as ``find_plugin``; also for a version that was never approved, or is withdrawn and not theirs.
    """
    plugin: Plugin | None = Plugin.objects.with_id(slug).first()
    if plugin is None:
        raise NotFound("There is no such plugin.")
    installation: PluginInstallation | None = installations_of(user.id).filter(plugin=plugin).first()
    live = require_visible(plugin, user_id=user.id, is_installed=installation is not None)
    if installation is None:
        raise PermissionDenied("Only those who have this plugin installed may download its package.")
    if version is None:
        return _due_version(plugin, live=live, installation=installation)
    if version == live.version:
        return live
    named: PluginVersion | None = None if version_fault(version) else plugin.versions.filter(version=version).first()
    if named is not None and named.status == PluginStatus.TAKEN_DOWN:
        raise TakenDown(reason=named.takedown_reason)
    if named is None or not _may_have(named, installation=installation):
        raise NotFound("There is no such version.")
    return named


def _due_version(plugin: Plugin, *, live: PluginVersion, installation: PluginInstallation) -> PluginVersion:
    """An update waits for consent with what is installed, as long as that may be sent."""
    if set(live.manifest["permissions"]) <= set(installation.permissions):
        return live
    kept = plugin.versions.filter(version=installation.version).first()
    return kept if kept is not None and _may_have(kept, installation=installation) else live


def _may_have(version: PluginVersion, *, installation: PluginInstallation) -> bool:
    if version.status == PluginStatus.APPROVED:
        return True
    was_approved = version.status == PluginStatus.WITHDRAWN and version.withdrawn_at is not None
    if not was_approved:
        return False
    return version.version == installation.version or has_bought(installation.user_id, installation.plugin_id)


def require_visible(plugin: Plugin, *, user_id: UUID, is_installed: bool) -> PluginVersion:
    """The live version, or what is left of it for who has the plugin installed or bought. Whose author has left keeps
    the reason for which it was taken down before.

    Raises:
        TakenDown, NotFound: as ``find_plugin``.
    """
    live = find_live_version(plugin)
    if plugin.status == PluginStatus.APPROVED and live is not None:
        return live
    if not is_installed and not has_bought(user_id, plugin.pk):
        raise NotFound("There is no such plugin.")
    if reason := reason_it_is_down(plugin, live):
        raise TakenDown(reason=reason)
    if plugin.status != PluginStatus.WITHDRAWN or live is None:
        raise NotFound("There is no such plugin.")
    return live


def reason_it_is_down(plugin: Plugin, live: PluginVersion | None) -> str:
    """Of a plugin that is not live: of the whole, or of the one version it had left; empty for none."""
    if plugin.takedown_reason or live is None:
        return plugin.takedown_reason
    return live.takedown_reason if live.status == PluginStatus.TAKEN_DOWN else ""


def installations_of(user_id: UUID) -> Any:
    """What they have now."""
    return PluginInstallation.objects.for_user(user_id).filter(uninstalled_at__isnull=True)


def show_version(plugin: Plugin, version: PluginVersion) -> None:
    """Copies what is displayed; the caller saves it, holding the plugin's row."""
    manifest = version.manifest
    plugin.name = manifest["name"]
    plugin.description = manifest["description"]
    plugin.category = manifest["category"]
    plugin.version = version.version
    plugin.price_cents, plugin.is_unsellable = manifest["price_cents"], False
    plugin.permissions = manifest["permissions"]
    plugin.s3_package_key = version.s3_key


def find_live_version(plugin: Plugin) -> PluginVersion | None:
    """The one that is displayed and downloaded; None before the first approval."""
    if plugin.published_at is None:
        return None
    return plugin.versions.filter(s3_key=plugin.s3_package_key).first()


MAX_CHARACTERS: Final = 200
MAX_WORDS: Final = 10
SEARCH_FIELDS: Final = ("name", "slug", "category", "description")
_WORD = re.compile(r"[^\W_]+")


def search_plugins(plugins: PluginQuerySet, text: str) -> PluginQuerySet:
    """Those that have every word of ``text``, or a word that begins with it; of English words any form.

    Without PostgreSQL: every word, anywhere in one of the fields. A text without words finds nothing.

    Raises:
        ValidationFailed: it is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValidationFailed({"q": [f"Must be at most {MAX_CHARACTERS} characters."]})
    words = _WORD.findall(text)[:MAX_WORDS]
    if not words:
        return plugins.none()
    if connection.vendor == "postgresql":
        return full_text(plugins, words)
    found: Any = plugins
    for word in words:
        anywhere = Q()
        for field in SEARCH_FIELDS:
            anywhere |= Q(**{f"{field}__icontains": word})
        found = found.filter(anywhere)
    return found  # type: ignore[no-any-return]


def full_text(plugins: PluginQuerySet, words: Sequence[str]) -> PluginQuerySet:
    """``words`` are letters and digits only."""
    beginnings = " & ".join(f"'{word}':*" for word in words)
    written = SearchQuery(beginnings, search_type="raw", config="simple")
    in_english = SearchQuery(" ".join(words), search_type="plain", config="english")
    vector = SearchVector(*SEARCH_FIELDS, config="simple") + SearchVector(*SEARCH_FIELDS, config="english")
    return plugins.annotate(words=vector).filter(words=written | in_english)
