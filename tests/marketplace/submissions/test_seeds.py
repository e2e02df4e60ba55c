"""Adiuva's own plugins: there after ``migrate``, and their packages whenever they are asked for."""

import hashlib
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from billing import alerts
from billing.models import OperatorAlert
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.submissions import packages
from tests.marketplace.members import Member, failures_of, files, validate

PRICES = {"github-sync": 0, "slack-notifier": 499, "time-tracker": 999}
CATEGORIES = {"github-sync": "Productivity", "slack-notifier": "Communication", "time-tracker": "Productivity"}


@pytest.mark.usefixtures("seeded")
def test_the_catalog_begins_with_three_plugins(buyer: Member) -> None:
    items = buyer.get("plugins").json["items"]
    assert {item["id"]: item["price_cents"] for item in items} == PRICES
    assert {item["id"]: item["category"] for item in items} == CATEGORIES
    assert {item["name"] for item in items} == {"GitHub Sync", "Slack Notifier", "Time Tracker"}
    assert {item["author"] for item in items} == {"Adiuva"}


@pytest.mark.usefixtures("seeded")
def test_they_are_found_and_described_like_others(buyer: Member) -> None:
    assert buyer.ids("?q=github") == ["github-sync"]
    assert sorted(buyer.ids("?category=Productivity")) == ["github-sync", "time-tracker"]
    seen = buyer.get("plugins/slack-notifier").json
    assert seen["manifest"] == packages.seed_manifest("slack-notifier")
    assert [one["version"] for one in seen["versions"]] == ["1.0.0"]


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("slug", packages.SEED_SLUGS)
def test_a_seeds_package_is_the_one_its_row_describes(slug: str) -> None:
    package = packages.seed_package(slug)
    version = PluginVersion.objects.get(plugin=slug)
    assert (hashlib.sha256(package).hexdigest(), len(package)) == (version.checksum, version.size_bytes)
    assert version.manifest == packages.seed_manifest(slug)
    assert version.status == PluginStatus.APPROVED


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("slug", packages.SEED_SLUGS)
def test_a_seed_passes_the_checks_that_others_must(slug: str) -> None:
    Plugin.objects.all().delete()
    assert failures_of(validate(packages.seed_package(slug), **packages.seed_manifest(slug))) == {}


@pytest.mark.usefixtures("seeded")
def test_a_seeds_package_is_laid_down_when_it_is_first_asked_for(buyer: Member, blob_folder: Path) -> None:
    buyer.install("github-sync")
    assert files(blob_folder) == []
    first, second = (buyer.get("plugins/github-sync/package") for _ in range(2))
    assert first.status == second.status == 200
    assert first.content == second.content == packages.seed_package("github-sync")
    assert first.headers["X-Checksum"] == buyer.get("plugins/github-sync").json["package_checksum"]
    assert len(files(blob_folder)) == 1


@pytest.mark.usefixtures("seeded")
def test_a_seeds_package_is_verified_once_it_is_there(buyer: Member, blob_folder: Path) -> None:
    call_command("verify_blobs", stdout=StringIO())
    assert not PluginVersion.objects.filter(verified_at__isnull=False).exists()
    buyer.install("github-sync")
    buyer.get("plugins/github-sync/package")
    call_command("verify_blobs", stdout=StringIO())
    assert PluginVersion.objects.get(verified_at__isnull=False).plugin_id == "github-sync"
    (path,) = files(blob_folder)
    path.write_bytes(b"something else")
    PluginVersion.objects.update(verified_at=None)
    with pytest.raises((CommandError, SystemExit)):
        call_command("verify_blobs", stdout=StringIO(), stderr=StringIO())


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_the_migrations_can_be_undone_and_done_again() -> None:
    def migrate(name: str) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([("marketplace", name)])

    Plugin.objects.all().delete()
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("marketplace")[0][1]
    migrate("0001_initial")
    migrate(latest)
    assert set(Plugin.objects.values_list("slug", flat=True)) == set(packages.SEED_SLUGS)
    Plugin.objects.all().delete()


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_prices_of_before_the_rule_stay_and_are_told() -> None:
    def migrate(name: str) -> Any:
        executor = MigrationExecutor(connection)
        executor.migrate([("marketplace", name)])
        return executor.loader.project_state([("marketplace", name)]).apps

    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("marketplace")[0][1]
    before = migrate("0005_ledger_entries")
    now = datetime.now(UTC)
    for slug, cents, status in (("live", 30, "approved"), ("waits", 49, "pending_review"), ("fine", 50, "approved")):
        before.get_model("marketplace", "Plugin").objects.create(
            slug=slug, name=slug, price_cents=cents, status=status, s3_package_key=f"_plugins/{slug}", created_at=now
        )
    migrate(latest)
    kept = Plugin.objects.filter(pk__in=["live", "waits", "fine"]).values_list("pk", "price_cents", "is_unsellable")
    assert set(kept) == {("live", 30, True), ("waits", 49, True), ("fine", 50, False)}
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == (alerts.PLUGIN_PRICE_TOO_SMALL, "live")
