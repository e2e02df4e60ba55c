import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from marketplace.models import Plugin
from marketplace.review import jobs
from marketplace.review.reach.findings import failed_report
from marketplace.submissions import packages
from storage.blobs.factory import get_blob_store
from tests.marketplace.members import Member
from tests.support.accounts import Account
from tests.support.client import ApiClient


@pytest.fixture(autouse=True)
def blob_folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """This test's own."""
    settings.BLOB_DIR = tmp_path / "blobs"
    get_blob_store.cache_clear()
    yield tmp_path / "blobs"
    get_blob_store.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_is_looked_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a submission's code reaches for costs a process: the tests of that pay it alone."""
    if "reach" not in request.path.parts:
        monkeypatch.setattr(jobs, "analyse", lambda _: failed_report("Not in this test."))


@pytest.fixture
def join(api: ApiClient, make_user: Callable[..., Account]) -> Callable[..., Member]:
    """``join()``: somebody new, of the team tier (200 requests a minute)."""
    return lambda tier="team": Member(api, make_user(tier=tier))


@pytest.fixture
def author(join: Callable[..., Member]) -> Member:
    return join()


@pytest.fixture
def buyer(join: Callable[..., Member]) -> Member:
    return join()


@pytest.fixture
def seeded(db: None) -> None:
    """The seeds as the migration makes them; a test with transactions before this one may have emptied the tables."""
    if not Plugin.objects.filter(slug__in=packages.SEED_SLUGS).exists():
        importlib.import_module("marketplace.migrations.0002_seeds").publish(apps, connection.schema_editor())


@pytest.fixture
def empty_catalog(transactional_db: None) -> None:
    """A test with transactions of its own leaves no seeds behind, so each begins as all but the first would."""
    Plugin.objects.all().delete()
