"""docs/api.md § 3: mails about review decisions and take-downs."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from accounts.models import User
from adiuva.mail.kinds import MailKind
from adiuva.mail.letters import LANGUAGES
from adiuva.mail.models import OutgoingMail
from marketplace.models import Plugin, PluginInstallation, PluginTakedown
from marketplace.models.catalog import reviewer_name_of
from marketplace.review import mails
from marketplace.review.decisions import approve, reinstate, reject, take_down, take_down_version
from marketplace.review.jobs import tell_of_takedowns
from marketplace.review.messages import ask
from marketplace.review.withdrawals import withdraw_version
from marketplace.submissions.service import MAX_PENDING
from tests.marketplace.review.submissions import publish, submit
from tests.support.accounts import Account
from tests.support.queued_mail import facts_of_mails, send_now

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

REASON = "It sends notes away."


@pytest.fixture
def live(reviewer: User, author: User) -> Plugin:
    plugin = publish(reviewer, author=author)
    OutgoingMail.objects.all().delete()
    return plugin


def install(plugin: Plugin, user: User, *, removed: bool = False) -> User:
    now = datetime.now(UTC)
    PluginInstallation.objects.create(
        plugin=plugin, user=user, version="1.0.0", installed_at=now, uninstalled_at=now if removed else None
    )
    return user


def told_of_takedown() -> list[str]:
    return sorted(OutgoingMail.objects.filter(kind=MailKind.TAKE_DOWN).values_list("recipient", flat=True))


def test_an_author_is_told_of_an_approval_with_what_the_reviewer_says(reviewer: User, author: User) -> None:
    approve(version=submit(author=author), reviewer=reviewer, notes="Nicely done.")
    [facts] = facts_of_mails(author, MailKind.REVIEW_DECISION)
    assert facts == {"plugin": "Tidy", "version": "1.0.0", "decision": "approved", "reason": "Nicely done."}
    assert len(send_now(author, MailKind.REVIEW_DECISION)) == 1


def test_an_author_is_told_why_a_version_is_rejected(reviewer: User, author: User) -> None:
    reject(version=submit(author=author), reviewer=reviewer, reason_code="broken", notes="It stops at line 4.")
    [facts] = facts_of_mails(author, MailKind.REVIEW_DECISION)
    assert facts["decision"] == "rejected"
    assert facts["reason"] == "The plugin did not work when we tried it.\n\nIt stops at line 4."


def test_an_author_is_told_of_each_of_many_versions_decided_in_a_row(reviewer: User, author: User) -> None:
    for number in range(MAX_PENDING):
        version = submit(f"plugin-{number}", author=author, package=b"PK")
        reject(version=version, reviewer=reviewer, reason_code="superseded")
    assert len(facts_of_mails(author, MailKind.REVIEW_DECISION)) == MAX_PENDING


def test_who_is_leaving_is_not_told(reviewer: User, author: User) -> None:
    version = submit(author=author)
    User.objects.filter(id=author.id).update(is_active=False, erasure_requested_at=datetime.now(UTC))
    reject(version=version, reviewer=reviewer, reason_code="broken")
    assert not OutgoingMail.objects.exists()


def test_a_take_down_is_told_to_the_author_and_to_whoever_has_it(
    reviewer: User, author: User, live: Plugin, make_user: MakeUser
) -> None:
    user = install(live, make_user().user)
    install(live, make_user().user, removed=True)
    install(live, author)
    take_down(plugin=live, operator=reviewer, reason=REASON)
    assert told_of_takedown() == [author.email]  # the others' mails wait for a job
    for _ in range(2):
        tell_of_takedowns()
    assert told_of_takedown() == sorted([author.email, user.email])
    [facts] = facts_of_mails(user, MailKind.TAKE_DOWN)
    assert (facts["plugin"], facts["reason"]) == ("Tidy", REASON)
    assert len(send_now(user, MailKind.TAKE_DOWN)) == 1


def test_many_are_told_in_batches_and_a_job_that_dies_goes_on_where_it_was(
    reviewer: User, author: User, live: Plugin, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "AT_ONCE", 2)
    users = [install(live, make_user().user) for _ in range(5)]
    takedown = take_down(plugin=live, operator=reviewer, reason=REASON)
    assert mails._write_to_some(takedown.id) is True  # and then it is killed
    assert len(told_of_takedown()) == 1 + 2
    tell_of_takedowns()
    assert told_of_takedown() == sorted(user.email for user in [author, *users])
    assert PluginTakedown.objects.get().told_at is not None


def test_a_plugin_that_is_back_is_not_reported(reviewer: User, author: User, live: Plugin, make_user: MakeUser) -> None:
    user = install(live, make_user().user)
    take_down(plugin=live, operator=reviewer, reason=REASON)
    reinstate(plugin=live, operator=reviewer, notes="Explained.")
    tell_of_takedowns()
    assert facts_of_mails(user, MailKind.TAKE_DOWN) == []
    assert send_now(author, MailKind.TAKE_DOWN) == []


@pytest.mark.parametrize("locale", ["en", "de", "it"])
def test_each_decision_is_mailed_in_the_authors_language_with_the_reviewers_words_and_no_name(
    reviewer: User, author: User, locale: str
) -> None:
    User.objects.filter(pk=author.pk).update(locale=locale)
    author.refresh_from_db()
    publish(reviewer, author=author)
    OutgoingMail.objects.all().delete()
    update = submit(version="2.0.0")
    ask(version=update, reviewer=reviewer, text="WORDS 1")
    approve(version=update, reviewer=reviewer, notes="WORDS 2")
    take_down_version(version=update, operator=reviewer, reason="WORDS 3")
    reject(version=submit(version="2.1.0"), reviewer=reviewer, reason_code="other", notes="WORDS 4")
    withdraw_version(version=submit(version="2.2.0"), author=author)
    take_down(plugin=Plugin.objects.get(pk="tidy"), operator=reviewer, reason="WORDS 5")
    Plugin.objects.filter(pk="tidy").update(status="approved")  # a mail about its version is of use while it is live
    titles = {
        case: LANGUAGES[locale].texts[case].title
        for case in ("review_question", "review_decision/approved", "version_take_down", "review_decision/rejected")
    }
    said = "\n".join(
        text
        for kind in (MailKind.REVIEW_QUESTION, MailKind.REVIEW_DECISION, MailKind.VERSION_TAKE_DOWN, MailKind.TAKE_DOWN)
        for text in send_now(author, kind)
    )
    for shown in (*(f"WORDS {number}" for number in range(1, 6)), "2.2.0", *titles.values()):
        assert shown in said
    assert LANGUAGES[locale].texts["review_decision/withdrawn"].title in said
    for name in (reviewer.email, reviewer_name_of(reviewer.pk), str(reviewer.pk)):
        assert name not in said
