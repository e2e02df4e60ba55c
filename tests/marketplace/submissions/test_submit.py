"""``POST /plugins`` and ``GET /plugins/mine``."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.erasure import close_account
from adiuva.api.errors import Conflict
from adiuva.api.multipart import SpooledFile
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.review.decisions import reject, take_down
from marketplace.submissions import service
from storage.checksums import checksum_of
from tests.marketplace.members import MAIN, MANIFEST, Member, files, refusals_of, reviewer
from tests.marketplace.zip_archives import Raw, build_zip, package, with_main
from tests.storage.records.devices import form

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]

CODES = {"id", "version", "permissions", "no_blobs", "package_zip", "package_paths", "package_links", "package_size"}
GOOD = json.dumps(MANIFEST)


def test_a_submission_waits_for_a_review(author: Member, blob_folder: Path) -> None:
    data = package(MAIN)
    answer = author.submit(data)
    assert answer.status == 201
    assert answer.json.keys() == {"id", "version", "status", "checks"}
    assert (answer.json["id"], answer.json["version"]) == ("word-count", "1.0.0")
    assert answer.json["status"] == "pending_review"
    assert {one["code"] for one in answer.json["checks"]} >= CODES
    assert all(one["passed"] and one["message"] for one in answer.json["checks"])
    version = PluginVersion.objects.get(plugin="word-count")
    assert (version.checksum, version.size_bytes) == (checksum_of(data), len(data))
    assert version.checks == answer.json["checks"]
    assert [path.read_bytes() for path in files(blob_folder)] == [data]


def test_the_catalog_does_not_show_what_waits(author: Member) -> None:
    author.submit()
    assert author.ids() == []
    assert (author.get("plugins/word-count").status, author.get("plugins/word-count").code) == (404, "not_found")


def test_the_row_of_a_new_plugin_shows_its_newest_version(author: Member) -> None:
    author.submit()
    author.submit(version="1.1.0", name="Words", price_cents=250)
    plugin = Plugin.objects.get(slug="word-count")
    assert (plugin.version, plugin.name, plugin.price_cents) == ("1.1.0", "Words", 250)
    assert plugin.status == PluginStatus.PENDING_REVIEW


def test_a_new_version_leaves_the_live_one_where_it_is(author: Member, buyer: Member) -> None:
    live = author.publishes()
    buyer.install("word-count")
    answer = author.submit(package(MAIN * 2), version="2.0.0", name="Words", price_cents=999, permissions=[])
    assert (answer.status, answer.json["status"]) == (201, "pending_review")
    seen = buyer.get("plugins/word-count").json
    assert (seen["version"], seen["name"], seen["price_cents"]) == ("1.0.0", "Word Count", 0)
    assert (seen["package_checksum"], len(seen["versions"])) == (live.checksum, 1)
    assert buyer.ids() == ["word-count"]
    assert buyer.get("plugins/word-count/package").headers["X-Checksum"] == live.checksum


def test_a_version_never_changes(author: Member) -> None:
    author.submit()
    answer = author.submit(package(MAIN * 2), name="Something else")
    assert (answer.status, answer.code) == (409, "conflict")
    assert [one["name"] for one in author.mine()] == ["Word Count"]


@pytest.mark.parametrize("decided", [PluginStatus.REJECTED, PluginStatus.APPROVED])
def test_a_decided_version_is_not_submitted_again(author: Member, decided: PluginStatus) -> None:
    if decided == PluginStatus.APPROVED:
        author.publishes()
    else:
        author.submit()
        reject(version=PluginVersion.objects.get(), reviewer=reviewer(), reason_code="broken")
    assert author.submit().status == 409
    assert author.submit(version="1.0.1").status == 201


@pytest.mark.parametrize(
    ("version", "status"),
    [("1.9.0", 409), ("1.10.0-rc.1", 409), ("1.10.0+other", 409), ("1.10.1", 201), ("2.0.0-rc.1", 201)],
)
def test_a_version_is_higher_than_all_that_were_submitted(author: Member, version: str, status: int) -> None:
    author.publishes(version="1.2.0")
    author.submit(version="1.10.0")
    reject(version=PluginVersion.objects.get(version="1.10.0"), reviewer=reviewer(), reason_code="broken")
    answer = author.submit(version=version)
    assert answer.status == status
    if status == 409:
        assert "1.10.0" in answer.json["detail"]


def test_an_id_is_its_first_authors(author: Member, join: Callable[..., Member]) -> None:
    author.submit()
    other = join()
    answer = other.submit(version="2.0.0")
    assert (answer.status, answer.code) == (409, "conflict")
    assert other.mine() == []


def test_an_id_that_somebody_has_is_told_before_the_package_is_looked_at(
    author: Member, join: Callable[..., Member]
) -> None:
    author.submit()
    assert join().submit(b"no archive").status == 409


def test_failed_checks_are_told_with_the_whole_list(author: Member, blob_folder: Path) -> None:
    answer = author.submit(with_main(Raw(name=b"../x")), id="Word Count", permissions=["read:everything"])
    assert set(refusals_of(answer)) == {"id", "permissions", "package_paths"}
    assert {one["code"] for one in answer.json["checks"]} >= CODES
    assert answer.json["checks"][0].keys() == {"code", "passed", "message", "evidence", "mode"}
    assert refusals_of(answer)["package_paths"]["evidence"] == ["'../x': has an empty segment, . or .."]
    assert (files(blob_folder), author.mine(), Plugin.objects.filter(slug="word-count").count()) == ([], [], 0)


@pytest.mark.parametrize("slug", ["mine", "earnings", "onboarding", "installed", "purchases"])
def test_a_reserved_id_is_refused(author: Member, slug: str) -> None:
    assert list(refusals_of(author.submit(id=slug))) == ["id"]


def test_a_plugin_whose_id_was_reserved_later_is_updated(
    author: Member, buyer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("marketplace.submissions.manifest.RESERVED_IDS", {"mine"})
        author.publishes(id="installed")
    answer = author.submit(id="installed", version="1.1.0")
    assert (answer.status, answer.json["id"]) == (201, "installed")
    assert buyer.submit(id="installed", version="1.2.0").status == 409


@pytest.mark.parametrize("slug", ["a", "-", "-a-", "0", "x" * 64])
def test_every_id_of_the_contract_has_a_place_for_its_package(author: Member, buyer: Member, slug: str) -> None:
    version = author.publishes(id=slug, version="1.0.0-rc.1+build.5", name=f"Plugin {len(slug)}")
    buyer.install(slug)
    assert buyer.get(f"plugins/{slug}/package").headers["X-Checksum"] == version.checksum


def test_unknown_fields_of_a_manifest_are_ignored(author: Member) -> None:
    assert author.submit(status="approved", author="Adiuva", is_staff=True).status == 201
    assert PluginVersion.objects.get().manifest == MANIFEST


def test_an_author_is_named_without_being_known(author: Member, join: Callable[..., Member]) -> None:
    author.publishes()
    seen = join().get("plugins/word-count")
    assert seen.json["author"].startswith("dev-")
    assert len(seen.json["author"]) == len("dev-01234567")
    assert author.account.email.encode() not in seen.content
    assert str(author.user.id).encode() not in seen.content


# --- the form ---

MALFORMED: dict[str, dict[str, str | bytes]] = {
    "manifest": {"package": package(MAIN)},
    "package": {"manifest": GOOD},
}


@pytest.mark.parametrize(("missing", "parts"), MALFORMED.items())
def test_both_parts_are_required(author: Member, missing: str, parts: dict[str, str | bytes]) -> None:
    answer = author.send(**parts)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == [missing]


@pytest.mark.parametrize(
    "manifest",
    [
        *("", "{", "word-count", "[]", '"text"', "null", "{} {}", '{"id": NaN}', '{"id": "\\u0000"}', "[" * 10_000),
        *(json.dumps([MANIFEST]), '{"id": "\\ud800"}', '{"price_cents": 1e999}'),
    ],
)
def test_a_manifest_that_is_no_json_object_is_malformed(author: Member, manifest: str) -> None:
    answer = author.send(manifest=manifest, package=package(MAIN))
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", ["manifest"])


def test_a_manifest_that_is_not_utf_8_is_malformed(author: Member) -> None:
    assert author.send(manifest=b'{"id": "\xff"}', package=package(MAIN)).status == 400


@pytest.mark.parametrize("order", [("manifest", "package"), ("package", "manifest")])
def test_the_parts_come_in_any_order_and_either_may_be_a_file(author: Member, order: tuple[str, str]) -> None:
    parts: dict[str, str | bytes] = {"manifest": GOOD.encode(), "package": package(MAIN)}
    assert author.send(**{name: parts[name] for name in order}).status == 201


def test_texts_of_a_manifest_keep_every_character(author: Member) -> None:
    text = "Zählt Wörter – 数える 🧮"
    author.publishes(description=text)
    assert author.get("plugins/word-count").json["description"] == text


def test_a_package_that_is_too_large_is_413(author: Member, settings: Any, blob_folder: Path) -> None:
    settings.MAX_PACKAGE_BYTES = 1000
    answer = author.submit(package(os.urandom(2000)))
    assert (answer.status, answer.code, answer.json["max_bytes"]) == (413, "payload_too_large", 1000)
    assert files(blob_folder) == []


def test_a_manifest_that_is_too_large_is_413(author: Member) -> None:
    answer = author.submit(note="x" * 70_000)
    assert (answer.status, answer.code) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/zip", "application/octet-stream", "nonsense"]
)
def test_another_form_is_415(author: Member, content_type: str) -> None:
    answer = author.api.post("plugins", body=b"{}", content_type=content_type, token=author.token)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_form_that_is_cut_is_400(author: Member, blob_folder: Path) -> None:
    body, content_type = form(manifest=GOOD, package=package(MAIN))
    answer = author.api.post("plugins", body=body[:-20], token=author.token, headers={"Content-Type": content_type})
    assert (answer.status, answer.code) == (400, "validation_error")
    assert files(blob_folder) == []


# --- mine ---


def test_an_author_sees_what_became_of_each_submission(author: Member) -> None:
    live = author.publishes()
    author.submit(version="1.1.0")
    rejected = PluginVersion.objects.get(version="1.1.0")
    reject(version=rejected, reviewer=reviewer(), reason_code="broken", notes="It stops at the first umlaut.")
    author.submit(version="1.2.0")
    newest, second, first = author.mine()
    assert [one["version"] for one in (newest, second, first)] == ["1.2.0", "1.1.0", "1.0.0"]
    assert [one["status"] for one in (newest, second, first)] == ["pending_review", "rejected", "approved"]
    assert [one["live"] for one in (newest, second, first)] == [False, False, True]
    assert second["reason_code"] == "broken"
    assert second["reason"].endswith("It stops at the first umlaut.")
    assert (newest["reason"], newest["decided_at"]) == (None, None)
    assert first["package_checksum"] == live.checksum
    assert {one["code"] for one in first["checks"]} >= CODES


def test_an_author_sees_why_a_plugin_was_taken_down(author: Member) -> None:
    author.publishes()
    take_down(plugin=Plugin.objects.get(slug="word-count"), operator=reviewer(), reason="It sent notes elsewhere.")
    (one,) = author.mine()
    assert (one["status"], one["live"], one["reason"]) == ("taken_down", False, "It sent notes elsewhere.")


def test_mine_are_nobody_elses(author: Member, join: Callable[..., Member]) -> None:
    author.publishes()
    assert join().mine() == []


def test_mine_comes_in_pages(author: Member) -> None:
    for number in range(3):
        author.submit(version=f"1.{number}.0")
    page = author.get("plugins/mine?limit=2&page=2").json
    assert ([one["version"] for one in page["items"]], page["total"]) == (["1.0.0"], 3)


def test_an_author_waits_when_too_many_wait(author: Member) -> None:
    submission_limit = service.MAX_PENDING
    author.submit()
    waiting = PluginVersion.objects.get()
    PluginVersion.objects.bulk_create(
        PluginVersion(
            plugin_id="word-count",
            version=f"0.0.{number}",
            manifest=MANIFEST,
            s3_key=f"_plugins/word-count/0.0.{number}.{number:032x}",
            checksum=waiting.checksum,
            size_bytes=1,
            submitted_by=author.user,
            submitted_at=waiting.submitted_at,
        )
        for number in range(submission_limit - 1)
    )
    assert author.submit(version="2.0.0").status == 409
    PluginVersion.objects.filter(version="0.0.1").delete()
    assert author.submit(version="2.0.0").status == 201


def test_an_account_that_closes_leaves_no_submission(author: Member, blob_folder: Path) -> None:
    """Its token is refused; this is the request that was let in before."""

    close_account(user=author.user)
    data = package(MAIN)
    with pytest.raises(Conflict):
        service.submit(
            author=author.user, manifest=MANIFEST, package=SpooledFile(file=io.BytesIO(data), size_bytes=len(data))
        )
    assert (files(blob_folder), Plugin.objects.filter(slug="word-count").count()) == ([], 0)


def test_a_store_that_fails_keeps_nothing(author: Member, blob_folder: Path) -> None:
    blob_folder.mkdir()
    (blob_folder / "_plugins").write_text("a file where a folder should be")
    answer = author.submit()
    assert answer.status in {502, 503}, answer
    assert Plugin.objects.filter(slug="word-count").count() == 0


def test_many_files_are_no_more_than_their_bytes(author: Member) -> None:
    assert author.submit(build_zip({"main.js": MAIN, **{f"lib/{n}.js": MAIN for n in range(1_500)}})).status == 201
