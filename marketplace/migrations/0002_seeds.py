"""The catalog begins with three plugins of Adiuva's own. Their packages are made when they are first asked for."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import migrations

# All of it is said here: what the modules of today say may be something else tomorrow.
SEEDS = Path(__file__).resolve().parent.parent / "seeds"
RANK_WITHOUT_RATINGS = 3.5
PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)
# Of the packages: (SHA-256, size in bytes).
PACKAGES = {
    "github-sync": ("e48d680110b425707c14b775d093265c771408d03904987e65d84a819d15cf09", 3033),
    "slack-notifier": ("4fa8a9aa444679d79375c75edc2ec11a8b27fd2c7e5b0f82e6a4df76873fe158", 1847),
    "time-tracker": ("e54a75c3c14209b3cc3b20ae61bc8cfa31e1ad592038778b71dd9217df8c2f80", 2207),
}


def publish(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for slug, (checksum, size_bytes) in PACKAGES.items():
        manifest = json.loads((SEEDS / slug / "manifest.json").read_text("utf-8"))
        version = manifest["version"]
        key = f"_plugins/{slug}/{version}.seed"
        plugin = (
            apps.get_model("marketplace", "Plugin")
            .objects.using(alias)
            .create(
                slug=slug,
                author_name="Adiuva",
                name=manifest["name"],
                description=manifest["description"],
                category=manifest["category"],
                version=version,
                price_cents=manifest["price_cents"],
                permissions=manifest["permissions"],
                status="approved",
                s3_package_key=key,
                rank=RANK_WITHOUT_RATINGS,
                created_at=PUBLISHED,
                published_at=PUBLISHED,
            )
        )
        apps.get_model("marketplace", "PluginVersion").objects.using(alias).create(
            plugin=plugin,
            version=version,
            manifest=manifest,
            s3_key=key,
            checksum=checksum,
            size_bytes=size_bytes,
            status="approved",
            submitted_at=PUBLISHED,
            decided_at=PUBLISHED,
        )


def withdraw(apps: Any, schema_editor: Any) -> None:
    apps.get_model("marketplace", "Plugin").objects.using(schema_editor.connection.alias).filter(
        slug__in=PACKAGES
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0001_initial")]

    operations = [migrations.RunPython(publish, withdraw)]
