"""The page of changes and the downloads beside it, as a reviewer's browser gets them."""

import hashlib
import html
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import PluginVersion
from marketplace.review.decisions import approve
from marketplace.review.diff import file_texts, rows
from marketplace.review.page import visible
from storage.blobs.factory import get_blob_store
from tests.marketplace.review.conftest import Staff, browser_of
from tests.marketplace.review.diff.packages import (
    HARM,
    WHAT,
    finding,
    forty_files,
    submit_update,
    update_of_forty_files,
    with_reach,
)
from tests.marketplace.review.submissions import Files, pack, publish, submit
from tests.marketplace.zip_archives import Raw, archive

pytestmark = pytest.mark.django_db

EVIL = "<img src=x onerror='window.owned = 1'>"


def page_of(version: PluginVersion, **query: Any) -> str:
    return reverse("admin:marketplace_submission_changes", args=[version.pk], query=query or None)


def page_text(client: Client, version: PluginVersion, **query: Any) -> str:
    answer = client.get(page_of(version, **query))
    assert answer.status_code == 200
    return answer.content.decode()


def listed(page: str) -> list[str]:
    """Names in the list of files, in their order."""
    files = page[page.index('class="ch-list"') : page.index("</ul>", page.index('class="ch-list"'))]
    return [html.unescape(name) for name in re.findall(r'<a href="[^"]*#f\d+">(.*?)</a>', files)]


def section_of(page: str, name: str) -> str:
    start = page.index(f'<span class="ch-name">{html.escape(name)}')
    return page[start : page.index("</section>", start)]


def update(reviewer: User, before: Files, after: Files) -> PluginVersion:
    publish(reviewer, package=pack(before))
    return submit_update(after)


def test_changed_lines_stand_side_by_side_and_unchanged_files_are_only_counted(admin: Client, reviewer: User) -> None:
    before = {"main.js": b"a();\nb(1);\n", "same.js": b"unchanged();\n", "old.js": b"gone();\n"}
    after = {"main.js": b"a();\nb(2);\n", "same.js": b"unchanged();\n", "new.js": b"fresh();\n"}
    page = page_text(admin, update(reviewer, before, after))
    assert listed(page) == ["main.js", "new.js", "old.js"]
    assert "1 of 3 files changed, 1 added, 1 removed, 1 the same" in page
    assert "unchanged()" not in page
    main = section_of(page, "main.js")
    (row,) = re.findall(r'<tr class="chg">.*?</tr>', main)
    assert [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row)] == ["2", "b(1);", "2", "b(2);"]
    assert '<td class="n w add" id="f0-L2"><a href="#f0-L2">2</a>' in row
    assert re.search(r"\+1</span>\s*<span[^>]*>\N{MINUS SIGN}1", main)
    assert 'class="ch-diff ch-one"' in section_of(page, "new.js")


def test_of_a_first_version_everything_is_added(admin: Client) -> None:
    page = page_text(admin, submit(package=pack({"a.js": b"1\n", "b.js": b"2\n"})))
    assert listed(page) == ["a.js", "b.js"]
    assert "2 files, all of them new" in page


def test_what_was_found_on_a_new_line_comes_first_and_what_was_there_before_does_not(
    admin: Client, reviewer: User
) -> None:
    before, after = update_of_forty_files()
    old = finding(file="src/part01.js", line=3, what="An old one")
    unchanged_line = finding(file="src/part00.js", line=2, what="On an old line")
    mild = finding(file="src/part33.js", line=151, severity="low", what="A mild one")
    version = with_reach(update(reviewer, before, after), old, unchanged_line, mild, finding(what=f"{WHAT} {EVIL}"))
    page = page_text(admin, version)
    assert listed(page)[:2] == ["src/part31.js", "src/part33.js"]
    assert "An old one" not in page
    assert "On an old line" not in page
    box = page[page.index('id="found"') : page.index('id="files"')]
    places = re.findall(r'<a href="(#f\d+-L\d+)">(.*?)</a>', box)
    assert [text for _, text in places] == ["src/part31.js:121", "src/part33.js:151"]
    for anchor, _ in places:
        assert f'id="{anchor[1:]}"' in page
    marked = section_of(page, "src/part31.js")
    assert re.search(r'<tr class="found chg">.*?<tr class="note sev-high">', marked, re.DOTALL)
    assert EVIL not in page
    assert html.escape(WHAT) in marked


@pytest.mark.parametrize("name", ["a\u202eb.js", "long/" * 80 + "a.js"])
def test_a_report_names_files_by_what_can_be_seen_of_them(admin: Client, reviewer: User, name: str) -> None:
    version = update(reviewer, {name: b"a();\n", "a.js": b"1;\n"}, {name: b"a();\nevil();\n", "a.js": b"2;\n"})
    with_reach(version, finding(file=visible(name)[:300], line=2))
    page = page_text(admin, version)
    assert listed(page) == [visible(name), "a.js"]
    assert WHAT in html.unescape(section_of(page, visible(name)))


def test_findings_of_another_shape_break_nothing(admin: Client, reviewer: User) -> None:
    version = update(reviewer, {"a.js": b"1\n"}, {"a.js": b"2\n", "b.bin": b"\0"})
    shapes: list[Any] = [
        None,
        [],
        "x",
        {},
        {"findings": 7},
        {"findings": [None, {"file": 3}, {"line": "x", "file": "a.js"}]},
    ]
    for reach in shapes:
        version.reach = reach
        version.save()
        assert 'id="not-scanned"' in page_text(admin, version)
    with_reach(version, {"file": "b.bin", "line": 9, "severity": "strange", "what": "In a file without lines"})
    page = page_text(admin, version)
    assert 'id="not-scanned"' not in page
    assert listed(page)[0] == "b.bin"
    assert re.search(r'sev-high">high</span> <a href="#f1">b.bin:9</a> In a file without lines', page)


def test_text_that_becomes_code_by_its_name_counts_as_new(admin: Client, reviewer: User) -> None:
    publish(reviewer, package=pack({"notes.txt": HARM.encode(), "lib/util.js": HARM.encode()[1:]}))
    with_reach(
        PluginVersion.objects.get(plugin="tidy", version="1.0.0"), finding(file="lib/util.js", line=1, what="Known")
    )
    version = submit_update({"main.js": HARM.encode(), "util.js": HARM.encode()[1:]})
    with_reach(version, finding(file="main.js", line=1), finding(file="util.js", line=1, what="Known"))
    page = page_text(admin, version)
    assert listed(page) == ["main.js", "util.js"]
    assert "Known" not in page
    whole = reverse("admin:marketplace_submission_file", args=[version.pk, 0])
    assert f'<a href="{whole}#L1"' in section_of(page, "notes.txt")
    assert 'id="L1"' in admin.get(whole).content.decode()


def test_beside_a_side_without_lines_the_other_one_is_shown(admin: Client, reviewer: User) -> None:
    before = {"a.js": b"\0", "b.js": b"was();\n", "c.js": b"x();\n" * 300_000}
    page = page_text(admin, update(reviewer, before, {"a.js": b"evil();\n", "b.js": b"\0", "c.js": b"evil();\n"}))
    for name, shown, told in (
        ("a.js", "evil", "Before: Binary"),
        ("b.js", "was", "Binary: there are no lines"),
        ("c.js", "evil", "Before: Too large"),
    ):
        assert shown in section_of(page, name)
        assert told in section_of(page, name)


def test_texts_that_fill_a_page_leave_no_file_unread_that_is_asked_for(
    admin: Client, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_texts, "MAX_PAGE_BYTES", 1000)
    version = submit(package=pack({"filler.js": b"filler();\n" * 95, "main.js": b"evil();\n" * 20}))
    unread = section_of(page_text(admin, version), "main.js")
    assert "Not compared: the texts of other files fill this page." in unread
    assert 'href="?file=1#f1"' in unread
    assert "evil" in section_of(page_text(admin, version, file=1), "main.js")
    with_reach(version, finding(file="main.js", line=20))
    assert "evil" in section_of(page_text(admin, version), "main.js")


def test_a_search_is_over_changed_lines_of_all_files(admin: Client, reviewer: User) -> None:
    version = update(reviewer, *update_of_forty_files())
    page = page_text(admin, version, q="ATOB(")
    assert "1 changed line in 1 file" in page
    hits = page[page.index('id="hits"') : page.index("</section>")]
    (anchor,) = re.findall(r'<a href="(#[^"]+)">src/part31.js:121</a>', hits)
    assert f'id="{anchor[1:]}"' in page
    assert html.escape(HARM.strip()) in hits
    assert "12 changed lines in 12 files" in page_text(admin, version, q="audit(")
    assert "24 changed lines in 12 files" in page_text(admin, version, q="// step 16")
    for query in ("key100 =", EVIL, "x" * 5000, "\0"):
        assert "0 changed lines in 0 files" in page_text(admin, version, q=query)
    assert EVIL not in page_text(admin, version, q=EVIL)


def test_another_version_of_the_same_plugin_may_be_named_and_no_other_ones(admin: Client, reviewer: User) -> None:
    publish(reviewer, package=pack({"a.js": b"one\n"}))
    second = submit_update({"a.js": b"two\n"})
    third = submit_update({"a.js": b"three\n"}, version="1.2.0")
    publish(reviewer, "other", "7.0.0")
    assert "one" in section_of(page_text(admin, third), "a.js")
    assert "two" in section_of(page_text(admin, third, against=second.version), "a.js")
    for unknown in ("7.0.0", "0.0.0", third.version, "\0"):
        assert admin.get(page_of(third, against=unknown)).status_code == 404
    approve(version=third, reviewer=reviewer)
    third.refresh_from_db()
    assert "one" in section_of(page_text(admin, third), "a.js")  # live now, and compared with what was live before


def test_files_without_lines_are_named_as_what_they_are(admin: Client, reviewer: User) -> None:
    before = {"moved.js": b"moved();\n", "logo.png": b"\x89PNG\xff", "crlf.js": b"a\r\nb\r\n"}
    after = {
        "lib/moved.js": b"moved();\n",
        "logo.png": b"\x89PNG\xfe",
        "crlf.js": b"a\nb\n",
        "large.js": b"x();\n" * 300_000,
        "many.js": b"\n" * 30_000,
        "lib.min.js": b"var a=1;" * 1000,
        "lib.js.map": b'{"version":3,"sources":["a.ts"],"mappings":"AAAA"}',
        "empty.js": b"",
    }
    page = page_text(admin, update(reviewer, before, after))
    for name, told in (
        ("logo.png", "Binary: there are no lines to compare."),
        ("crlf.js", "No line differs"),
        ("large.js", "too large to compare line by line"),
        ("many.js", "too large to compare line by line"),
        ("lib.min.js", "minified"),
        ("lib.js.map", "source map"),
        ("empty.js", "It is empty."),
        ("moved.js", "The same bytes under another name."),
    ):
        assert told in section_of(page, name if name != "moved.js" else "moved.js → lib/moved.js"), name
    assert len(page) < 500_000


def test_a_page_that_is_full_says_so_and_shows_one_file_alone(
    admin: Client, reviewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_PAGE_CHARACTERS", 45_000)
    files = {f"{name}.js": b"line();\n" * 150 for name in "abcd"}
    version = submit(package=pack(files | {"d.js": b"line();\n" * 149 + b"evil();\n"}))
    page = page_text(admin, version)
    assert "150 rows of this file are not shown" in section_of(page, "d.js")
    assert 'href="?file=3#f3"' in section_of(page, "d.js")
    assert 'href="?q=evil&amp;file=3#f3-L150">d.js:150</a>' in page_text(admin, version, q="evil")
    alone = page_text(admin, version, file=3)
    assert 'id="f3-L150"' in alone
    assert 'id="f0"' not in alone
    assert "Show all files" in alone


def test_names_and_texts_of_strangers_are_shown_as_they_are(admin: Client) -> None:
    files = {
        f"{EVIL}.js": f"// {EVIL}\n</td></table><script>alert(1)</script>\n".encode(),
        "safe\u202esj.exe": "if (a /*\u202e } */) {}\n".encode(),
        "{{ 7|add:'7' }}.txt": b"{% load i18n %}\n",
        'x" onclick="1.js': b'"\n',
    }
    page = page_text(admin, submit(package=pack(files)))
    assert EVIL not in page
    assert "<script>" not in page
    assert "\u202e" not in page
    for shown in ("safe⟨U+202E⟩sj.exe", "{{ 7|add:&#x27;7&#x27; }}.txt", "{% load i18n %}"):
        assert shown in page
    assert 'onclick="1' not in page


@pytest.mark.parametrize("damage", ["cut", "gone", "checksum"])
def test_a_damaged_package_is_told_there_and_on_the_page_of_the_submission(admin: Client, damage: str) -> None:
    content = pack({"a.js": b"1\n"})
    if damage == "checksum":
        content = archive([Raw(name=b"a.js", data=b"1\n", crc=5)])
    version = submit(package=content[:-9] if damage == "cut" else content)
    if damage == "gone":
        get_blob_store().delete(version.s3_key)
    told = "gone from the store" if damage == "gone" else "is damaged"
    assert told in page_text(admin, version)
    review = admin.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk]))
    assert review.status_code == 200
    if damage != "checksum":  # only whoever reads the file sees that
        assert told in review.content.decode()


def test_the_page_of_the_submission_sums_up(admin: Client, reviewer: User) -> None:
    version = with_reach(update(reviewer, *update_of_forty_files()), finding())
    page = admin.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk])).content.decode()
    summary = page[page.index('id="changes-summary"') : page.index("mk-checksum")]
    assert "13 of 42 files changed, 2 added, 1 binary" in summary
    names = re.findall(rf'<a href="{page_of(version)}#f\d+">(.*?)</a> (\w+)', summary)
    assert names[0] == ("src/part31.js", "changed")
    assert "and 10 more" in summary


def test_the_package_and_one_file_are_downloads_and_never_pages(admin: Client) -> None:
    content = pack({f"a/{EVIL}\r\n.html": b"<script>alert(1)</script>", "b.js": b"b\n"})
    version = submit(package=content)
    answer = admin.get(reverse("admin:marketplace_submission_package", args=[version.pk]))
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["X-Checksum"] == hashlib.sha256(content).hexdigest()
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tidy-1.0.0.zip"'
    raw = admin.get(reverse("admin:marketplace_submission_raw", args=[version.pk, 0]))
    assert (raw.status_code, raw.content) == (200, b"<script>alert(1)</script>")
    assert raw.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+\.txt"', raw.headers["Content-Disposition"])
    for one in (answer, raw):
        assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in one.headers["Content-Security-Policy"]
    assert admin.get(reverse("admin:marketplace_submission_raw", args=[version.pk, 2])).status_code == 404


def test_what_cannot_be_downloaded_says_why(admin: Client) -> None:
    version = submit(package=archive([Raw(name=b"a.js", data=b"1234", flags=0x801)]))
    raw = admin.get(reverse("admin:marketplace_submission_raw", args=[version.pk, 0]))
    assert (raw.status_code, raw.headers["Content-Type"]) == (409, "text/plain; charset=utf-8")
    assert b"encrypted" in raw.content
    get_blob_store().delete(version.s3_key)
    for name, arguments in (("package", [version.pk]), ("raw", [version.pk, 0])):
        assert b"gone" in admin.get(reverse(f"admin:marketplace_submission_{name}", args=arguments)).content


def test_only_who_may_review_sees_it(staff: Staff, author: User) -> None:
    version = submit(author=author)
    paths = [page_of(version), reverse("admin:marketplace_submission_package", args=[version.pk])]
    paths.append(reverse("admin:marketplace_submission_raw", args=[version.pk, 0]))
    for path in paths:
        assert browser_of(staff("view_user", "view_pluginversion")).get(path).status_code == 403
        assert browser_of(author).get(path).status_code == 302
        assert browser_of(staff("review_plugins")).post(path).status_code == 405


def test_the_page_runs_no_inline_script_and_has_no_inline_style(admin: Client, reviewer: User) -> None:
    answer = admin.get(page_of(update(reviewer, *update_of_forty_files())))
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in policy
    assert "style-src 'self';" in policy
    content = answer.content.decode()
    content = content[content.index('class="mk-page') :]
    assert not re.search(r"<style|\sstyle=|\son\w+=", content)


def test_forty_files_cost_few_queries_and_little_html(
    admin: Client, reviewer: User, django_assert_max_num_queries: Any
) -> None:
    version = update(reviewer, *update_of_forty_files())
    with django_assert_max_num_queries(12):
        assert len(page_text(admin, version)) < 200_000
    fresh = submit("fresh", package=pack(forty_files()))
    assert "not shown: the page is full" not in page_text(admin, fresh)
