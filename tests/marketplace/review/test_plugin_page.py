"""A plugin's page: its live version is taken down alone, with a look at what comes back."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review.decisions import approve
from marketplace.review.withdrawals import withdraw_version
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.submissions import publish, submit, tidy

pytestmark = pytest.mark.django_db

PAGE = "/admin/marketplace/plugin/tidy/change/"
DOWN = "/admin/marketplace/plugin/tidy/take-down-version/"


@pytest.fixture
def live(reviewer: User, author: User) -> PluginVersion:
    """2.0.0; 1.0.0 comes before it."""
    publish(reviewer, author=author, price_cents=0, permissions=["read:tasks", "read:notes"])
    version = submit(version="2.0.0", price_cents=900, permissions=["read:tasks", "write:calendar"])
    approve(version=version, reviewer=reviewer)
    return version


def rolling_back(client: Client, version: object, reason: str = "It fails.") -> Any:
    form = {"take_down_version-version": str(version), "take_down_version-reason": reason}
    return client.post(DOWN, form, follow=True)


def test_the_page_says_what_comes_back_and_the_form_does_it(admin: Client, live: PluginVersion) -> None:
    page = admin.get(PAGE).content.decode()
    for shown in ("Take down this version alone", "<del>€9.00</del>", "<ins>free</ins>", "asks again", "drops"):
        assert shown in page
    assert "Create, change and delete the user’s calendar entries" in page[page.index("comes-back") :]
    after = rolling_back(admin, live.pk, "It <b>fails</b>.").content.decode()
    assert "tidy has its version before live again." in after
    assert (tidy().version, tidy().price_cents) == ("1.0.0", 0)
    for shown in ("Taken Down", "It &lt;b&gt;fails&lt;/b&gt;.", "taken down alone", "No approved version comes before"):
        assert shown in after
    assert DOWN not in after


def test_a_page_that_is_older_than_the_live_version_takes_nothing_else_down(
    admin: Client, reviewer: User, live: PluginVersion
) -> None:
    approve(version=submit(version="2.1.0"), reviewer=reviewer)
    assert (
        "Only the version that is live, or that its author has withdrawn,"
        in rolling_back(admin, live.pk).content.decode()
    )
    for nonsense in ("", "x", "5b7a2c1e-0000-4000-8000-000000000000"):
        assert rolling_back(admin, nonsense).status_code == 200
    assert (tidy().version, tidy().status) == ("2.1.0", PluginStatus.APPROVED)


def test_a_reason_is_asked_for_again(admin: Client, live: PluginVersion) -> None:
    answer = rolling_back(admin, live.pk, " ")
    assert (answer.status_code, answer.redirect_chain) == (200, [])
    assert "This field is required." in answer.content.decode()
    assert f'value="{live.pk}"' in answer.content.decode()
    assert tidy().version == "2.0.0"


def test_it_takes_the_permission_and_somebody_elses_plugin(reviewer: User, staff: Staff, live: PluginVersion) -> None:
    reviewing = browser_of(staff("review_plugins"))
    assert DOWN not in reviewing.get(PAGE).content.decode()
    assert rolling_back(reviewing, live.pk).status_code == 403
    author = live.plugin.author
    assert author is not None
    User.objects.filter(pk=author.pk).update(is_staff=True, is_superuser=True)
    own = browser_of(author)
    assert "withdraw the version in the app" in own.get(PAGE).content.decode()
    assert "withdraw it." in rolling_back(own, live.pk).content.decode()
    assert tidy().version == "2.0.0"


def test_a_plugin_that_its_author_withdrew_can_be_taken_down_and_comes_back_withdrawn(
    admin: Client, reviewer: User, author: User
) -> None:
    publish(reviewer, author=author)
    withdraw_version(version=PluginVersion.objects.get(plugin="tidy"), author=author)
    assert "Take down the plugin" in admin.get(PAGE).content.decode()
    admin.post(reverse("admin:marketplace_plugin_take_down", args=["tidy"]), {"take_down-reason": "It sends notes."})
    assert tidy().status == PluginStatus.TAKEN_DOWN
    admin.post(reverse("admin:marketplace_plugin_reinstate", args=["tidy"]), {"reinstate-notes": "Mended."})
    assert tidy().status == PluginStatus.WITHDRAWN
