"""What ``reap_storage`` and ``verify_blobs`` know of packages."""

import os
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketplace.models import PluginVersion
from marketplace.submissions import service
from marketplace.submissions.packages import is_package_key, new_key, seed_key
from storage.blobs.factory import get_blob_store
from storage.blobs.port import validate_key
from storage.quota import usage_of
from tests.marketplace.members import MAIN, Member, files
from tests.marketplace.zip_archives import package

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def age(folder: Path) -> None:
    for path in files(folder):
        os.utime(path, (time.time() - 7200, time.time() - 7200))


@pytest.mark.parametrize("slug", ["a", "-", "-a-", "0-0", "x" * 64])
@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-rc.1+b-5", "0.0.0-" + "a" * 58])
def test_every_key_is_one_and_is_ours(slug: str, version: str) -> None:
    for key in (new_key(slug=slug, version=version), seed_key(slug=slug, version=version)):
        assert validate_key(key) == key
        assert is_package_key(key)


@pytest.mark.parametrize(
    "key", ["_plugins/a", "_plugins/a/1.0.0", "_plugins/a/b/1.0.0.seed", "x/_plugins/a/1.0.0.seed"]
)
def test_other_keys_are_not_ours(key: str) -> None:
    assert not is_package_key(key)


def test_a_process_that_dies_before_its_commit_leaves_a_blob_that_is_reaped(author: Member, blob_folder: Path) -> None:
    author.submit()
    kept = files(blob_folder)
    get_blob_store().upload(new_key(slug="word-count", version="1.0.0"), [package(MAIN)])
    run("reap_storage")
    assert len(files(blob_folder)) == 2  # it could still be committed
    age(blob_folder)
    run("reap_storage")
    assert files(blob_folder) == kept


def test_packages_are_verified(author: Member, blob_folder: Path) -> None:
    author.submit()
    run("verify_blobs")
    version = PluginVersion.objects.get()
    assert version.verified_at is not None
    PluginVersion.objects.update(verified_at=None)
    (path,) = files(blob_folder)
    path.write_bytes(b"something else")
    with pytest.raises((CommandError, SystemExit)):
        run("verify_blobs")


def test_a_package_is_in_nobodys_quota(author: Member) -> None:
    author.submit()
    usage = usage_of(author.user.id)
    assert usage is None or usage.storage_bytes == 0
    assert author.get("storage/quota").json["storage"]["used_bytes"] == 0


def test_a_commit_that_fails_takes_its_blob_along(
    author: Member, blob_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PENDING", 1)
    author.submit()
    before = files(blob_folder)
    assert author.submit(version="1.1.0").status == 409
    assert files(blob_folder) == before
