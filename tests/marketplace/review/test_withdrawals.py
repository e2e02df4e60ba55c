"""Versions that their author takes back."""

from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound
from adiuva.mail.kinds import MailKind
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.review.decisions import approve, reject
from marketplace.review.withdrawals import withdraw_version
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.review.submissions import publish, submit, tidy
from tests.support.accounts import Account
from tests.support.queued_mail import facts_of_mails, send_now

MakeUser = Callable[..., Account]
pytestmark = pytest.mark.django_db

APPROVED, WITHDRAWN = PluginStatus.APPROVED, PluginStatus.WITHDRAWN


def live(reviewer: User, version: str, author: User, **fields: object) -> PluginVersion:
    one = submit(version=version, author=author, **fields)  # type: ignore[arg-type]
    approve(version=one, reviewer=reviewer)
    return one


def state() -> tuple[str, str]:
    return tidy().version, tidy().status


def status_of(version: PluginVersion) -> str:
    version.refresh_from_db()
    return version.status


def test_what_waits_is_withdrawn_and_no_longer_decided_on(reviewer: User, author: User) -> None:
    publish(reviewer, author=author)
    version = withdraw_version(version=submit(version="1.1.0"), author=author)
    assert (status_of(version), version.withdrawn_at) == (WITHDRAWN, None)
    assert version.decided_at is not None
    assert state() == ("1.0.0", APPROVED)
    with pytest.raises(Conflict, match="withdrawn"):
        approve(version=version, reviewer=reviewer)


def test_a_plugin_never_live_is_withdrawn_with_its_newest_version(reviewer: User, author: User) -> None:
    withdraw_version(version=submit(author=author), author=author)
    assert state() == ("1.0.0", WITHDRAWN)
    approve(version=submit(version="1.0.1"), reviewer=reviewer)
    assert state() == ("1.0.1", APPROVED)


def test_without_the_live_version_the_one_before_it_is_live_again(reviewer: User, author: User) -> None:
    first = live(reviewer, "1.0.0", author, name="Old", permissions=["read:tasks"])
    live(reviewer, "1.1.0", author, name="Middle", price_cents=300, permissions=["read:notes"])
    middle = PluginVersion.objects.get(plugin="tidy", version="1.1.0")
    newest = live(reviewer, "1.2.0", author, name="New", price_cents=500, permissions=["write:notes"])
    withdraw_version(version=newest, author=author)
    plugin = tidy()
    assert (plugin.name, plugin.price_cents, plugin.permissions) == ("Middle", 300, ["read:notes"])
    assert (plugin.version, plugin.s3_package_key, plugin.status) == ("1.1.0", middle.s3_key, APPROVED)
    assert status_of(newest) == WITHDRAWN
    assert newest.withdrawn_at is not None
    assert (status_of(first), status_of(middle)) == (APPROVED, APPROVED)


def test_a_version_that_is_not_live_any_more_leaves_the_live_one_alone(reviewer: User, author: User) -> None:
    first, second = live(reviewer, "1.0.0", author), live(reviewer, "1.1.0", author)
    withdraw_version(version=first, author=author)
    assert (status_of(first), state()) == (WITHDRAWN, ("1.1.0", APPROVED))
    withdraw_version(version=second, author=author)
    assert state() == ("1.1.0", WITHDRAWN)  # there is none before it any more


def test_the_only_version_takes_the_plugin_along_until_a_higher_one_is_approved(reviewer: User, author: User) -> None:
    only = live(reviewer, "1.0.0", author)
    withdraw_version(version=only, author=author)
    plugin = tidy()
    assert (plugin.status, plugin.s3_package_key) == (WITHDRAWN, only.s3_key)
    assert not Plugin.objects.live().filter(pk="tidy").exists()
    live(reviewer, "1.1.0", author)
    assert state() == ("1.1.0", APPROVED)


def test_a_price_of_other_days_comes_back_as_one_that_cannot_be_charged(reviewer: User, author: User) -> None:
    first = live(reviewer, "1.0.0", author)
    PluginVersion.objects.filter(pk=first.pk).update(manifest=first.manifest | {"price_cents": 20})
    withdraw_version(version=live(reviewer, "1.1.0", author), author=author)
    assert (tidy().price_cents, tidy().is_unsellable) == (20, True)


def test_what_is_decided_against_or_withdrawn_cannot_be_withdrawn(reviewer: User, author: User) -> None:
    version = submit(author=author)
    reject(version=version, reviewer=reviewer, reason_code="broken")
    with pytest.raises(Conflict, match="rejected"):
        withdraw_version(version=version, author=author)
    other = withdraw_version(version=submit(version="1.0.1"), author=author)
    with pytest.raises(Conflict, match="withdrawn"):
        withdraw_version(version=other, author=author)


def test_nobody_withdraws_somebody_elses_version(reviewer: User, author: User, make_user: MakeUser) -> None:
    version = submit(author=author)
    with pytest.raises(NotFound):
        withdraw_version(version=version, author=make_user().user)
    assert status_of(version) == PluginStatus.PENDING_REVIEW


def test_its_author_gets_a_mail_about_it(reviewer: User, author: User) -> None:
    withdraw_version(version=submit(author=author), author=author)
    [facts] = facts_of_mails(author, MailKind.REVIEW_DECISION)
    assert facts == {"plugin": "Tidy", "version": "1.0.0", "decision": "withdrawn"}
    [text] = send_now(author, MailKind.REVIEW_DECISION)
    assert "You have withdrawn this version" in text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_a_withdrawal_and_an_approval_at_once_end_in_one_order(
    transactional_db: None, reviewer: User, author: User, attempt: int
) -> None:
    publish(reviewer, author=author)
    version = submit(version="1.1.0")

    def outcome(act: Callable[[], object]) -> str:
        try:
            act()
        except Conflict:
            return "refused"
        return "done"

    approved, withdrawn = run_concurrently(
        partial(outcome, partial(approve, version=version, reviewer=reviewer)),
        partial(outcome, partial(withdraw_version, version=version, author=author)),
    )
    assert withdrawn == "done"  # before the approval or after it
    assert (status_of(version), state()) == (WITHDRAWN, ("1.0.0", APPROVED))
    assert (version.withdrawn_at is not None) == (approved == "done")
