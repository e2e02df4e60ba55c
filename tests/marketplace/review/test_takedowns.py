from typing import Any

import pytest

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from marketplace.models import Plugin, PluginTakedown
from marketplace.review.decisions import MAX_REASON, reinstate, take_down
from marketplace.review.page import history_of
from tests.marketplace.review.submissions import publish, submit, tidy

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(reviewer: User, author: User) -> Plugin:
    return publish(reviewer, author=author)


def status() -> tuple[str, str]:
    plugin = tidy()
    return plugin.status, plugin.takedown_reason


def test_taken_down_and_back(reviewer: User, live: Plugin) -> None:
    takedown = take_down(plugin=live, operator=reviewer, reason=" It sends notes away. ")
    assert status() == ("taken_down", "It sends notes away.")
    assert (takedown.taken_down_by, takedown.reinstated_at) == (reviewer, None)
    ended = reinstate(plugin=live, operator=reviewer, notes="Explained.")
    assert status() == ("approved", "")
    assert ended.pk == takedown.pk
    assert (ended.reason, ended.reinstated_notes, ended.reinstated_by) == (
        "It sends notes away.",
        "Explained.",
        reviewer,
    )


def test_notes_for_reviewers_are_not_shown_to_an_author_who_is_one(reviewer: User, author: User, live: Plugin) -> None:
    take_down(plugin=live, operator=reviewer, reason="It sends notes away.")
    reinstate(plugin=live, operator=reviewer, notes="The author seems honest.")
    plugin = Plugin.objects.get(pk=live.pk)
    shown = {user: [event.text for event in history_of(plugin, viewer=user)] for user in (reviewer, author)}
    assert "The author seems honest." in shown[reviewer]
    assert shown[author] == [text if text != "The author seems honest." else "" for text in shown[reviewer]]


def test_each_time_is_a_row_of_its_own(reviewer: User, live: Plugin) -> None:
    for reason in ("first", "second"):
        take_down(plugin=live, operator=reviewer, reason=reason)
        reinstate(plugin=live, operator=reviewer, notes="ok")
    assert set(PluginTakedown.objects.values_list("reason", flat=True)) == {"first", "second"}


def test_nothing_is_down_twice(reviewer: User, live: Plugin) -> None:
    take_down(plugin=live, operator=reviewer, reason="first")
    with pytest.raises(Conflict):
        take_down(plugin=live, operator=reviewer, reason="second")
    assert status() == ("taken_down", "first")
    assert PluginTakedown.objects.count() == 1


def test_only_what_is_live_is_taken_down(reviewer: User) -> None:
    for status in ("pending_review", "rejected", "withdrawn"):
        plugin = submit(status.replace("_", "-")).plugin
        Plugin.objects.filter(pk=plugin.pk).update(status=status)
        with pytest.raises(Conflict):
            take_down(plugin=plugin, operator=reviewer, reason="because")
    assert not PluginTakedown.objects.exists()


def test_only_what_is_down_comes_back(reviewer: User, live: Plugin) -> None:
    with pytest.raises(Conflict):
        reinstate(plugin=live, operator=reviewer, notes="ok")
    take_down(plugin=live, operator=reviewer, reason="because")
    Plugin.objects.filter(pk="tidy").update(status="withdrawn")
    with pytest.raises(Conflict):
        reinstate(plugin=live, operator=reviewer, notes="ok")
    assert PluginTakedown.objects.get().reinstated_at is None


@pytest.mark.parametrize("text", ["", " \n", "x" * (MAX_REASON + 1)])
def test_both_say_why(reviewer: User, live: Plugin, text: str) -> None:
    with pytest.raises(ValidationFailed):
        take_down(plugin=live, operator=reviewer, reason=text)
    take_down(plugin=live, operator=reviewer, reason="because")
    with pytest.raises(ValidationFailed):
        reinstate(plugin=live, operator=reviewer, notes=text)
    assert status() == ("taken_down", "because")


def test_authors_may_take_their_own_down_and_not_bring_it_back(reviewer: User, staff: Any) -> None:
    author = staff(superuser=True)
    plugin = publish(reviewer, author=author)
    take_down(plugin=plugin, operator=author, reason="I found a hole in it.")
    with pytest.raises(PermissionDenied):
        reinstate(plugin=plugin, operator=author, notes="ok")
    assert reinstate(plugin=plugin, operator=reviewer, notes="ok").reinstated_by == reviewer


def test_a_plugin_that_is_gone_and_an_operator_who_is_closed(reviewer: User, live: Plugin) -> None:
    User.objects.filter(pk=reviewer.pk).update(is_active=False)
    with pytest.raises(PermissionDenied):
        take_down(plugin=live, operator=reviewer, reason="because")
    User.objects.filter(pk=reviewer.pk).update(is_active=True)
    Plugin.objects.filter(pk="tidy").delete()
    with pytest.raises(NotFound):
        take_down(plugin=live, operator=reviewer, reason="because")
