"""What a reviewer sees of it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import PluginVersion
from marketplace.review.jobs import analyse_submission
from tests.marketplace.review.conftest import browser_of
from tests.marketplace.review.submissions import pack, publish, submit

pytestmark = pytest.mark.django_db

FILES = {"README.md": b"# x", "main.js": b"\n\nfetch('https://a.example')", "lib/a.js": b"const e = localStorage"}


def page_of(client: Client, version: PluginVersion) -> str:
    answer = client.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def look_at(version: PluginVersion) -> PluginVersion:
    analyse_submission(version_id=str(version.pk))
    return version


def test_until_it_was_looked_at_the_page_says_so(admin: Client) -> None:
    assert "It is being looked at." in page_of(admin, submit())


def test_findings_are_grouped_and_linked_to_their_lines(admin: Client) -> None:
    version = look_at(submit(package=pack(FILES), permissions=["read:notes"]))
    page = page_of(admin, version)
    link = reverse("admin:marketplace_submission_file", args=[version.pk, 1])
    assert f'<a href="{link}#L3" target="file">main.js:3</a>' in page
    assert "fetch reaches https://a.example." in page
    assert page.index("Reaches other servers") < page.index("Reads or keeps data in the browser")
    assert page.index("Reads or keeps data in the browser") < page.index("Declares permissions that it does not use")
    assert "read:notes is declared and never used." in page
    assert "3 findings in 2 files" in page


def test_of_an_update_what_is_new_comes_first_and_is_marked(admin: Client, reviewer: User) -> None:
    plugin = publish(reviewer, "tidy", "1.0.0", package=pack(FILES), permissions=[])
    look_at(plugin.versions.get())
    moved = {**FILES, "main.js": b"\n\n\n\n" + FILES["main.js"] + b"\nlocalStorage.x"}
    version = look_at(submit("tidy", "2.0.0", package=pack(moved), permissions=[]))
    page = page_of(admin, version)
    assert "3 findings in 2 files, 1 new" in page
    assert page.index("Reads or keeps data in the browser") < page.index("Reaches other servers")
    groups = page[page.index('id="reach-storage"') :]
    assert groups.index("main.js:8") < groups.index("lib/a.js:1")


def test_what_was_not_looked_at_is_said(admin: Client) -> None:
    version = look_at(submit(package=pack({"main.js": b"const = = ;;; (", "b.js": b"1"}), permissions=[]))
    page = page_of(admin, version)
    assert "Not all was looked at." in page
    assert "1 file not understood" in page


def test_strangers_words_are_text(admin: Client) -> None:
    code = "window['<script>alert(1)</script>' + x + '\u202e']".encode()
    version = look_at(submit(package=pack({"<b>.js": code}), permissions=[]))
    page = page_of(admin, version)
    assert "&lt;b&gt;.js:1" in page
    assert "<script>alert(1)" not in page
    assert "⟨U+202E⟩" in page


@pytest.mark.parametrize("reach", [{}, [], "x", {"findings": [{"kind": "none"}], "unparsed": []}])
def test_what_other_days_have_kept_does_not_break_the_page(admin: Client, reach: Any) -> None:
    version = submit()
    PluginVersion.objects.filter(pk=version.pk).update(reach=reach)
    assert "What its code reaches for" in page_of(admin, version)


def test_a_reviewer_lets_it_be_looked_at_again(admin: Client, author: User) -> None:
    version = look_at(submit(author=author))
    path = reverse("admin:marketplace_submission_look_again", args=[version.pk])
    assert admin.get(path).status_code == 405
    author.is_staff = True
    author.save()
    assert browser_of(author).post(path).status_code == 403
    version.refresh_from_db()
    assert version.reach is not None
    answer = admin.post(path)
    assert (answer.status_code, answer["Location"].endswith("#reach")) == (302, True)
    version.refresh_from_db()
    assert version.reach is None
