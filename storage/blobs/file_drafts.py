"""Uploads that go on over several requests, as files that are appended to beside the blobs."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from storage.blobs.files import UNFINISHED, WRITE_BACK_BYTES, FileBlobStore, translate_errors, write_back
from storage.blobs.port import Draft, DraftBusy, DraftLost, validate_key


class FileDrafts:
    """Of the store in ``root``: a draft lies where its unfinished blobs do, and is renamed when it is whole."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._blobs = FileBlobStore(root)

    def begin(self, key: str) -> Draft:
        with translate_errors():
            path, file = self._blobs.new_draft()
            os.close(file)
        return Draft(key=validate_key(key), ref=path.name)

    def open(self, draft: Draft) -> "FileDraftWriter":
        with _translate_errors():
            return FileDraftWriter(self._path(draft), draft)

    def exists(self, draft: Draft) -> bool:
        with translate_errors():
            return self._path(draft).is_file()

    def publish(self, draft: Draft) -> None:
        path = self._path(draft)
        with translate_errors():
            if not path.is_file():
                if self._blobs.exists(draft.key):
                    return  # a request that was cut off after the rename
                raise DraftLost(draft.ref)
            if path.stat().st_size != draft.size_bytes:
                # What a request behind the last byte has left; shorter it cannot be, unless it is damaged.
                if path.stat().st_size < draft.size_bytes:
                    raise DraftLost(draft.ref)
                os.truncate(path, draft.size_bytes)
            self._blobs.publish_draft(path, self._root / draft.key)

    def abort(self, draft: Draft) -> None:
        with translate_errors():
            self._path(draft).unlink(missing_ok=True)

    def _path(self, draft: Draft) -> Path:
        return self._root / UNFINISHED / draft.ref


class FileDraftWriter:
    """Holds the file by flock(2), which a process that dies lets go."""

    def __init__(self, path: Path, draft: Draft) -> None:
        self._draft = draft
        self._size = self._written_back = draft.size_bytes
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._cut_back()
        except BaseException:
            os.close(self._file)
            raise

    def _cut_back(self) -> None:
        if os.fstat(self._file).st_size < self._size:
            raise DraftLost(self._draft.ref)
        os.ftruncate(self._file, self._size)
        os.lseek(self._file, self._size, os.SEEK_SET)

    def write(self, part: bytes) -> None:
        with translate_errors():
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            self._size += len(part)
            if self._size - self._written_back >= WRITE_BACK_BYTES:
                write_back(self._file, self._written_back, self._size)
                self._written_back = self._size

    def settle(self) -> Draft:
        return self.finish(is_whole=False)

    def finish(self, *, is_whole: bool) -> Draft:
        """A file is the same either way."""
        with translate_errors():
            os.fsync(self._file)
        return replace(self._draft, size_bytes=self._size)

    def tidy(self) -> None:
        """There is one file."""

    def close(self) -> None:
        os.close(self._file)


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """As ``translate_errors``; that a file is locked, or not there, is an answer and not an error."""
    answer: Exception | None = None
    with translate_errors():
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            answer = DraftLost(str(error))
        except BlockingIOError as error:
            answer = DraftBusy(str(error))
    if answer is not None:
        raise answer
