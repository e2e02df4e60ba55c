"""Any order of calls on the folder ends as it would in a dictionary."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from storage.blobs.files import UNFINISHED, FileBlobStore
from tests.storage.blobs.bodies import download as download_blob
from tests.storage.blobs.bodies import parts_then_error

KEYS = st.sampled_from(["a/t/1.x", "a/t/1.y", "a/t/2", "a/n/1", "a/_backup/1", "ab/t/1", "b/t/1"])
BODIES = st.binary(max_size=60)


class FolderMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name) / "blobs"
        self.store = FileBlobStore(self.root)
        self.expected: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(key=KEYS, body=BODIES, part=st.integers(1, 20))
    def upload(self, key: str, body: bytes, part: int) -> None:
        parts = [body[start : start + part] for start in range(0, len(body), part)]
        assert self.store.upload(key, parts) == len(body)
        self.expected[key] = body

    @rule(key=KEYS, body=BODIES)
    def upload_that_breaks_off(self, key: str, body: bytes) -> None:
        with pytest.raises(ZeroDivisionError):
            self.store.upload(key, parts_then_error(body, ZeroDivisionError()))

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.store.delete(key)
        self.expected.pop(key, None)

    @rule(key=KEYS, start=st.integers(0, 70), length=st.none() | st.integers(0, 70))
    def download(self, key: str, start: int, length: int | None) -> None:
        end = None if length is None else start + length
        if key not in self.expected:
            with pytest.raises(FileNotFoundError):
                self.store.download(key, start=start, end=end)
            return
        assert asyncio.run(download_blob(self.store, key, start=start, end=end)) == self.expected[key][start:end]

    @rule(prefix=st.sampled_from(["", "a", "a/", "a/t", "a/t/1", "a/t/1.x", "ab/", "c/"]))
    def list_keys(self, prefix: str) -> None:
        found = {info.key: info.size_bytes for info in self.store.list_keys(prefix)}
        assert found == {key: len(body) for key, body in self.expected.items() if key.startswith(prefix)}

    @invariant()
    def the_folder_holds_this_and_nothing_else(self) -> None:
        if not hasattr(self, "root"):
            return
        paths = [path for path in self.root.rglob("*") if UNFINISHED not in path.parts]
        files = {str(path.relative_to(self.root)): path.read_bytes() for path in paths if path.is_file()}
        assert files == self.expected
        assert all(any(path.iterdir()) for path in paths if path.is_dir())
        assert self.store.abort_stale_uploads(older_than=datetime.max.replace(tzinfo=UTC), dry_run=True) == 0
        assert all(self.store.exists(key) for key in self.expected)


TestFolder = FolderMachine.TestCase
TestFolder.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
