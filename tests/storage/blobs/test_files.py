"""What only files have: modes, folders, drafts, and a disk that fails."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adiuva.api.errors import Problem, UpstreamError, UpstreamUnavailable
from storage.blobs.files import UNFINISHED, FileBlobStore
from storage.blobs.port import BlobStore
from tests.storage.blobs.bodies import MIB, catch_error, download, in_parts, keys_of, sealed_bytes
from tests.storage.blobs.conftest import Files

KEY = "3f0c8a9e/tasks/7d1b.0a"


@pytest.fixture
def store(files: Files) -> BlobStore:
    return files.store


@pytest.fixture
def root(files: Files) -> Path:
    return files.folder / "blobs"


def test_folders_and_files_are_private(store: BlobStore, root: Path) -> None:
    before = os.umask(0)
    try:
        store.upload(KEY, [b"x"])
    finally:
        os.umask(before)
    assert (root / UNFINISHED).is_dir()
    for path in (root, *root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_deleting_takes_the_folders_along_that_it_empties(store: BlobStore, root: Path) -> None:
    for key in ("a1/tasks/1", "a1/notes/1", "b2/tasks/1"):
        store.upload(key, [b"x"])
    store.delete("a1/tasks/1")
    assert not (root / "a1/tasks").exists()
    assert (root / "a1/notes/1").exists()
    store.delete("a1/notes/1")
    assert not (root / "a1").exists()
    store.delete("b2/tasks/1")
    assert {path.name for path in root.iterdir()} == {UNFINISHED}


def test_deleting_again_tidies_what_a_crash_has_left(store: BlobStore, root: Path) -> None:
    (root / "a1/tasks").mkdir(parents=True)
    store.delete("a1/tasks/1")
    assert not (root / "a1").exists()


def test_a_folder_that_goes_before_the_rename_is_made_again(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tidied = os.replace, 0

    def tidied_first(draft: Any, target: Any) -> None:
        nonlocal tidied
        if tidied < 3 and Path(target).parent.exists():
            tidied += 1
            Path(target).parent.rmdir()
            Path(target).parent.parent.rmdir()
        real(draft, target)

    monkeypatch.setattr(os, "replace", tidied_first)
    store.upload(KEY, [b"x"])
    assert tidied == 3
    assert (root / KEY).read_bytes() == b"x"


def test_a_draft_that_was_taken_away_is_the_stores_trouble(store: BlobStore, files: Files) -> None:
    def parts() -> Iterator[bytes]:
        yield b"x"
        assert store.abort_stale_uploads(older_than=datetime.now(UTC) + timedelta(hours=1)) == 1

    assert isinstance(catch_error(lambda: store.upload(KEY, parts())), UpstreamError)
    assert files.stored() == {}


def test_the_file_is_on_the_disk_before_it_has_its_name_and_then_every_folder(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[Any] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(file: int) -> None:
        happened.append(os.fstat(file).st_ino)
        real_sync(file)

    def replace(draft: Any, target: Any) -> None:
        real_replace(draft, target)
        happened.append("renamed")

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    store.upload(KEY, [b"x"])
    inode = {path: path.stat().st_ino for path in (root.parent, root, *root.rglob("*"))}
    renamed = happened.index("renamed")
    assert {inode[root.parent], inode[root / KEY]} <= set(happened[:renamed])
    assert happened[renamed + 1 :] == [inode[root / "3f0c8a9e/tasks"], inode[root / "3f0c8a9e"], inode[root]]


DISK_FAULTS = [
    *((errno.ENOSPC, UpstreamUnavailable), (errno.EDQUOT, UpstreamUnavailable), (errno.EACCES, UpstreamUnavailable)),
    *((errno.EROFS, UpstreamUnavailable), (errno.EMFILE, UpstreamUnavailable), (errno.EIO, UpstreamError)),
]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize(("number", "problem"), DISK_FAULTS, ids=str)
def test_a_disk_that_fails_is_a_problem_and_leaves_nothing(
    files: Files, monkeypatch: pytest.MonkeyPatch, call: str, number: int, problem: type[Problem]
) -> None:
    files.store.upload("a1/x", [b"there"])
    failing = _failing(getattr(os, call), number, after=3 if call == "write" else 0)
    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        raised = catch_error(lambda: files.store.upload(KEY, in_parts(sealed_bytes(MIB))))
    assert type(raised) is problem
    assert isinstance(raised, Problem)
    assert os.strerror(number) not in str(raised.as_dict("r"))
    assert files.stored() == {"a1/x": b"there"}
    assert files.unfinished() == 0


@pytest.mark.parametrize("folder", [0, 1, 2])
def test_a_folder_that_cannot_be_synced_takes_the_blob_back(
    files: Files, monkeypatch: pytest.MonkeyPatch, folder: int
) -> None:
    files.store.upload("a1/tasks/first", [b"there"])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _failing(os.fsync, errno.EIO, after=1 + folder))
        assert type(catch_error(lambda: files.store.upload("a1/tasks/second", [b"x"]))) is UpstreamError
    assert files.stored() == {"a1/tasks/first": b"there"}


def _failing(real: Callable[..., Any], number: int, *, after: int) -> Callable[..., Any]:
    calls = 0

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    return call


def test_a_folder_that_cannot_be_used_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FileBlobStore(tmp_path / "file" / "blobs")
    for call in (store.check, lambda: store.upload(KEY, [b"x"])):
        assert isinstance(catch_error(call), Problem)
    assert not store.exists(KEY)


async def test_a_blob_that_cannot_be_opened_is_not_a_blob_that_is_missing(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.upload(KEY, in_parts(sealed_bytes(3 * MIB)))
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.open", _failing(Path.open, errno.EMFILE, after=0))
        assert type(catch_error(lambda: store.download(KEY))) is UpstreamUnavailable
    assert await download(store, KEY) == sealed_bytes(3 * MIB)


def test_drafts_are_dropped_by_their_age(files: Files, root: Path) -> None:
    files.store.check()
    now = datetime.now(UTC)
    for name, hours in (("old", 3), ("older", 30), ("young", 0)):
        draft = root / UNFINISHED / name
        draft.write_bytes(b"half a body")
        os.utime(draft, (now.timestamp() - hours * 3600,) * 2)
    older_than = now - timedelta(hours=1)
    assert files.store.abort_stale_uploads(older_than=older_than, dry_run=True) == 2
    assert files.unfinished() == 3
    assert files.store.abort_stale_uploads(older_than=older_than) == 2
    assert [draft.name for draft in (root / UNFINISHED).iterdir()] == ["young"]


def test_before_the_first_upload_there_is_nothing_and_no_error(store: BlobStore, root: Path) -> None:
    assert keys_of(store) == set()
    assert store.abort_stale_uploads(older_than=datetime.now(UTC)) == 0
    store.delete(KEY)
    assert not root.exists()


async def test_two_stores_on_one_folder_are_one(store: BlobStore, root: Path) -> None:
    other = FileBlobStore(root)
    store.upload(KEY, [b"x"])
    assert await download(other, KEY) == b"x"
    other.delete(KEY)
    assert not store.exists(KEY)
