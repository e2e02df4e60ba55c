"""Questions to an author, their answers, and notes among reviewers."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, Problem, ValidationFailed
from adiuva.mail.kinds import MailKind
from marketplace.models import MessageSide, PluginVersion, ReviewMessage
from marketplace.models.catalog import reviewer_name_of
from marketplace.models.desk import MOST_MESSAGE_CHARACTERS
from marketplace.review.decisions import reject
from marketplace.review.messages import (
    MOST_ANSWERS,
    add_note,
    answer,
    ask,
    conversation_of,
    notes_of,
    with_conversation,
)
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import submit
from tests.support.accounts import Account
from tests.support.queued_mail import facts_of_mails, send_now

MakeUser = Callable[..., Account]
pytestmark = pytest.mark.django_db
QUESTION = "Why does it read the calendar?"


@pytest.fixture
def version(author: User) -> PluginVersion:
    return submit(author=author)


def state(version: PluginVersion) -> str:
    found: Any = with_conversation(PluginVersion.objects.filter(pk=version.pk)).get()
    assert not (found.waits_for_author and found.is_answered)
    return "waits" if found.waits_for_author else "answered" if found.is_answered else "nothing"


def page_of(version: PluginVersion) -> str:
    return reverse("admin:marketplace_pluginversion_change", args=[version.pk])


def test_a_question_is_kept_and_mailed_without_a_name(reviewer: User, author: User, version: PluginVersion) -> None:
    question = ask(version=version, reviewer=reviewer, text=f" {QUESTION}\n")
    assert (question.side, question.writer, question.text) == (MessageSide.REVIEW, reviewer, QUESTION)
    [facts] = facts_of_mails(author, MailKind.REVIEW_QUESTION)
    assert facts == {"plugin": "Tidy", "version": "1.0.0", "question": QUESTION}
    [text] = send_now(author, MailKind.REVIEW_QUESTION)
    assert QUESTION in text
    assert reviewer.email not in text
    assert reviewer_name_of(reviewer.pk) not in text


def test_the_queue_knows_who_is_waited_for(reviewer: User, author: User, version: PluginVersion) -> None:
    answered = partial(answer, author=author, version=version)
    add_note(version=version, reviewer=reviewer, text="Ask about the calendar.")
    assert state(version) == "nothing"
    ask(version=version, reviewer=reviewer, text=QUESTION)
    assert state(version) == "waits"
    answered(text="For meetings.")
    answered(text="And holidays.")
    assert state(version) == "answered"
    ask(version=version, reviewer=reviewer, text="Which?")
    assert state(version) == "waits"
    assert [one.text for one in conversation_of(version)] == [QUESTION, "For meetings.", "And holidays.", "Which?"]
    assert [one.text for one in notes_of(version)] == ["Ask about the calendar."]


def test_an_author_answers_only_what_was_asked_and_while_it_waits(
    reviewer: User, author: User, version: PluginVersion, make_user: MakeUser
) -> None:
    with pytest.raises(Conflict, match="Nothing was asked"):
        answer(author=author, version=version, text="Hello?")
    ask(version=version, reviewer=reviewer, text=QUESTION)
    with pytest.raises(NotFound):
        answer(author=make_user().user, version=version, text="Mine.")
    reject(version=version, reviewer=reviewer, reason_code="broken")
    with pytest.raises(Conflict, match="any more"):
        answer(author=author, version=version, text="Late.")
    with pytest.raises(Conflict, match="waits for its review"):
        ask(version=version, reviewer=reviewer, text="Still there?")
    assert conversation_of(version).count() == 1


def test_an_author_writes_so_often_and_no_more(reviewer: User, author: User, version: PluginVersion) -> None:
    ask(version=version, reviewer=reviewer, text=QUESTION)
    for number in range(MOST_ANSWERS):
        answer(author=author, version=version, text=str(number))
    with pytest.raises(Conflict, match=str(MOST_ANSWERS)):
        answer(author=author, version=version, text="one more")


@pytest.mark.parametrize("text", ["", " \n", "x" * (MOST_MESSAGE_CHARACTERS + 1)])
def test_every_message_says_something(reviewer: User, author: User, version: PluginVersion, text: str) -> None:
    ask(version=version, reviewer=reviewer, text=QUESTION)
    for act in (partial(ask, reviewer=reviewer), partial(add_note, reviewer=reviewer), partial(answer, author=author)):
        with pytest.raises(ValidationFailed):
            act(version=version, text=text)
    assert ReviewMessage.objects.count() == 1


def test_nobody_asks_or_notes_about_their_own_and_nobody_asks_who_has_left(reviewer: User) -> None:
    own, orphan = submit("own", author=reviewer), submit("orphan")
    for act in (ask, add_note):
        with pytest.raises(PermissionDenied):
            act(version=own, reviewer=reviewer, text=QUESTION)
    with pytest.raises(Conflict):
        ask(version=orphan, reviewer=reviewer, text=QUESTION)
    User.objects.filter(pk=reviewer.pk).update(is_active=False)
    with pytest.raises(Problem):
        add_note(version=orphan, reviewer=reviewer, text="x")
    assert not ReviewMessage.objects.exists()


def test_an_author_who_is_leaving_is_not_written_to(reviewer: User, author: User, version: PluginVersion) -> None:
    User.objects.filter(id=author.id).update(is_active=False, erasure_requested_at=datetime.now(UTC))
    ask(version=version, reviewer=reviewer, text=QUESTION)
    assert facts_of_mails(author, MailKind.REVIEW_QUESTION) == []


def test_the_page_asks_and_keeps_notes(admin: Client, author: User, version: PluginVersion) -> None:
    asked = admin.post(
        reverse("admin:marketplace_submission_ask", args=[version.pk]),
        {"ask-text": f"Why?\r\nAnd \u202e{'x' * 20}"},
        follow=True,
    )
    assert asked.redirect_chain == [(f"{page_of(version)}#conversation", 302)]
    text = asked.content.decode()
    assert "The author is asked." in text
    assert "waits for the author" in text
    assert "Why?\nAnd ⟨U+202E⟩xxx" in text
    assert conversation_of(version).get().text.startswith("Why?\nAnd")
    noted = admin.post(
        reverse("admin:marketplace_submission_note", args=[version.pk]), {"note-text": "<b>careful</b>"}, follow=True
    )
    assert "&lt;b&gt;careful&lt;/b&gt;" in noted.content.decode()
    refused = admin.post(reverse("admin:marketplace_submission_note", args=[version.pk]), {"note-text": " "})
    assert refused.status_code == 302
    assert "This field is required." in admin.get(page_of(version)).content.decode()
    assert notes_of(version).count() == 1


def test_the_queue_shows_and_filters_by_who_is_waited_for(
    admin: Client, reviewer: User, author: User, version: PluginVersion
) -> None:
    answered, decided = submit("answered", author=author), submit("decided", author=author)
    submit("silent", author=author)
    for one in (version, answered, decided):
        ask(version=one, reviewer=reviewer, text=QUESTION)
    answer(author=author, version=answered, text="For meetings.")
    reject(version=decided, reviewer=reviewer, reason_code="broken")
    found = {}
    for kind in ("waits", "answered", "nothing"):
        page: Any = admin.get(f"/admin/marketplace/pluginversion/?conversation={kind}")
        found[kind] = [one.plugin_id for one in page.context_data["cl"].result_list]
    assert found == {"waits": ["tidy"], "answered": ["answered"], "nothing": ["silent"]}
    queue = admin.get("/admin/marketplace/pluginversion/?q=tidy").content.decode()
    assert "waits for the author" in queue
    assert "author has answered" in admin.get("/admin/marketplace/pluginversion/?q=answered").content.decode()


def test_colleagues_and_the_next_version_see_what_was_said(
    admin: Client, staff: Staff, author: User, version: PluginVersion
) -> None:
    colleague = staff("review_plugins")
    ask(version=version, reviewer=colleague, text=QUESTION)
    answer(author=author, version=version, text="For meetings.")
    page = admin.get(page_of(submit(version="1.0.1"))).content.decode()
    for shown in (QUESTION, "For meetings.", "by the author", f"by {reviewer_name_of(colleague.pk)}"):
        assert shown in page
    assert colleague.email not in page
    assert "waits for the author" not in page


def test_notes_about_their_own_plugin_are_not_shown_to_an_author_who_reviews(reviewer: User, staff: Staff) -> None:
    own = submit(author=reviewer)
    add_note(version=own, reviewer=staff("review_plugins"), text="Check this one twice.")
    page = browser_of(reviewer).get(page_of(own)).content.decode()
    assert "Check this one twice." not in page
    assert reverse("admin:marketplace_submission_ask", args=[own.pk]) not in page


def test_only_reviewers_write_and_only_by_a_form(version: PluginVersion, staff: Staff, admin: Client) -> None:
    nobody = "5b7a2c1e-0000-4000-8000-000000000000"
    for route in ("ask", "note"):
        path = reverse(f"admin:marketplace_submission_{route}", args=[version.pk])
        form = {f"{route}-text": "Hm."}
        assert browser_of(staff("take_down_plugins")).post(path, form).status_code == 403
        assert admin.get(path).status_code == 405
        assert admin.post(reverse(f"admin:marketplace_submission_{route}", args=[nobody]), form).status_code == 404
    assert not ReviewMessage.objects.exists()
