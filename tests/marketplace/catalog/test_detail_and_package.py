"""``GET /plugins/{id}`` and its package: for whom, and which version's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from marketplace.models import Plugin, PluginVersion
from marketplace.review.decisions import reinstate, take_down
from storage.checksums import checksum_of
from tests.marketplace.members import MAIN, MANIFEST, Member, files, reviewer
from tests.marketplace.zip_archives import package

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]
FIRST, SECOND = package(MAIN), package(MAIN * 2)


def down(reason: str = "It sent notes elsewhere.") -> None:
    take_down(plugin=Plugin.objects.get(slug="word-count"), operator=reviewer(), reason=reason)


def test_the_detail_has_manifest_versions_and_checksum(author: Member, buyer: Member) -> None:
    author.publishes(FIRST)
    author.publishes(SECOND, version="1.1.0", permissions=["read:notes", "read:tasks"])
    author.submit(version="2.0.0")
    seen = buyer.get("plugins/word-count").json
    (in_list,) = buyer.get("plugins").json["items"]
    assert seen.items() >= in_list.items()
    assert seen.keys() - in_list.keys() == {"manifest", "versions", "package_checksum"}
    assert seen["manifest"] == MANIFEST | {"version": "1.1.0", "permissions": ["read:notes", "read:tasks"]}
    assert seen["package_checksum"] == checksum_of(SECOND)
    assert [one["version"] for one in seen["versions"]] == ["1.1.0", "1.0.0"]
    assert seen["versions"][1]["package_checksum"] == checksum_of(FIRST)
    assert seen["versions"][1]["package_size_bytes"] == len(FIRST)


@pytest.mark.parametrize("slug", ["nothing", "Word-Count", "x" * 500, "%2e%2e", "a%00b", "w\u00f6rter", "a%2Fb"])
def test_what_is_not_there_is_404(buyer: Member, slug: str) -> None:
    for path in (f"plugins/{slug}", f"plugins/{slug}/package"):
        assert (buyer.get(path).status, buyer.get(path).code) == (404, "not_found")


def test_a_package_is_its_bytes_and_its_checksum(author: Member, buyer: Member) -> None:
    author.publishes(FIRST)
    buyer.install("word-count")
    answer = buyer.get("plugins/word-count/package")
    assert (answer.status, answer.content) == (200, FIRST)
    assert answer.headers["X-Checksum"] == checksum_of(FIRST)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert buyer.get("plugins/word-count/package", If_None_Match=answer.headers["ETag"]).status == 304
    part = buyer.get("plugins/word-count/package", Range="bytes=2-5")
    assert (part.status, part.content) == (206, FIRST[2:6])
    assert buyer.get("plugins/word-count/package", Accept="application/zip").status == 200
    head = buyer.api.request("HEAD", "plugins/word-count/package", token=buyer.token)
    assert (head.status, head.headers["Content-Length"], head.content) == (200, str(len(FIRST)), b"")


def test_only_who_has_it_installed_gets_the_package(author: Member, buyer: Member) -> None:
    author.publishes()
    answer = buyer.get("plugins/word-count/package")
    assert (answer.status, answer.code) == (403, "permission_denied")
    buyer.install("word-count")
    assert buyer.get("plugins/word-count/package").status == 200
    buyer.api.delete("plugins/word-count/install", token=buyer.token)
    assert buyer.get("plugins/word-count/package").code == "permission_denied"


def test_an_update_comes_by_itself_when_it_asks_for_nothing_more(author: Member, buyer: Member) -> None:
    author.publishes(FIRST)
    buyer.install("word-count")
    author.publishes(SECOND, version="1.1.0", permissions=[])
    assert buyer.get("plugins/word-count/package").content == SECOND


def test_an_update_that_asks_for_more_waits_for_consent(author: Member, buyer: Member) -> None:
    author.publishes(FIRST)
    buyer.install("word-count")
    author.publishes(SECOND, version="2.0.0", permissions=["read:notes", "write:notes"])
    assert buyer.get("plugins/word-count/package").content == FIRST
    buyer.install("word-count")
    assert buyer.get("plugins/word-count/package").content == SECOND


def test_another_approved_version_may_be_named(author: Member, buyer: Member) -> None:
    author.publishes(FIRST)
    author.publishes(SECOND, version="1.1.0")
    author.submit(version="2.0.0")
    buyer.install("word-count")
    assert buyer.get("plugins/word-count/package?version=1.0.0").content == FIRST
    assert buyer.get("plugins/word-count/package?version=1.1.0").content == SECOND
    assert buyer.get("plugins/word-count/package?version=2.0.0").status == 404
    for nothing in ("", "%00", "1", "x" * 500):
        assert buyer.get(f"plugins/word-count/package?version={nothing}").status == 404


def test_what_is_taken_down_says_why_to_who_has_it(author: Member, buyer: Member, join: Callable[..., Member]) -> None:
    author.publishes()
    buyer.install("word-count")
    stranger = join()
    down("It sent notes elsewhere.")
    for path in ("plugins/word-count", "plugins/word-count/package"):
        answer = buyer.get(path)
        assert (answer.status, answer.code, answer.json["reason"]) == (410, "taken_down", "It sent notes elsewhere.")
        assert (stranger.get(path).status, stranger.get(path).code) == (404, "not_found")
    assert stranger.ids() == []
    reinstate(plugin=Plugin.objects.get(slug="word-count"), operator=reviewer(), notes="It does not any more.")
    assert buyer.get("plugins/word-count/package").status == 200
    assert stranger.ids() == ["word-count"]


def test_a_package_that_is_lost_is_told_as_what_it_is(author: Member, buyer: Member, blob_folder: Path) -> None:
    author.publishes()
    buyer.install("word-count")
    for path in files(blob_folder):
        path.unlink()
    answer = buyer.get("plugins/word-count/package")
    assert (answer.status, answer.code) == (502, "upstream_error")


def test_a_pending_version_is_nobodys_to_fetch(author: Member) -> None:
    author.submit()
    assert PluginVersion.objects.count() == 1
    assert author.get("plugins/word-count/package").status == 404
