"""Blobs as files in one folder."""

import contextlib
import errno
import fcntl
import logging
import os
import sys
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from adiuva.api.errors import Problem, UpstreamError, UpstreamUnavailable
from storage.blobs.port import READ_BYTES, BlobInfo, BlobReader, BlobsAreLocked, validate_key, validate_prefix
from storage.blobs.side_by_side import run_side_by_side

logger = logging.getLogger(__name__)

LOCK_FILE = ".hold"  # the backup lock; no key starts with a dot
UNFINISHED = ".unfinished"
RENAME_ATTEMPTS = 100
SYNCED_AT_ONCE = 8
WRITE_BACK_BYTES = 8 * 1024 * 1024

# What an operator can repair, and then the same request works: room, permissions, open files.
_TEMPORARY = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
}
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """The operating system's words go to the log, a problem without them to the client."""
    try:
        yield
    except OSError as error:
        raise _problem_of(error) from error


def _problem_of(error: OSError) -> Problem:
    logger.warning("the blob folder failed", extra={"reason": errno.errorcode.get(error.errno or 0, "?")})
    return UpstreamUnavailable() if error.errno in _TEMPORARY else UpstreamError()


@contextlib.contextmanager
def removal_lock(root: Path) -> Iterator[None]:
    """Raises ``BlobsAreLocked`` while a backup copies ``root``, and keeps one from beginning inside the block.

    A backup takes the database first, then the blobs: what the one refers to must still be there when the other is
    copied (``scripts/backup.sh``). It holds ``.hold`` exclusively for that long, by flock(2), so a backup that is
    killed holds nothing; each removal holds it shared. The reaper takes what was spared.

    A folder that no backup was ever made of has no such file. One that begins between that look and the removal does
    no harm: what is removed here was unreferenced before, and so it is in the database the backup then takes.
    """
    try:
        lock = os.open(root / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield
        return
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlobsAreLocked from None
        yield
    finally:
        os.close(lock)


class FileBlobStore:
    """``root`` holds one file a blob, at its key, private to this user of the machine.

    A body is written beside them, in ``.unfinished``, and renamed when it is whole and on the disk: a crash leaves
    a file there and nowhere else. Several processes may share one folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / UNFINISHED

    def upload(self, key: str, parts: Iterable[bytes]) -> int:
        target = self._root / validate_key(key)
        size = self._write_whole(target, parts)
        self._sync_folders_of([target])
        return size

    def upload_many(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        """Each folder is synced once. Files that are synced side by side share the file system's commits, so that 500
        take a third of the time, and less of the CPU too.
        """
        targets: list[Path] = []

        def named() -> Iterator[tuple[Path, bytes]]:
            for key, data in blobs:
                targets.append(self._root / validate_key(key))
                yield targets[-1], data

        def write(file: tuple[Path, bytes]) -> int:
            return self._write_whole(file[0], [file[1]])

        try:
            deque(run_side_by_side(write, named(), at_once=SYNCED_AT_ONCE), maxlen=0)
        except BaseException:
            _unlink_all(targets)
            raise
        self._sync_folders_of(targets)

    def _write_whole(self, target: Path, parts: Iterable[bytes]) -> int:
        """The file is on the disk; that it is in its folder may not be yet."""
        with translate_errors():
            draft, file = self.new_draft()
        try:
            try:
                size = _write(file, parts)
            finally:
                os.close(file)
            with translate_errors():
                self.publish_draft(draft, target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        return size

    def new_draft(self) -> tuple[Path, int]:
        """A file of nobody else's, open for writing, and its path."""
        draft = self._unfinished / uuid.uuid4().hex
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return draft, os.open(draft, flags, 0o600)
        except FileNotFoundError:
            self._make_folder(self._unfinished)
            return draft, os.open(draft, flags, 0o600)

    def _make_folder(self, folder: Path) -> None:
        if not self._root.is_dir():
            self._root.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                self._root.mkdir(mode=0o700)
            _sync_folder(self._root.parent)
        made = self._root
        for name in folder.relative_to(self._root).parts:
            made /= name
            with contextlib.suppress(FileExistsError):
                made.mkdir(mode=0o700)

    def publish_draft(self, draft: Path, target: Path) -> None:
        """Durable when it returns.

        A deletion may take an empty folder away between its making and the rename: then both are done again.
        """
        for attempts_left in reversed(range(RENAME_ATTEMPTS)):
            try:
                draft.replace(target)
                break
            except FileNotFoundError:
                if not attempts_left or not draft.exists():
                    raise
            with contextlib.suppress(FileNotFoundError):
                self._make_folder(target.parent)

    def _sync_folders_of(self, targets: Collection[Path]) -> None:
        # All of them, not only those made here: somebody else's may not be on the disk yet.
        below = {
            folder
            for parent in {target.parent for target in targets}
            for folder in parent.relative_to(self._root).parents
        }
        folders = {target.parent for target in targets} | {self._root / folder for folder in below}
        try:
            with translate_errors():
                for folder in sorted(folders, reverse=True):  # what is inside first
                    _sync_folder(folder)
        except BaseException:
            _unlink_all(targets)
            raise

    def download(self, key: str, *, start: int = 0, end: int | None = None) -> BlobReader:
        path = self._root / validate_key(key)
        if start < 0:
            raise ValueError("a range starts at 0 or later")
        try:
            with _translate_errors_but_absence():
                file = path.open("rb", buffering=0)
        except _ABSENT:
            raise FileNotFoundError(key) from None
        left = max(0, end - start) if end is not None else None

        def read() -> bytes:
            nonlocal left
            with translate_errors():
                part = file.read(READ_BYTES if left is None else min(left, READ_BYTES))
            if left is not None:
                left -= len(part)
            return part

        try:
            with translate_errors():
                file.seek(start)
        except BaseException:
            file.close()
            raise
        return BlobReader(read=read, close=file.close)

    def read_many(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        root = str(self._root)
        for key in keys:
            path = f"{root}/{validate_key(key)}"
            blob = None
            try:
                blob = _read_whole(path)
            except _ABSENT:
                pass
            except OSError as error:
                raise _problem_of(error) from error
            yield blob

    def delete_many(self, keys: Collection[str]) -> None:
        failure: Problem | None = None
        for key in keys:
            try:
                self.delete(key)
            except Problem as problem:
                failure = problem
        if failure is not None:
            raise failure

    def delete(self, key: str) -> None:
        """Raises ``BlobsAreLocked`` while a backup of the service is being made."""
        path = self._root / validate_key(key)
        with translate_errors(), removal_lock(self._root):
            with contextlib.suppress(*_ABSENT):
                path.unlink()
            for folder in path.parents:
                if folder == self._root:
                    break
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                        break
                    raise

    def exists(self, key: str) -> bool:
        path = self._root / validate_key(key)
        with translate_errors():
            return path.is_file()

    def missing(self, keys: Collection[str]) -> set[str]:
        return {key for key in keys if not self.exists(key)}

    def list_keys(self, prefix: str = "") -> Iterator[BlobInfo]:
        folder, _, _ = validate_prefix(prefix).rpartition("/")
        return self._walk(folder, prefix)

    def _walk(self, folder: str, prefix: str) -> Iterator[BlobInfo]:
        with contextlib.ExitStack() as stack:
            try:
                with _translate_errors_but_absence():
                    entries = stack.enter_context(os.scandir(self._root / folder))
            except _ABSENT:
                return  # nothing there, or no longer
            for entry in entries:
                key = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name.startswith(".") or not key.startswith(prefix):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(key, prefix)
                elif (info := _blob_info(key, entry)) is not None:
                    yield info

    def abort_stale_uploads(
        self, *, older_than: datetime, dry_run: bool = False, spared: Collection[str] = frozenset()
    ) -> int:
        stale = 0
        with translate_errors(), contextlib.suppress(FileNotFoundError), os.scandir(self._unfinished) as drafts:
            for draft in drafts:
                info = _blob_info(draft.name, draft)
                if info is None or info.modified_at >= older_than or draft.name in spared:
                    continue
                stale += 1
                if not dry_run:
                    Path(draft).unlink(missing_ok=True)
        return stale

    def check(self, *, thorough: bool = False) -> None:
        """The folder must take a file, keep it, give it back and give it away. The same each time: it costs little."""
        with translate_errors():
            draft, file = self.new_draft()
            try:
                os.write(file, b"ready")
                os.fsync(file)
                if draft.read_bytes() != b"ready":
                    raise UpstreamError
            finally:
                os.close(file)
                draft.unlink()


@contextlib.contextmanager
def _translate_errors_but_absence() -> Iterator[None]:
    """As ``translate_errors``; that there is no such file is an answer, not an error."""
    absence: OSError | None = None
    with translate_errors():
        try:
            yield
        except _ABSENT as error:
            absence = error
    if absence is not None:
        raise absence


def _write(file: int, parts: Iterable[bytes]) -> int:
    """Writes and syncs; only the file's own errors are translated, not those of ``parts``."""
    size = written_back = 0
    for part in parts:
        with translate_errors():
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(file, rest) :]
            size += len(part)
            if size - written_back >= WRITE_BACK_BYTES:
                write_back(file, written_back, size)
                written_back = size
    with translate_errors():
        os.fsync(file)
    return size


def _read_whole(path: str) -> bytes:
    """Without the objects of Python's files, which take longer than the disk."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(file).st_size
        parts = [os.read(file, size)]
        while sum(map(len, parts)) < size and parts[-1]:
            parts.append(os.read(file, size))
    finally:
        os.close(file)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unlink_all(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def write_back(file: int, start: int, end: int) -> None:
    """Has the kernel begin writing to the disk while the body still comes, so that the sync at its end finds little
    to do (half the time of a large upload), and large bodies do not push everything else out of the page cache.
    """
    if sys.platform == "linux":
        os.posix_fadvise(file, start, end - start, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: Path) -> None:
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # tidied away with what was in it: by a deletion of the very blob
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _blob_info(key: str, entry: os.DirEntry[str]) -> BlobInfo | None:
    """None for what is gone meanwhile."""
    try:
        with _translate_errors_but_absence():
            stat = entry.stat(follow_symlinks=False)
    except _ABSENT:
        return None
    return BlobInfo(key=key, size_bytes=stat.st_size, modified_at=datetime.fromtimestamp(stat.st_mtime, UTC))
