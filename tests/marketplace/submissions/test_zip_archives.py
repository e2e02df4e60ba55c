"""The reader of archives: what it takes it reads as ``zipfile`` does, and what anybody sends costs it little."""

import io
import os
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from marketplace.submissions.validators.contents import FINDERS, MAX_FILE_BYTES, MIB, Contents, scan
from marketplace.submissions.validators.package import collisions, path_fault
from marketplace.submissions.zip_archives import MAX_ENTRIES, Archive, ArchiveError
from tests.marketplace.zip_archives import Raw, archive, build_zip, noise, overlapping

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEMORY_MIB = 4 * MAX_FILE_BYTES // MIB  # a file, its parts before they are joined, and what is found in it

names = st.text(alphabet="abc/.", min_size=1, max_size=8)
file_sets = st.dictionaries(names, st.binary(max_size=200), max_size=6)


def open_archive(data: bytes) -> Archive:
    return Archive(io.BytesIO(data), size_bytes=len(data))


@pytest.mark.thorough
@MANY
@given(file_sets, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_what_zipfile_writes_is_read_as_it_was_written(files: dict[str, bytes], method: int) -> None:
    reader = open_archive(build_zip(files, method=method))
    assert {entry.name: reader.read(entry) for entry in reader.entries} == files


@pytest.mark.thorough
@MANY
@given(file_sets, st.data())
def test_a_changed_archive_is_refused_or_read_as_zipfile_reads_it(files: dict[str, bytes], data: st.DataObject) -> None:
    """No two readers understand it differently: that is how something gets past the one that looks."""
    sane = bytearray(build_zip(files))
    for _ in range(data.draw(st.integers(1, 4))):
        sane[data.draw(st.integers(0, len(sane) - 1))] = data.draw(st.integers(0, 255))
    try:
        reader = open_archive(bytes(sane))
        ours = [(entry.name, reader.read(entry)) for entry in reader.entries if not entry.is_encrypted]
    except ArchiveError:
        return
    with zipfile.ZipFile(io.BytesIO(sane)) as theirs:
        read = [(one.orig_filename, theirs.read(one)) for one in theirs.infolist() if not one.flag_bits & 1]
    assert ours == read


@MANY
@given(st.binary(max_size=400))
@example(b"PK\5\6" + bytes(18))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes) -> None:
    try:
        scan(open_archive(data))
    except ArchiveError:
        return


OUTSIDE = b"/unpacked-by-a-test-of-adiuva"
raw_entries = st.builds(
    Raw,
    name=st.sampled_from([b"a.js", b"../b", OUTSIDE, b"d\\e", b"", b"\xff", b"x/y", b"A.JS", b"nul"]),
    data=st.sampled_from([b"", b"//", bytes(1000), noise(2000), bytes(3 * MIB)]),
    deflated=st.booleans(),
    flags=st.sampled_from([0, 0x800, 0x808, 0x801]),
    method=st.sampled_from([None, None, None, 0, 8, 12]),
    size=st.sampled_from([None, None, None, 0, 10, 2**31, 2**32 - 1]),
    packed_size=st.sampled_from([None, None, None, 0, 2**31]),
    offset=st.sampled_from([None, None, None, 0, 30, 2**31]),
)


def scan_traced(data: bytes) -> tuple[Contents | ArchiveError, int]:
    """What comes of it, and the most memory it took, in bytes."""
    outcome: Contents | ArchiveError
    tracemalloc.start()
    try:
        outcome = scan(open_archive(data))
    except ArchiveError as error:
        outcome = error
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return outcome, most


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(raw_entries, max_size=8), st.integers(0, 3))
@pytest.mark.slow
def test_no_archive_takes_much_memory_and_none_is_unpacked(entries: list[Raw], times: int) -> None:
    data = archive(entries * (times + 1))
    with TemporaryDirectory() as outside:
        here = Path(outside, "here")
        here.mkdir()
        with chdir(here):
            _, most = scan_traced(data)
        assert list(Path(outside).rglob("*")) == [here]
    assert not Path(OUTSIDE.decode()).exists()
    assert most <= MEMORY_MIB * MIB


BOMBS: dict[str, Callable[[], bytes]] = {
    "zeros": lambda: build_zip({f"{n}": bytes(MAX_FILE_BYTES) for n in range(6)}),
    "overlapping": lambda: overlapping(MAX_ENTRIES, kernel=bytes(MIB)),
    "overlapping beyond the limit": lambda: overlapping(60_000, kernel=bytes(MIB)),
    "many": lambda: build_zip({f"{n}": b"" for n in range(60_000)}),
    "one that lies about its size": lambda: archive([Raw(data=bytes(64 * MIB), deflated=True, size=1000)]),
    "empty blocks": lambda: archive([Raw(data=b"\x00\x00\x00\xff\xff" * MIB, method=8, size=MIB, crc=0)]),
}


@pytest.mark.thorough
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_goes_off_nowhere(bomb: Callable[[], bytes]) -> None:
    data = bomb()
    began = time.thread_time()
    outcome, most = scan_traced(data)
    assert most <= MEMORY_MIB * MIB
    assert time.thread_time() - began < 60
    assert isinstance(outcome, ArchiveError) or outcome.damaged or not outcome.is_complete


def test_a_directory_of_long_names_is_small() -> None:
    outcome, most = scan_traced(build_zip({"x" * 65_000 + str(n): b"" for n in range(40)}))
    assert isinstance(outcome, ArchiveError)
    assert most <= MIB


WORST = {
    "beginnings of secrets": b"eyJ-AKIA sk- ghp_ xoxb- npm_ AIza glpat- redis://a:b " * (MIB // 4),
    "one long word": b"eyJ" * (4 * MIB),
    "quoted permissions": b"'read:tasks'" * MIB,
    "almost calls": b"adiuva . tasks . " * (MIB // 2),
    "lines": b"\n" * (MAX_FILE_BYTES - 40) + b"AKIA" + b"IOSFODNN7EXAMPLE",
    "zip ends": b"PK\5\6" * MIB,
    "private keys that do not begin": b"-----BEGIN RSA " * MIB,
}


@pytest.mark.thorough
@pytest.mark.parametrize("content", WORST.values(), ids=WORST.keys())
def test_no_file_takes_long_to_look_into(content: bytes) -> None:
    began = time.thread_time()
    for find in FINDERS.values():
        assert len(list(find("main.js", content[:MAX_FILE_BYTES]))) <= 20
    assert time.thread_time() - began < 20


@MANY
@given(st.text(max_size=40))
def test_a_path_without_a_fault_stays_where_it_is_put(path: str) -> None:
    if path_fault(path) is None:
        target = os.path.normpath(os.path.join("/package", path))  # noqa: PTH118 - what a naive reader would do
        assert target.startswith("/package/")
        assert "\\" not in path
        assert ":" not in path


@MANY
@given(st.lists(st.text(alphabet="aAbß/", min_size=1, max_size=5), max_size=6))
def test_names_without_collisions_are_as_many_files_where_case_does_not_count(paths: list[str]) -> None:
    if not list(collisions(paths)):
        assert len({path.casefold().rstrip("/") for path in paths}) == len(paths)
