from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, Problem, ValidationFailed
from marketplace.decision_texts import author_text
from marketplace.models import Plugin, PluginReview, PluginStatus, PluginVersion, RejectionReason, ReviewDecision
from marketplace.review.decisions import ALREADY_DECIDED, MAX_NOTES, approve, reject, take_down
from tests.marketplace.review.submissions import publish, submit, tidy

pytestmark = pytest.mark.django_db

APPROVED, REJECTED = PluginStatus.APPROVED, PluginStatus.REJECTED


def state(slug: str = "tidy") -> tuple[str, str]:
    plugin = Plugin.objects.get(pk=slug)
    return plugin.version, plugin.status


def test_an_approval_puts_the_manifest_into_the_catalog(reviewer: User, author: User) -> None:
    version = submit(
        author=author,
        name="Tidy tasks",
        description="Sorts.",
        category="Order",
        price_cents=499,
        permissions=["read:tasks", "write:tasks"],
    )
    review = approve(version=version, reviewer=reviewer, notes=" well done ")
    plugin = Plugin.objects.get(pk="tidy")
    version.refresh_from_db()
    assert (plugin.name, plugin.description, plugin.category) == ("Tidy tasks", "Sorts.", "Order")
    assert (plugin.version, plugin.price_cents, plugin.currency) == ("1.0.0", 499, "eur")
    assert plugin.permissions == ["read:tasks", "write:tasks"]
    assert plugin.s3_package_key == version.s3_key
    assert plugin.status == version.status == APPROVED
    assert plugin.published_at == version.decided_at == review.reviewed_at
    assert (review.decision, review.reviewer, review.notes) == (ReviewDecision.APPROVED, reviewer, "well done")
    assert plugin.author == author


def test_an_update_keeps_the_date_of_the_first_approval(reviewer: User) -> None:
    first = publish(reviewer).published_at
    approve(version=submit(version="1.1.0"), reviewer=reviewer)
    assert tidy().published_at == first
    assert state() == ("1.1.0", APPROVED)


def test_a_rejected_first_version_rejects_the_plugin(reviewer: User) -> None:
    version = submit()
    review = reject(version=version, reviewer=reviewer, reason_code="broken", notes="It throws.")
    version.refresh_from_db()
    assert version.status == REJECTED
    assert state() == ("1.0.0", REJECTED)
    assert (review.decision, review.reason_code, review.notes) == (ReviewDecision.REJECTED, "broken", "It throws.")
    assert tidy().published_at is None


def test_a_rejected_update_leaves_the_live_version(reviewer: User) -> None:
    before = publish(reviewer)
    reject(version=submit(version="2.0.0", price_cents=900), reviewer=reviewer, reason_code="permissions")
    after = tidy()
    assert (after.version, after.status, after.price_cents) == ("1.0.0", APPROVED, 0)
    assert after.s3_package_key == before.s3_package_key


def test_a_plugin_never_live_has_the_status_of_its_newest_version(reviewer: User) -> None:
    now = datetime.now(UTC)
    older, newer = submit(version="1.0.0", at=now - timedelta(days=2)), submit(version="1.0.1", at=now)
    reject(version=older, reviewer=reviewer, reason_code="superseded")
    assert state() == ("1.0.1", PluginStatus.PENDING_REVIEW)
    reject(version=newer, reviewer=reviewer, reason_code="broken")
    assert state() == ("1.0.1", REJECTED)


def test_what_comes_after_a_rejection_can_be_approved(reviewer: User) -> None:
    reject(version=submit(version="1.0.0"), reviewer=reviewer, reason_code="broken")
    approve(version=submit(version="1.0.1"), reviewer=reviewer)
    assert state() == ("1.0.1", APPROVED)


@pytest.mark.parametrize("older", ["0.9.0", "1.0.0-rc.1", "1.0.0+build.2", "not-a-version"])
def test_the_live_version_is_never_replaced_by_one_that_is_not_newer(reviewer: User, older: str) -> None:
    publish(reviewer)
    version = submit(version=older)
    with pytest.raises(Conflict, match=r"not newer than 1\.0\.0"):
        approve(version=version, reviewer=reviewer)
    assert state() == ("1.0.0", APPROVED)
    assert reject(version=version, reviewer=reviewer, reason_code="superseded").decision == ReviewDecision.REJECTED


def test_an_update_of_a_plugin_that_is_down_does_not_bring_it_back(reviewer: User) -> None:
    take_down(plugin=publish(reviewer), operator=reviewer, reason="Reads too much.")
    approve(version=submit(version="1.0.1"), reviewer=reviewer)
    plugin = tidy()
    assert (plugin.version, plugin.status, plugin.takedown_reason) == ("1.0.1", "taken_down", "Reads too much.")


Act = Callable[..., PluginReview]


def reject_broken(*, version: PluginVersion, reviewer: User) -> PluginReview:
    return reject(version=version, reviewer=reviewer, reason_code="broken")


@pytest.mark.parametrize("act", [approve, reject_broken])
@pytest.mark.parametrize("first", [approve, reject_broken])
def test_a_version_is_decided_about_once(reviewer: User, first: Act, act: Act) -> None:
    version = submit()
    first(version=version, reviewer=reviewer)
    before = state()
    with pytest.raises(Conflict, match=ALREADY_DECIDED):
        act(version=version, reviewer=reviewer)
    assert PluginReview.objects.count() == 1
    assert state() == before


@pytest.mark.parametrize("act", [approve, reject_broken])
def test_the_constraint_holds_where_a_row_says_otherwise(reviewer: User, act: Act) -> None:
    version = submit()
    approve(version=version, reviewer=reviewer)
    PluginVersion.objects.update(status=PluginStatus.PENDING_REVIEW, decided_at=None)
    Plugin.objects.filter(pk="tidy").update(published_at=None)
    with pytest.raises(Conflict, match=ALREADY_DECIDED):
        act(version=version, reviewer=reviewer)
    assert PluginReview.objects.count() == 1


@pytest.mark.parametrize("act", [approve, reject_broken])
def test_nobody_reviews_a_plugin_of_their_own(staff: Any, author: User, act: Act) -> None:
    root = staff(superuser=True)
    theirs, handed_over = submit("theirs", author=root), submit("handed-over", author=root)
    Plugin.objects.filter(pk="handed-over").update(author=author)
    by_another = submit("by-another", author=author)
    Plugin.objects.filter(pk="by-another").update(author=root)
    for version in (theirs, handed_over, by_another):
        with pytest.raises(PermissionDenied):
            act(version=version, reviewer=root)
    assert not PluginReview.objects.exists()


@pytest.mark.parametrize("act", [approve, reject_broken])
def test_what_the_author_has_withdrawn_is_not_decided_about(reviewer: User, act: Act) -> None:
    submission, plugin = submit("one"), submit("two")
    PluginVersion.objects.filter(pk=submission.pk).update(status="withdrawn", decided_at=datetime.now(UTC))
    Plugin.objects.filter(pk="two").update(status="withdrawn")
    for version in (submission, plugin):
        with pytest.raises(Conflict, match="withdrawn"):
            act(version=version, reviewer=reviewer)


@pytest.mark.parametrize("act", [approve, reject_broken])
def test_a_version_that_is_gone_and_a_reviewer_who_is_closed(reviewer: User, act: Act) -> None:
    version = submit()
    Plugin.objects.filter(pk="tidy").delete()
    with pytest.raises(NotFound):
        act(version=version, reviewer=reviewer)
    User.objects.filter(pk=reviewer.pk).update(is_active=False)
    with pytest.raises(PermissionDenied):
        act(version=submit(), reviewer=reviewer)


@pytest.mark.parametrize(
    ("reason", "notes", "field"),
    [
        ("", "x", "reason_code"),
        ("ugly", "x", "reason_code"),
        ("other", " \n", "notes"),
        ("broken", "x" * (MAX_NOTES + 1), "notes"),
    ],
)
def test_a_rejection_says_why(reviewer: User, reason: str, notes: str, field: str) -> None:
    version = submit()
    with pytest.raises(ValidationFailed) as refusal:
        reject(version=version, reviewer=reviewer, reason_code=reason, notes=notes)
    assert list(refusal.value.extra["errors"]) == [field]
    version.refresh_from_db()
    assert version.status == PluginStatus.PENDING_REVIEW


@pytest.mark.parametrize("reason", RejectionReason.values)
def test_each_reason_has_a_sentence_for_the_author(reviewer: User, reason: str) -> None:
    assert author_text(reason).endswith(".")
    assert reject(version=submit(), reviewer=reviewer, reason_code=reason, notes="See line 3.").reason_code == reason


def test_a_code_of_other_days_has_no_sentence() -> None:
    assert author_text("too_blue") == author_text("") == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 65},
        {"name": {"a": 1}},
        {"category": None},
        {"price_cents": -1},
        {"price_cents": 49},
        {"price_cents": "499"},
        {"price_cents": True},
        {"price_cents": 2**40},
        {"permissions": "read:tasks"},
        {"permissions": [1]},
    ],
)
def test_a_manifest_that_does_not_fit_the_catalog_is_refused_and_not_half_shown(
    reviewer: User, fields: dict[str, Any]
) -> None:
    before = publish(reviewer)
    with pytest.raises(Problem):
        approve(version=submit(version="2.0.0", **fields), reviewer=reviewer)
    after = tidy()
    assert (after.name, after.version, after.price_cents) == (before.name, "1.0.0", 0)
    assert PluginReview.objects.count() == 1


def test_a_plugin_without_permissions_can_be_approved(reviewer: User) -> None:
    approve(version=submit(permissions=[], description=""), reviewer=reviewer)
    assert tidy().permissions == []
