"""A bad update is rolled back alone: the version before it is live again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from accounts import erasure
from accounts.models import User
from adiuva.api.errors import Conflict, PermissionDenied, ValidationFailed
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from marketplace.models import Plugin, PluginInstallation, PluginStatus, PluginVersion
from marketplace.review import mails
from marketplace.review.decisions import (
    NO_VERSION_BEFORE,
    approve,
    reinstate,
    take_down,
    take_down_version,
)
from marketplace.review.jobs import tell_of_takedowns
from marketplace.review.withdrawals import withdraw_version
from tests.accounts.concurrency import run_concurrently
from tests.marketplace.members import Member
from tests.marketplace.review.submissions import publish, submit, tidy
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.queued_mail import facts_of_mails, send_now

MakeUser = Callable[..., Account]
Staff = Callable[..., User]
pytestmark = pytest.mark.django_db

APPROVED, TAKEN_DOWN, WITHDRAWN = PluginStatus.APPROVED, PluginStatus.TAKEN_DOWN, PluginStatus.WITHDRAWN
REASON = "It sends notes away."


@pytest.fixture
def bad(reviewer: User, author: User) -> PluginVersion:
    """2.0.0, which is live; 1.0.0 comes before it."""
    publish(reviewer, author=author, name="Tidy", permissions=["read:tasks"])
    version = submit(version="2.0.0", name="Tidy+", price_cents=900, permissions=["read:tasks", "write:notes"])
    approve(version=version, reviewer=reviewer)
    OutgoingMail.objects.all().delete()
    return version


def state() -> tuple[str, str]:
    return tidy().version, tidy().status


def roll_back(version: PluginVersion, operator: User) -> PluginVersion:
    return take_down_version(version=version, operator=operator, reason=REASON)


def install(user: User, version: str) -> User:
    PluginInstallation.objects.create(
        plugin=tidy(), user=user, version=version, permissions=["read:tasks"], installed_at=datetime.now(UTC)
    )
    return user


def told() -> list[str]:
    return sorted(OutgoingMail.objects.filter(kind=MailKind.VERSION_TAKE_DOWN).values_list("recipient", flat=True))


def test_the_version_before_is_live_again_with_all_that_was_shown(reviewer: User, bad: PluginVersion) -> None:
    live = take_down_version(version=bad, operator=reviewer, reason=f" {REASON} ")
    plugin = tidy()
    bad.refresh_from_db()
    assert (plugin.name, plugin.price_cents, plugin.permissions) == ("Tidy", 0, ["read:tasks"])
    assert (plugin.version, plugin.s3_package_key, state()) == ("1.0.0", live.s3_key, ("1.0.0", APPROVED))
    assert (bad.status, bad.takedown_reason, bad.taken_down_by) == (TAKEN_DOWN, REASON, reviewer)
    assert bad.withdrawn_at is not None


def test_nobody_gets_its_package_any_more(
    api: ApiClient, reviewer: User, bad: PluginVersion, make_user: MakeUser
) -> None:
    account = make_user(tier="power")
    install(account.user, "2.0.0")

    def package(query: str = "") -> Answer:
        return api.get(f"plugins/tidy/package{query}", token=account.access_token)

    assert package("?version=2.0.0").headers["X-Checksum"] == bad.checksum
    live = roll_back(bad, reviewer)
    assert package("?version=2.0.0").status in {404, 410}
    assert package().headers["X-Checksum"] == live.checksum


def test_it_never_comes_back_and_a_higher_one_may(reviewer: User, author: User, bad: PluginVersion) -> None:
    roll_back(bad, reviewer)
    for act in (
        partial(approve, version=bad, reviewer=reviewer),
        partial(withdraw_version, version=bad, author=author),
    ):
        with pytest.raises(Conflict):
            act()
    approve(version=submit(version="2.0.1"), reviewer=reviewer)
    assert state() == ("2.0.1", APPROVED)
    roll_back(PluginVersion.objects.get(plugin="tidy", version="2.0.1"), reviewer)
    assert state() == ("1.0.0", APPROVED)


def test_only_the_live_version_and_only_with_one_before_it(reviewer: User, bad: PluginVersion) -> None:
    first = PluginVersion.objects.get(plugin="tidy", version="1.0.0")
    with pytest.raises(Conflict, match="live"):
        roll_back(first, reviewer)
    roll_back(bad, reviewer)
    with pytest.raises(Conflict) as refusal:
        roll_back(first, reviewer)
    assert refusal.value.detail == NO_VERSION_BEFORE
    assert state() == ("1.0.0", APPROVED)
    take_down(plugin=tidy(), operator=reviewer, reason=REASON)
    with pytest.raises(Conflict, match="live"):
        roll_back(first, reviewer)


def test_authors_do_not_and_everybody_says_why(reviewer: User, staff: Staff, bad: PluginVersion) -> None:
    operator = staff("take_down_plugins")
    PluginVersion.objects.filter(pk=bad.pk).update(submitted_by=operator)
    with pytest.raises(PermissionDenied):
        roll_back(bad, operator)
    with pytest.raises(ValidationFailed):
        take_down_version(version=bad, operator=reviewer, reason=" ")
    assert state() == ("2.0.0", APPROVED)


def test_the_author_and_whoever_has_it_are_told_once(
    reviewer: User, author: User, bad: PluginVersion, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "AT_ONCE", 2)
    users = [install(make_user().user, "2.0.0") for _ in range(5)]
    install(author, "2.0.0")
    roll_back(bad, reviewer)
    assert told() == [author.email]
    assert mails._write_to_some_of_version(bad.pk, after=None) is not None  # and then it is killed
    for _ in range(2):
        tell_of_takedowns()
    assert told() == sorted(user.email for user in [author, *users])
    [facts] = facts_of_mails(users[0], MailKind.VERSION_TAKE_DOWN)
    assert (facts["plugin"], facts["version"], facts["live"], facts["reason"]) == ("Tidy+", "2.0.0", "1.0.0", REASON)
    [text] = send_now(users[0], MailKind.VERSION_TAKE_DOWN)
    assert "live again" in text
    assert reviewer.email not in text


@pytest.mark.parametrize("leaves", [False, True])
def test_a_mail_that_waits_says_nothing_once_the_whole_plugin_is_down(
    reviewer: User, author: User, bad: PluginVersion, make_user: MakeUser, leaves: bool
) -> None:
    user = install(make_user().user, "2.0.0")
    roll_back(bad, reviewer)
    tell_of_takedowns()
    take_down(plugin=tidy(), operator=reviewer, reason=REASON)
    if leaves:
        erasure.close_account(user=author)
        assert erasure.erase(user_id=author.pk)
    tell_of_takedowns()
    for person in (author, user):
        assert send_now(person, MailKind.VERSION_TAKE_DOWN) == []
    assert len(send_now(user, MailKind.TAKE_DOWN)) == 1


@pytest.mark.parametrize("locale", ["en", "de", "it"])
@pytest.mark.parametrize("leaves", [False, True])
def test_an_author_who_withdraws_the_rest_or_leaves_silences_nothing(
    reviewer: User, author: User, bad: PluginVersion, make_user: MakeUser, leaves: bool, locale: str
) -> None:
    user = install(make_user().user, "2.0.0")
    User.objects.filter(pk=user.pk).update(locale=locale)
    roll_back(bad, reviewer)
    tell_of_takedowns()
    if leaves:
        erasure.close_account(user=author)
        assert erasure.erase(user_id=author.pk)
    else:
        withdraw_version(version=PluginVersion.objects.get(plugin="tidy", version="1.0.0"), author=author)
    [text] = send_now(user, MailKind.VERSION_TAKE_DOWN)
    assert REASON in text
    assert "2.0.0" in text
    assert "1.0.0" not in text
    for words in ("live again", "wieder", "di nuovo"):
        assert words not in text


def test_of_what_was_rolled_back_long_ago_nobody_is_told(
    reviewer: User, bad: PluginVersion, make_user: MakeUser
) -> None:
    user = install(make_user().user, "2.0.0")
    roll_back(bad, reviewer)
    PluginVersion.objects.filter(pk=bad.pk).update(withdrawn_at=datetime.now(UTC) - timedelta(days=1))
    tell_of_takedowns()
    assert user.email not in told()


def test_a_plugin_withdrawn_by_its_author_is_taken_down_and_goes_back_to_being_withdrawn(
    reviewer: User, author: User
) -> None:
    plugin = publish(reviewer, author=author)
    withdraw_version(version=PluginVersion.objects.get(plugin="tidy"), author=author)
    take_down(plugin=plugin, operator=reviewer, reason=REASON)
    assert (tidy().status, tidy().takedown_reason) == (TAKEN_DOWN, REASON)
    reinstate(plugin=plugin, operator=reviewer, notes="Explained.")
    assert (tidy().status, tidy().takedown_reason) == (WITHDRAWN, "")


def test_what_its_author_withdraws_while_the_plugin_is_down_does_not_come_back_with_it(
    reviewer: User, author: User, bad: PluginVersion
) -> None:
    take_down(plugin=tidy(), operator=reviewer, reason=REASON)
    withdraw_version(version=bad, author=author)
    assert state() == ("1.0.0", TAKEN_DOWN)
    withdraw_version(version=PluginVersion.objects.get(plugin="tidy", version="1.0.0"), author=author)
    assert state() == ("1.0.0", TAKEN_DOWN)
    reinstate(plugin=tidy(), operator=reviewer, notes="ok")
    assert state() == ("1.0.0", WITHDRAWN)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(2))
def test_a_roll_back_beside_an_approval_leaves_one_of_two_orders(
    transactional_db: None, reviewer: User, staff: Staff, bad: PluginVersion, attempt: int
) -> None:
    better = submit(version="2.1.0")
    people = [staff() for _ in range(3)]

    def outcome(act: Callable[[], object]) -> str:
        try:
            act()
        except Conflict:
            return "refused"
        return "done"

    approved, *downs = run_concurrently(
        partial(outcome, partial(approve, version=better, reviewer=people[0])),
        *(partial(outcome, partial(roll_back, bad, person)) for person in people[1:]),
    )
    assert approved == "done"
    assert state() == ("2.1.0", APPROVED)
    assert downs.count("done") <= 1  # after the approval it is not live any more
    bad.refresh_from_db()
    assert bad.status == (TAKEN_DOWN if "done" in downs else APPROVED)


@pytest.mark.django_db(transaction=True)
def test_a_submission_beside_a_roll_back_changes_nothing_that_is_shown(
    transactional_db: None, api: ApiClient, reviewer: User, make_user: MakeUser
) -> None:
    member = Member(api, make_user(tier="team"))
    for version in ("1.0.0", "2.0.0"):
        member.publishes(version=version, name=f"Word Count {version}")
    bad = PluginVersion.objects.get(plugin="word-count", version="2.0.0")
    answer, live = run_concurrently(
        lambda: member.submit(version="2.0.1", name="Word Count 2.0.1").status, lambda: roll_back(bad, reviewer).version
    )
    assert (answer, live) == (201, "1.0.0")
    plugin = Plugin.objects.get(pk="word-count")
    assert (plugin.version, plugin.name, plugin.status) == ("1.0.0", "Word Count 1.0.0", APPROVED)
    newest = PluginVersion.objects.get(plugin="word-count", version="2.0.1")
    approve(version=newest, reviewer=reviewer)
    assert Plugin.objects.get(pk="word-count").version == "2.0.1"


def test_what_its_author_took_back_in_time_is_taken_from_those_who_have_it(
    make_user: MakeUser, reviewer: User, author: User, bad: PluginVersion, admin: Client
) -> None:
    user = make_user(tier="power")
    install(user.user, "2.0.0")
    withdraw_version(version=bad, author=author)
    named = partial(ApiClient().get, "plugins/tidy/package?version=2.0.0", token=user.access_token)
    assert named().status == 200
    page = admin.get(reverse("admin:marketplace_plugin_change", args=["tidy"])).content.decode()
    assert f'value="{bad.pk}"' in page
    assert roll_back(bad, reviewer).version == "1.0.0"
    assert (state(), named().status, named().code) == (("1.0.0", APPROVED), 410, "taken_down")
    tell_of_takedowns()
    assert user.email in told()
    with pytest.raises(Conflict):
        roll_back(bad, reviewer)
