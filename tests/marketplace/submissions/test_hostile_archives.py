"""Packages that were made to do harm: each is refused by the check that is for it."""

import io
import stat
import struct
import zipfile
import zlib
from typing import Any

import pytest

from marketplace.submissions.validators.contents import MAX_FILE_BYTES
from marketplace.submissions.zip_archives import Archive, Entry
from tests.marketplace.members import MAIN, failures_of, validate
from tests.marketplace.zip_archives import (
    DEVICE,
    FOLDER,
    LINK,
    Layout,
    Raw,
    archive,
    build_zip,
    overlapping,
    package,
    with_main,
)

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
ZIP64 = struct.pack("<2HQ", 1, 8, 10)
UNICODE_PATH = struct.pack("<2HBL", 0x7075, 9, 1, zlib.crc32(b"a.js")) + b"b.js"
DESCRIPTOR = struct.pack("<4s3L", b"PK\7\10", zlib.crc32(b"//"), 2, 2)


def list_failures(data: bytes) -> set[str]:
    return set(failures_of(validate(data)))


PATHS = [
    "/etc/passwd",
    "../main.js",
    "a/../../main.js",
    "a/..",
    "..\\main.js",
    "a\\b.js",
    "\\\\server\\share",
    "C:/main.js",
    "c:main.js",
    "./main.js2",
    "a//b.js",
    "a/./b.js",
    "a\nb.js",
    "a\x1b[2Jb.js",
    "a\u202egpj.js",
    "nul",
    "a/CON.js",
    "com1.txt",
    "a.js.",
    "a /b.js",
    "a:b",
    "a?.js",
    "x" * 256,
    "/".join("abcdefghijklmnopq"),
    "",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leaves_the_package_or_means_two_things_is_refused(path: str) -> None:
    assert list_failures(with_main(Raw(name=path.encode()))) == {"package_paths"}


@pytest.mark.parametrize("mode", [LINK, DEVICE, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFREG | stat.S_ISUID])
def test_links_devices_and_special_rights_are_refused(mode: int) -> None:
    assert list_failures(with_main(Raw(name=b"link", data=b"/etc/passwd", mode=mode))) == {"package_links"}


def test_a_link_of_windows_is_refused() -> None:
    assert list_failures(with_main(Raw(dos_attributes=0x400))) == {"package_links"}


def test_a_folder_that_calls_itself_a_file_is_refused() -> None:
    assert list_failures(with_main(Raw(name=b"a", mode=FOLDER, data=b""))) == {"package_links"}


def test_a_folder_that_holds_bytes_is_refused() -> None:
    assert list_failures(with_main(Raw(name=b"a/", mode=FOLDER))) == {"package_integrity"}


def test_a_bomb_in_a_folder_is_refused_and_no_folder_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[str] = []
    read = Archive.read

    def noted(archive: Archive, entry: Entry) -> bytes:
        unpacked.append(entry.name)
        return read(archive, entry)

    monkeypatch.setattr(Archive, "read", noted)
    assert list_failures(build_zip({"main.js": MAIN, "zeros/": bytes(8 * MIB)})) == {"package_size"}
    assert list_failures(build_zip({"main.js": MAIN, "small/": b"7"})) == {"package_integrity"}
    assert unpacked == ["main.js"]


COLLISIONS = {
    "the same name": ("a.js", "a.js"),
    "another case": ("a.js", "A.JS"),
    "another case outside ASCII": ("straße.js", "STRASSE.js"),
    "another composition": ("\u00e9.js", "e\u0301.js"),
    "a file and a folder": ("a/b.js", "a"),
    "a folder and a file": ("a", "a/b/c.js"),
}


@pytest.mark.parametrize("names", COLLISIONS.values(), ids=COLLISIONS.keys())
def test_two_entries_that_would_be_one_file_are_refused(names: tuple[str, str]) -> None:
    entries = [Raw(name=name.encode()) for name in names]
    assert list_failures(with_main(*entries)) == {"package_names"}


def test_a_bomb_of_zeros_is_refused() -> None:
    data = build_zip({"main.js": MAIN, "zeros": bytes(8 * MIB)})
    assert len(data) < 20_000
    assert list_failures(data) == {"package_size"}


def test_a_bomb_of_overlapping_entries_is_refused() -> None:
    assert list_failures(overlapping(1_900, kernel=bytes(MIB))) == {"package_zip"}


def test_many_files_that_are_too_much_together_are_refused() -> None:
    text = b"".join(b"%d of a hundred and twenty-eight bytes\n" % number for number in range(MIB // 42))
    data = build_zip({"main.js": MAIN, **{f"{number}.txt": text * 12 for number in range(10)}})
    assert list_failures(data) == {"package_size"}


def test_a_file_that_is_too_large_is_refused() -> None:
    data = build_zip({"main.js": MAIN, "a.bin": bytes(range(256)) * (MAX_FILE_BYTES // 256) + b"+"})
    assert "package_size" in list_failures(data)


def test_ten_thousand_files_are_refused_without_being_read() -> None:
    refusing = failures_of(validate(build_zip({"main.js": MAIN, **{f"{number}": b"" for number in range(10_000)}})))
    assert list(refusing) == ["package_size"]
    assert "10001" in refusing["package_size"]["message"]


def test_more_entries_than_are_told_are_refused() -> None:
    assert list_failures(archive([Raw(name=b"main.js"), Raw()], Layout(count=1))) == {"package_zip"}


def test_a_file_that_is_larger_than_it_says_is_refused_where_it_ends() -> None:
    data = with_main(Raw(data=bytes(8 * MIB), deflated=True, size=1000))
    assert list_failures(data) == {"package_integrity"}


@pytest.mark.parametrize("size", [1, 3])
def test_a_file_that_is_not_as_long_as_it_says_is_refused(size: int) -> None:
    assert list_failures(with_main(Raw(deflated=True, size=size))) == {"package_integrity"}


def test_a_file_with_another_crc_is_refused() -> None:
    assert list_failures(with_main(Raw(crc=1))) == {"package_integrity"}


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\xff\xff\xff", b"\x03\x00more", b"\x03"])
def test_what_is_not_deflated_data_is_refused(packed: bytes) -> None:
    data = with_main(Raw(data=packed, method=8, crc=0, size=0))
    assert list_failures(data) == {"package_integrity"}


@pytest.mark.parametrize("flags", [0x801, 0x841, 0x2801])
def test_what_is_encrypted_is_refused(flags: int) -> None:
    assert list_failures(with_main(Raw(flags=flags))) == {"package_encryption"}


TWO_MEANINGS = {
    "no zip archive": b"this is no zip archive, and it says so in many words",
    "nothing": b"",
    "an end and nothing else": b"PK\5\6" + bytes(16),
    "something before it": with_main(layout=Layout(before=b"#!/bin/sh\n")),
    "something between its entries": with_main(Raw(), layout=Layout(between=b"hidden")),
    "something behind its directory": with_main(layout=Layout(after_directory=b"hidden")),
    "something behind it": with_main() + b"more",
    "a comment": with_main(layout=Layout(comment=b"a comment")),
    "another archive in its comment": with_main(layout=Layout(comment=package(MAIN))),
    "two archives": package(MAIN) + with_main(),
    "two names": with_main(Raw(local_name=b"b.js")),
    "two sizes": with_main(Raw(local_size=7)),
    "two kinds of flags": with_main(Raw(local_flags=0)),
    "a wrong descriptor": with_main(Raw(flags=0x808, descriptor=DESCRIPTOR[:-1] + b"!")),
    "no descriptor": with_main(Raw(flags=0x808)),
    "a name that is not UTF-8": with_main(Raw(name=b"\xff.js")),
    "a name that does not say it is UTF-8": with_main(Raw(name="ü.js".encode(), flags=0)),
    "a second name": with_main(Raw(extra=UNICODE_PATH)),
    "a second size": with_main(Raw(extra=ZIP64)),
    "a second name in its own header": with_main(Raw(local_extra=UNICODE_PATH)),
    "a second size in its own header": with_main(Raw(local_extra=ZIP64)),
    "a way of packing that few know": with_main(Raw(method=14)),
    "a patch": with_main(Raw(flags=0x820)),
    "stored, but of another size": with_main(Raw(packed_size=1)),
    "an entry that lies elsewhere": with_main(Raw(offset=10**9)),
    "an entry inside another": with_main(Raw(offset=0)),
    "several volumes": with_main(layout=Layout(end={"disk": 1})),
    "ZIP64": with_main(layout=Layout(end={"count": 0xFFFF, "here": 0xFFFF})),
    "a directory that lies elsewhere": with_main(layout=Layout(end={"start": 5})),
    "a directory that is longer than the archive": with_main(layout=Layout(end={"length": 500_000})),
    "a directory that is cut": with_main(layout=Layout(count=5)),
}


@pytest.mark.parametrize("data", TWO_MEANINGS.values(), ids=TWO_MEANINGS.keys())
def test_an_archive_that_readers_would_understand_differently_is_refused(data: bytes) -> None:
    assert list_failures(data) == {"package_zip"}


NESTED = {
    "zip": package(MAIN),
    "zip behind something else": b"GIF89a" + package(MAIN),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
    "tar": bytes(257) + b"ustar\x0000" + bytes(248),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(20),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(20),
}


@pytest.mark.parametrize("inner", NESTED.values(), ids=NESTED.keys())
def test_an_archive_in_the_archive_is_refused_whatever_it_is_called(inner: bytes) -> None:
    assert list_failures(build_zip({"main.js": MAIN, "readme.txt": inner})) == {"nested_archives"}


def test_archives_within_archives_are_refused_at_the_first() -> None:
    data = MAIN
    for _ in range(50):
        data = build_zip({"main.js": data}, method=zipfile.ZIP_STORED)
    assert list_failures(data) == {"nested_archives"}


PROGRAMS = {
    "tool": b"\x7fELF" + bytes(60),
    "tool.txt": b"\xcf\xfa\xed\xfe" + bytes(60),
    "photo.png": b"MZ" + bytes(0x3A) + struct.pack("<L", 0x40) + b"PE\0\0",
    "install": b"#!/bin/sh\nrm -rf /\n",
    "run.bat": b"del *.*",
    "build/addon.node": b"anything",
}


@pytest.mark.parametrize(("name", "data"), PROGRAMS.items())
def test_a_program_that_runs_outside_the_app_is_refused(name: str, data: bytes) -> None:
    assert list_failures(build_zip({"main.js": MAIN, name: data})) == {"programs"}


ORDINARY = {
    "as Python packs it": package(MAIN, lib__js=MAIN * 500),
    "stored": build_zip({"main.js": MAIN}, method=zipfile.ZIP_STORED),
    "with folders": archive([Raw(name=b"main.js"), Raw(name=b"lib/", data=b"", mode=FOLDER), Raw(name=b"lib/a.js")]),
    "with descriptors": with_main(Raw(flags=0x808, descriptor=DESCRIPTOR)),
    "with descriptors without a signature": with_main(Raw(flags=0x808, descriptor=DESCRIPTOR[4:])),
    "of Windows": with_main(Raw(mode=0, dos_attributes=0x20)),
    "with names in every script": build_zip({"main.js": MAIN, "übersetzt/日本語.json": b"{}"}),
    "with a script that has a shebang": build_zip({"main.js": b"#!/usr/bin/env node\n" + MAIN}),
    "with a text that begins with MZ": build_zip({"main.js": MAIN, "a.txt": b"MZ is what it begins with."}),
    "with long code": build_zip({"main.js": b"".join(b"const number%d = %d;\n" % (n, n * n) for n in range(50_000))}),
}


@pytest.mark.parametrize("data", ORDINARY.values(), ids=ORDINARY.keys())
def test_what_packers_make_is_taken(data: bytes) -> None:
    assert failures_of(validate(data)) == {}


def test_an_archive_written_to_a_pipe_is_taken() -> None:
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, part: Any) -> int:
            self.data += bytes(part)
            return len(part)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("main.js", MAIN)
    assert failures_of(validate(pipe.data)) == {}


@pytest.mark.parametrize(
    ("entrypoint", "ok"),
    [
        ("main.js", True),
        ("./main.js", True),
        ("lib/a.js", True),
        ("other.js", False),
        ("Main.js", False),
        ("lib", False),
        ("lib/", False),
        ("../main.js", False),
        ("/main.js", False),
        ("lib/../main.js", False),
        ("empty.js", False),
    ],
)
def test_the_entrypoint_is_a_file_of_the_package(entrypoint: str, ok: bool) -> None:
    data = build_zip({"main.js": MAIN, "lib/a.js": MAIN, "empty.js": b""})
    assert list(failures_of(validate(data, entrypoint=entrypoint))) == ([] if ok else ["entrypoint"])
