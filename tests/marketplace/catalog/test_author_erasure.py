"""What becomes of an author's plugins when their account is deleted."""

from pathlib import Path

import pytest

from accounts.erasure import close_account, erase
from accounts.models import User
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.review.decisions import take_down
from tests.marketplace.members import MAIN, Member, files, reviewer
from tests.marketplace.zip_archives import package
from tests.support.accounts import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_catalog")]
FIRST = package(MAIN)


def leave(member: Member) -> None:
    answer = member.api.delete("auth/me", json={"password": PASSWORD}, token=member.token)
    assert answer.status == 202
    assert not User.objects.filter(id=member.user.id).exists()


def test_what_was_never_published_goes_altogether(author: Member, blob_folder: Path) -> None:
    author.submit()
    author.submit(version="1.1.0")
    leave(author)
    assert (Plugin.objects.count(), PluginVersion.objects.count(), files(blob_folder)) == (0, 0, [])


def test_its_id_is_free_again(author: Member, buyer: Member) -> None:
    author.submit()
    leave(author)
    assert buyer.submit().status == 201


def test_what_was_published_leaves_the_catalog_and_stays_with_who_has_it(
    author: Member, buyer: Member, blob_folder: Path
) -> None:
    author.publishes(FIRST)
    author.submit(version="1.1.0")
    buyer.install("word-count")
    leave(author)
    assert buyer.ids() == []
    assert buyer.get("plugins/word-count").json["author"] == "Former developer"
    assert buyer.get("plugins/word-count/package").content == FIRST
    plugin = Plugin.objects.get()
    assert (plugin.status, plugin.author) == (PluginStatus.WITHDRAWN, None)
    assert {one.status for one in plugin.versions.all()} == {PluginStatus.APPROVED, PluginStatus.WITHDRAWN}
    assert {one.submitted_by for one in plugin.versions.all()} == {None}


def test_nobody_else_finds_or_installs_it(author: Member, buyer: Member) -> None:
    author.publishes()
    leave(author)
    assert buyer.get("plugins/word-count").status == 404
    assert buyer.get("plugins/word-count/package").status == 404
    assert buyer.api.post("plugins/word-count/install", token=buyer.token).status == 404


def test_its_id_stays_taken(author: Member, buyer: Member) -> None:
    """Nobody slips another program under what others have installed."""
    author.publishes()
    leave(author)
    assert buyer.submit(version="2.0.0").status == 409


def test_what_was_taken_down_stays_down(author: Member, buyer: Member) -> None:
    author.publishes()
    buyer.install("word-count")
    take_down(plugin=Plugin.objects.get(), operator=reviewer(), reason="It sent notes elsewhere.")
    leave(author)
    for path in ("plugins/word-count", "plugins/word-count/package"):
        answer = buyer.get(path)
        assert (answer.status, answer.json["reason"]) == (410, "It sent notes elsewhere.")


def test_nothing_names_the_author(author: Member, buyer: Member) -> None:
    author.publishes()
    author.publishes(version="1.1.0")
    name = buyer.get("plugins/word-count").json["author"]
    buyer.install("word-count")
    leave(author)
    rows = [*Plugin.objects.values(), *PluginVersion.objects.values()]
    told = str(rows) + buyer.get("plugins/word-count").content.decode()
    for trace in (str(author.user.id), author.user.id.hex, author.account.email, name):
        assert trace not in told


def test_the_plugins_of_others_stay(author: Member, buyer: Member) -> None:
    author.publishes()
    leave(buyer)
    assert author.ids() == ["word-count"]


def test_an_erasure_may_run_again(author: Member) -> None:
    author.publishes()
    close_account(user=author.user)
    assert erase(user_id=author.user.id)
    assert erase(user_id=author.user.id)
    assert Plugin.objects.get().status == PluginStatus.WITHDRAWN
