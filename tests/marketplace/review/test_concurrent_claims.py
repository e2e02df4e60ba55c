"""Reviewers who reach for the same submission at the same moment."""

from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import User
from adiuva.api.errors import Conflict
from marketplace.models import PluginVersion, ReviewClaim
from marketplace.review import claims
from marketplace.review.decisions import reject
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.review.submissions import submit

pytestmark = pytest.mark.django_db(transaction=True)
Staff = Callable[..., User]


def holder_after(version: PluginVersion, person: User) -> User:
    return claims.claim(version=version, reviewer=person).reviewer


@pytest.mark.parametrize("attempt", range(3))
def test_of_several_claims_at_once_one_wins_and_the_others_are_told_whose(
    transactional_db: None, staff: Staff, attempt: int
) -> None:
    version = submit()
    people = [staff() for _ in range(6)]
    outcomes = run_concurrently(*(partial(holder_after, version, person) for person in people))
    winner = ReviewClaim.objects.get().reviewer
    assert winner in people
    assert set(outcomes) == {winner}


def test_several_who_go_on_at_once_get_one_each(transactional_db: None, staff: Staff) -> None:
    versions = [submit(f"plugin-{number}") for number in range(4)]
    people = [staff() for _ in range(5)]

    def go_on(person: User) -> PluginVersion | None:
        free = claims.unclaimed(PluginVersion.objects.filter(pk__in=[version.pk for version in versions]))
        return claims.claim_first(free.order_by("submitted_at"), reviewer=person)

    taken = run_concurrently(*(partial(go_on, person) for person in people))
    assert taken.count(None) == 1
    assert {version for version in taken if version is not None} == set(versions)
    held = dict(ReviewClaim.objects.values_list("version", "reviewer"))
    assert held == {one.pk: who.pk for one, who in zip(taken, people, strict=True) if one is not None}


def test_a_decision_and_claims_at_once_leave_no_claim_on_what_is_decided(transactional_db: None, staff: Staff) -> None:
    version, boss = submit(), staff()

    def decide() -> str:
        reject(version=version, reviewer=boss, reason_code="broken")
        return "decided"

    def claim(person: User) -> str:
        try:
            return str(claims.claim(version=version, reviewer=person).version_id)
        except Conflict as refusal:
            return refusal.detail

    people = [staff() for _ in range(4)]
    outcomes = run_concurrently(decide, *(partial(claim, person) for person in people))
    assert set(outcomes) <= {"decided", str(version.pk), "This version has already been decided on."}
    assert not ReviewClaim.objects.exists()
