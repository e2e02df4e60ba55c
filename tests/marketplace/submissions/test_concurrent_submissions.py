"""Several submissions at once: one wins, and nothing is left of the others."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from marketplace.models import Plugin, PluginVersion
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.members import MAIN, Member, files
from tests.marketplace.zip_archives import package
from tests.support.client import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]


def test_of_one_version_submitted_twice_at_once_one_is_kept(author: Member, blob_folder: Path) -> None:
    datas = [package(MAIN * (number + 1)) for number in range(4)]
    answers = run_concurrently(*(partial(author.submit, data) for data in datas))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert {answer.code for answer in answers if answer.status != 201} == {"conflict"}
    winner = datas[[answer.status for answer in answers].index(201)]
    assert [path.read_bytes() for path in files(blob_folder)] == [winner]
    assert PluginVersion.objects.get().size_bytes == len(winner)


def test_an_id_that_several_take_at_once_is_one_authors(join: Callable[..., Member], blob_folder: Path) -> None:
    members = [join() for _ in range(4)]
    answers = run_concurrently(*(member.submit for member in members))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    owner = members[[answer.status for answer in answers].index(201)]
    assert Plugin.objects.get().author_id == owner.user.id
    assert len(files(blob_folder)) == 1


def test_of_several_versions_at_once_none_is_kept_after_a_higher_one(author: Member) -> None:
    answers = run_concurrently(*(partial(author.submit, version=f"1.{n}.0") for n in range(4)))
    assert answers[3].status == 201
    assert {answer.status for answer in answers} <= {201, 409}
    kept = list(PluginVersion.objects.order_by("submitted_at").values_list("version", flat=True))
    assert kept == sorted(kept)
    assert len(kept) == [answer.status for answer in answers].count(201)
    assert Plugin.objects.get().version == kept[-1] == "1.3.0"


def test_a_submission_and_the_end_of_its_account_leave_nothing_behind(author: Member, blob_folder: Path) -> None:
    from accounts.erasure import close_account, erase

    def leave() -> Answer:
        close_account(user=author.user)
        assert erase(user_id=author.user.id)
        return author.get("plugins/mine")

    submitted, left = run_concurrently(author.submit, leave)
    assert submitted.status in {201, 401, 409}, submitted
    assert left.status == 401
    assert (Plugin.objects.count(), files(blob_folder)) == (0, [])
