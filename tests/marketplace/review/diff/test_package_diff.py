"""Which files of two packages are the same."""

import stat
import zipfile
import zlib
from uuid import uuid4

import pytest

from marketplace.models import PluginVersion
from marketplace.review.diff.package_diff import FileChange, Status, compare_packages, stored_package
from marketplace.review.package_contents import PackageUnreadableError
from storage.blobs.factory import get_blob_store
from tests.marketplace.review.submissions import Files, submit
from tests.marketplace.zip_archives import Raw, archive, build_zip

pytestmark = pytest.mark.django_db


def version_of(package: bytes) -> PluginVersion:
    return submit(f"plugin-{uuid4().hex[:12]}", package=package)


def compare(old: bytes, new: bytes) -> tuple[FileChange, ...]:
    return compare_packages(stored_package(version_of(new)), stored_package(version_of(old)))


def statuses(old: Files, new: Files) -> dict[str, str]:
    return {one.name: str(one.status) for one in compare(build_zip(old), build_zip(new))}


def test_files_are_told_apart_by_name_and_bytes() -> None:
    old = {"same.js": b"1", "changed.js": b"1", "gone.js": b"1", "empty.js": b""}
    new = {"new.js": b"2", "changed.js": b"3", "same.js": b"1", "other.js": b""}
    expected = {"new.js": "added", "changed.js": "changed", "same.js": "same", "other.js": "added"}
    assert statuses(old, new) == expected | {"gone.js": "removed", "empty.js": "removed"}


def test_the_same_bytes_under_another_name_are_renamed_once() -> None:
    (moved, copied) = compare(build_zip({"a.js": b"text"}), build_zip({"lib/a.js": b"text", "lib/b.js": b"text"}))
    assert (moved.status, moved.name, moved.old_name) == (Status.RENAMED, "lib/a.js", "a.js")
    assert (copied.status, copied.old_name) == (Status.ADDED, None)


def test_without_another_package_everything_is_added() -> None:
    found = compare_packages(stored_package(version_of(build_zip({"a.js": b"1", "b.js": b""}))), None)
    assert [(one.name, one.status, one.new_index) for one in found] == [("a.js", "added", 0), ("b.js", "added", 1)]


def test_how_it_is_packed_makes_no_difference() -> None:
    files = {"a.js": b"text " * 100}
    packings = (build_zip(files), build_zip(files, method=zipfile.ZIP_STORED))
    assert [one.status for one in compare(*packings)] == [Status.SAME]


def forge(content: bytes, crc: int) -> bytes:
    """``content`` and four bytes that give it this CRC-32: each of their 32 bits turns a fixed set of bits of it."""
    plain = zlib.crc32(content + bytes(4))
    turns = [(zlib.crc32(content + (1 << bit).to_bytes(4, "little")) ^ plain, 1 << bit) for bit in range(32)]
    wanted, patch = plain ^ crc, 0
    for bit in range(32):
        pivot = next(turn for turn in turns if turn[0] >> bit & 1)
        turns.remove(pivot)
        turns = [(a ^ pivot[0], b ^ pivot[1]) if a >> bit & 1 else (a, b) for a, b in turns]
        if wanted >> bit & 1:
            wanted, patch = wanted ^ pivot[0], patch ^ pivot[1]
    return content + patch.to_bytes(4, "little")


@pytest.mark.parametrize("name", ["a.js", "b.js"])
def test_a_checksum_that_was_made_to_fit_hides_no_change(name: str) -> None:
    good = b"send(nothing);/*....*/"
    bad = forge(b"send(secrets);/*..", zlib.crc32(good))
    assert (len(bad), zlib.crc32(bad)) == (len(good), zlib.crc32(good))
    assert Status.SAME not in statuses({"a.js": good}, {name: bad}).values()
    assert Status.RENAMED not in statuses({"a.js": good}, {name: bad}).values()


def test_of_a_name_that_is_there_twice_both_are_compared() -> None:
    twice = [Raw(name=b"a.js", data=b"1"), Raw(name=b"a.js", data=b"2")]
    found = compare(archive([Raw(name=b"a.js", data=b"1")]), archive(twice))
    assert [(one.status, one.new_index) for one in found] == [(Status.SAME, 0), (Status.ADDED, 1)]


def test_a_file_that_becomes_a_link_has_changed() -> None:
    link = Raw(name=b"a.js", data=b"1", mode=stat.S_IFLNK | 0o777)
    assert [one.status for one in compare(archive([Raw(name=b"a.js", data=b"1")]), archive([link]))] == [Status.CHANGED]


def test_what_is_encrypted_is_the_same_only_byte_for_byte() -> None:
    def locked(data: bytes) -> bytes:
        return archive([Raw(name=b"a.js", data=data, flags=0x801, crc=7)])

    assert [one.status for one in compare(locked(b"1234"), locked(b"1234"))] == [Status.SAME]
    assert [one.status for one in compare(locked(b"1234"), locked(b"4321"))] == [Status.CHANGED]


def test_binary_files_are_known_by_their_beginning() -> None:
    files = {"a.png": b"\x89PNG\r\n\xff", "b.bin": b"a\0b", "c.js": "ä".encode() * 200_000}
    found = compare_packages(stored_package(version_of(build_zip(files))), None)
    assert [one.is_binary for one in found] == [True, True, False]


@pytest.mark.parametrize("damage", ["cut", "no zip", "gone", "too large"])
def test_a_package_that_cannot_be_read_is_told_and_which_one_it_is(damage: str) -> None:
    content = build_zip({"a.js": b"text" * 100})
    match damage:
        case "cut":
            content = content[:-40]
        case "no zip":
            content = b"hello"
        case "too large":
            content = archive([Raw(name=b"a.js", deflated=True, data=b"1", size=101 * 1024 * 1024)])
    version = version_of(content)
    if damage == "gone":
        get_blob_store().delete(version.s3_key)
    sane = version_of(build_zip({"a.js": b"2"}))
    for new, old in ((version, None), (version, sane), (sane, version)):
        with pytest.raises(PackageUnreadableError, match=r"The package of 1\.0\.0 is (damaged|gone)"):
            compare_packages(stored_package(new), stored_package(old) if old else None)
