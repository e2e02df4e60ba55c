"""What a reviewer sees of a package: its list of files, and one file at a time."""

import io
import re
import stat
import struct
import zipfile

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.models import PluginVersion
from marketplace.review.package_contents import (
    MAX_LISTED,
    MAX_PREVIEW_BYTES,
    PackageUnreadableError,
    list_package,
    preview,
)
from marketplace.submissions.zip_archives import MAX_ENTRIES
from tests.marketplace.review.submissions import FILES, pack, submit

pytestmark = pytest.mark.django_db


def with_file(content: bytes, name: str = "file.txt", method: int = zipfile.ZIP_DEFLATED) -> PluginVersion:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", method) as archive:
        archive.writestr(name, content)
    return submit(package=package.getvalue())


def preview_of(client: Client, version: PluginVersion, index: int = 0) -> str:
    answer = client.get(reverse("admin:marketplace_submission_file", args=[version.pk, index]))
    assert answer.status_code == 200
    return answer.content.decode()


def first_file_of(client: Client, version: PluginVersion) -> int:
    """The index of the file in the page's frame."""
    page = client.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk])).content.decode()
    framed = re.search(r'<iframe[^>]* src="[^"]*/files/(\d+)/"', page)
    assert framed is not None
    return int(framed[1])


def test_the_listing_has_names_and_sizes() -> None:
    listing = list_package(submit())
    assert {file.name: file.size_bytes for file in listing.files} == {name: len(data) for name, data in FILES.items()}
    assert (listing.count, listing.unlisted) == (3, 0)
    assert listing.size_bytes == sum(map(len, FILES.values()))


def test_links_folders_and_files_are_told_apart() -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.mkdir("folder")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../../file", b"text")
    listing = list_package(submit(package=package.getvalue()))
    kinds = [(file.name, file.kind) for file in listing.files]
    assert kinds == [("folder/", "folder"), ("link", "link"), ("../../file", "file")]


@pytest.mark.parametrize("entrypoint", ["src/main.js", "./src/main.js"])
def test_the_entrypoint_is_what_is_shown_first(admin: Client, entrypoint: str) -> None:
    files = {"a-harmless-one.js": b"", "src/main.js": b"start();\n"}
    assert first_file_of(admin, submit(package=pack(files), entrypoint=entrypoint)) == 1


def test_every_file_that_a_package_may_have_is_listed_and_may_be_the_entrypoint(admin: Client) -> None:
    files = {f"{number:05}.js": b"" for number in range(MAX_ENTRIES)}
    version = submit(package=pack(files), entrypoint=list(files)[-1])
    assert list_package(version).unlisted == 0
    assert first_file_of(admin, version) == MAX_ENTRIES - 1


def test_a_long_list_is_cut_and_says_so(admin: Client) -> None:
    version = submit(package=pack({f"{number:05}.txt": b"" for number in range(MAX_LISTED + 7)}))
    listing = list_package(version)
    assert (len(listing.files), listing.count, listing.unlisted) == (MAX_LISTED, MAX_LISTED + 7, 7)
    page = admin.get(reverse("admin:marketplace_pluginversion_change", args=[version.pk])).content.decode()
    assert "and 7 more" in page


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_text_is_shown_by_its_lines(admin: Client, method: int) -> None:
    page = preview_of(admin, with_file("ä < b\r\nsecond\n".encode(), method=method))
    assert "<code>ä &lt; b</code>" in page
    assert page.count("<li ") == 2


def test_an_empty_file_is_a_text(admin: Client) -> None:
    assert preview(with_file(b""), index=0).text == ""


def test_of_a_long_text_the_beginning_is_shown(admin: Client) -> None:
    version = with_file("ä".encode() * MAX_PREVIEW_BYTES + b"end")
    beginning = preview(version, index=0)
    assert beginning.is_cut
    assert len(beginning.text.encode()) <= MAX_PREVIEW_BYTES
    assert set(beginning.text) == {"ä"}
    assert "The rest is not shown." in preview_of(admin, version)


def test_a_cut_in_the_middle_of_a_character_is_no_fault() -> None:
    assert preview(with_file(b"x" + "ä".encode() * MAX_PREVIEW_BYTES), index=0).text.endswith("ä")


def test_a_bomb_is_unpacked_no_further_than_what_is_shown() -> None:
    bomb = with_file(b"a" * 200_000_000)
    assert bomb.size_bytes < 300_000
    assert len(preview(bomb, index=0).text) == MAX_PREVIEW_BYTES


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\xff", "not UTF-8"),
        (b"a\0b", "NUL"),
        ("ä".encode("latin-1"), "not UTF-8"),
        (b"\xed\xa0\x80", "no"),
    ],
)
def test_what_is_no_text_is_not_shown(admin: Client, content: bytes, told: str) -> None:
    page = preview_of(admin, with_file(content))
    assert told in page
    assert "<code>" not in page


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_bound_are_not_used(admin: Client, method: int) -> None:
    assert "unusual" in preview_of(admin, with_file(b"text", method=method))


def test_an_encrypted_file_is_not_shown(admin: Client) -> None:
    version = with_file(b"text")
    content = bytearray(pack({"file.txt": b"text"}))
    directory = content.index(b"PK\x01\x02")
    for flags in (6, directory + 8):
        content[flags] |= 1
    assert "encrypted" in preview_of(admin, submit("locked", package=bytes(content)))
    assert "text" in preview_of(admin, version)


@pytest.mark.parametrize("damage", ["cut", "checksum", "offset", "method", "no zip", "empty"])
def test_a_damaged_package_is_told(admin: Client, damage: str) -> None:
    content = bytearray(pack({"file.txt": b"text" * 100}))
    directory = content.index(b"PK\x01\x02")
    match damage:
        case "cut":
            content = content[: len(content) // 2]
        case "checksum":
            content[directory + 16] ^= 0xFF
            content[14] ^= 0xFF
        case "offset":
            struct.pack_into("<L", content, directory + 42, 2**31)
        case "method":
            struct.pack_into("<H", content, directory + 10, 77)
        case "no zip":
            content = bytearray(b"hello")
        case "empty":
            content = bytearray()
    version = submit(package=bytes(content))
    with pytest.raises(PackageUnreadableError):
        preview(version, index=0)
    assert 'class="refusal"' in preview_of(admin, version)


def test_a_file_is_no_page_of_its_own(admin: Client) -> None:
    version = with_file(b"<script>alert(1)</script>", "evil.html")
    answer = admin.get(reverse("admin:marketplace_submission_file", args=[version.pk, 0]))
    assert "<script" not in answer.content.decode()
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'self'", "sandbox"} <= set(policy)
    assert not any(rule.startswith("script-src") for rule in policy)
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'inline; filename="preview.html"'
    assert "private" in answer.headers["Cache-Control"]


def test_signs_that_hide_or_turn_text_are_shown(admin: Client) -> None:
    page = preview_of(admin, with_file("if (admin) { /* \u202e } \u200b */\tx\x1b[2J".encode()))
    for sign in ("⟨U+202E⟩", "⟨U+200B⟩", "⟨U+001B⟩", "*/\tx"):
        assert sign in page
    assert "\u202e" not in page
