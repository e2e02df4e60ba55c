"""Looking at what was submitted: off the queue, once, again, and where it was missed."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from adiuva.api.errors import UpstreamUnavailable
from adiuva.jobs import get_queue
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review import jobs
from marketplace.review.decisions import reject
from marketplace.review.jobs import analyse_missed, analyse_submission, look_again
from marketplace.review.reach import process
from marketplace.review.withdrawals import withdraw_version
from storage.blobs.factory import get_blob_store
from tests.marketplace.members import Member
from tests.marketplace.review.submissions import pack, submit
from tests.marketplace.zip_archives import package


def reach_of(version: PluginVersion) -> dict[str, Any]:
    version.refresh_from_db()
    assert version.reach is not None
    reach: dict[str, Any] = version.reach
    return reach


def found_in(version: PluginVersion) -> list[tuple[str, int, str]]:
    return [(one["file"], one["line"], one["kind"]) for one in reach_of(version)["findings"]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_catalog")
def test_a_submission_is_looked_at_off_the_queue(join: Callable[[], Member]) -> None:
    assert join().submit(package(b"\nfetch('https://a.example')")).status == 201
    get_queue().drain()
    version = PluginVersion.objects.get(plugin="word-count")
    assert ("main.js", 2, "network") in found_in(version)
    assert reach_of(version)["complete"]


@pytest.mark.django_db
def test_what_was_looked_at_is_not_looked_at_again_until_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    version = submit(package=pack({"main.js": b"eval(x)"}), permissions=[])
    analyse_submission(version_id=str(version.pk))
    assert found_in(version) == [("main.js", 1, "code_from_text")]
    monkeypatch.setattr(jobs, "analyse", lambda _: pytest.fail("looked at twice"))
    analyse_submission(version_id=str(version.pk))
    look_again(version.pk)
    version.refresh_from_db()
    assert version.reach is None


@pytest.mark.django_db
def test_missed_ones_are_looked_at_a_few_at_a_time_what_waits_first(
    reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def analyse(version: PluginVersion) -> dict[str, Any]:
        looked_at.append(version.plugin_id)
        return {"findings": []}

    monkeypatch.setattr(jobs, "analyse", analyse)
    monkeypatch.setattr(jobs, "MISSED_AT_ONCE", 2)
    PluginVersion.objects.update(reach={})  # our own plugins
    for slug in ("aa", "bb", "cc", "dd"):
        submit(slug)
    PluginVersion.objects.filter(plugin="aa").update(status=PluginStatus.APPROVED, decided_at="2026-03-02T00:00Z")
    reject(version=PluginVersion.objects.get(plugin="dd"), reviewer=reviewer, reason_code="broken")
    analyse_missed()
    assert looked_at == ["bb", "cc"]
    analyse_missed()
    analyse_missed()
    assert looked_at == ["bb", "cc", "aa"]


@pytest.mark.django_db
def test_one_at_a_time_and_nothing_that_was_taken_back(author: User) -> None:
    version, withdrawn = submit("aa", author=author), submit("bb", author=author)
    withdraw_version(version=withdrawn, author=author)
    PluginVersion.objects.exclude(plugin__in=["aa", "bb"]).update(reach={})
    with process._places:  # another thread looks at a package: this one goes on with other jobs
        analyse_submission(version_id=str(version.pk))
    assert looked_at() == set()
    analyse_missed()
    analyse_submission(version_id=str(withdrawn.pk))
    assert looked_at() == {"aa"}


def looked_at() -> set[str]:
    return set(
        PluginVersion.objects.filter(plugin__in=["aa", "bb"], reach__isnull=False).values_list("plugin", flat=True)
    )


@pytest.mark.django_db
def test_a_version_or_a_package_that_is_gone_does_no_harm() -> None:
    version = submit()
    get_blob_store().delete_many([version.s3_key])
    analyse_submission(version_id=str(version.pk))
    reach = reach_of(version)
    assert (reach["complete"], reach["reason"]) == (False, "The package is gone from the store.")
    key = str(version.pk)
    version.delete()
    analyse_submission(version_id=key)


@pytest.mark.django_db
def test_a_store_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    version = submit()

    def fail(*_: object, **__: object) -> None:
        raise UpstreamUnavailable

    monkeypatch.setattr(type(get_blob_store()), "download", fail)
    with pytest.raises(UpstreamUnavailable):
        analyse_submission(version_id=str(version.pk))
    version.refresh_from_db()
    assert version.reach is None
