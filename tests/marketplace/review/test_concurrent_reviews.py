"""Reviewers who decide at the same moment."""

from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import User
from adiuva.api.errors import Conflict
from marketplace.models import PluginReview, PluginStatus, PluginTakedown, PluginVersion
from marketplace.review.decisions import approve, reinstate, reject, take_down
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.review.submissions import publish, submit, tidy

pytestmark = pytest.mark.django_db(transaction=True)
Staff = Callable[..., User]


def message_of(act: Callable[[], object]) -> str:
    try:
        act()
    except Conflict:
        return "refused"
    return "done"


@pytest.mark.parametrize("attempt", range(3))
def test_of_several_decisions_at_once_one_is_made(transactional_db: None, staff: Staff, attempt: int) -> None:
    version = submit()
    people = [staff() for _ in range(6)]
    jobs: list[Callable[[], object]] = [partial(approve, version=version, reviewer=person) for person in people[:3]]
    jobs += [partial(reject, version=version, reviewer=person, reason_code="broken") for person in people[3:]]
    outcomes = run_concurrently(*(partial(message_of, job) for job in jobs))
    assert sorted(outcomes) == ["done", *["refused"] * 5]
    review = PluginReview.objects.get(plugin_id="tidy")
    version.refresh_from_db()
    assert version.status == tidy().status == review.decision
    assert review.reviewer == people[outcomes.index("done")]


def test_of_two_versions_approved_at_once_the_newer_one_stays_live(transactional_db: None, staff: Staff) -> None:
    versions = [submit(version=f"1.{minor}.0") for minor in range(4)]
    people = [staff() for _ in versions]
    outcomes = run_concurrently(
        *(
            partial(message_of, partial(approve, version=version, reviewer=person))
            for version, person in zip(versions, people, strict=True)
        )
    )
    assert outcomes[-1] == "done"
    assert (tidy().version, tidy().status) == ("1.3.0", PluginStatus.APPROVED)
    approved = PluginVersion.objects.filter(plugin_id="tidy", status=PluginStatus.APPROVED).count()
    assert approved == outcomes.count("done") == PluginReview.objects.filter(plugin_id="tidy").count()


def test_one_of_several_takes_it_down_and_one_brings_it_back(transactional_db: None, staff: Staff) -> None:
    people = [staff() for _ in range(4)]
    plugin = publish(people[0])
    down = [partial(take_down, plugin=plugin, operator=person, reason="because") for person in people]
    assert sorted(run_concurrently(*(partial(message_of, job) for job in down))) == ["done", *["refused"] * 3]
    back = [partial(reinstate, plugin=plugin, operator=person, notes="ok") for person in people]
    assert sorted(run_concurrently(*(partial(message_of, job) for job in back))) == ["done", *["refused"] * 3]
    assert PluginTakedown.objects.filter(plugin=plugin).count() == 1
    assert tidy().status == PluginStatus.APPROVED
