"""What the catalog shows of a plugin comes from one version's manifest."""

from marketplace.models import Plugin, PluginVersion


def show_version(plugin: Plugin, version: PluginVersion) -> None:
    """Copies what is displayed; the caller saves it, holding the plugin's row."""
    manifest = version.manifest
    plugin.name = manifest["name"]
    plugin.description = manifest["description"]
    plugin.category = manifest["category"]
    plugin.version = version.version
    plugin.price_cents = manifest["price_cents"]
    plugin.permissions = manifest["permissions"]
    plugin.s3_package_key = version.s3_key


def live_version(plugin: Plugin) -> PluginVersion | None:
    """The one that is displayed and downloaded; None before the first approval."""
    if plugin.published_at is None:
        return None
    return plugin.versions.filter(s3_key=plugin.s3_package_key).first()
