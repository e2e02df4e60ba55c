"""What every blob store does, on files and on S3 over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.blobs.port import BlobInfo, BlobStore
from tests.storage.blobs.bodies import (
    MIB,
    catch_error,
    download,
    in_parts,
    keys_of,
    parts_then_error,
    read_all,
    sealed_bytes,
)
from tests.storage.blobs.conftest import PART_BYTES, Backend

KEY = "3f0c8a9e/tasks/7d1b.0a"
SIZES = [0, 1, 64 * 1024, MIB + 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 3 * PART_BYTES + 7]


class ClientWentAwayError(Exception):
    pass


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_stored_and_what_comes_back_is_byte_for_byte_what_was_sent(backend: Backend, size: int) -> None:
    body = sealed_bytes(size)
    assert backend.store.upload(KEY, in_parts(body)) == size
    assert backend.stored() == {KEY: body}
    assert await download(backend.store, KEY) == body
    assert backend.unfinished() == 0


@pytest.mark.parametrize("part", [1, 1000, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
async def test_how_the_body_is_cut_makes_no_difference(backend: Backend, part: int) -> None:
    body = sealed_bytes(2000 if part == 1 else 2 * PART_BYTES + 9)
    backend.store.upload(KEY, in_parts(body, part))
    assert backend.stored() == {KEY: body}


def test_empty_parts_are_no_end(backend: Backend) -> None:
    assert backend.store.upload(KEY, [b"", b"a", b"", b"b", b""]) == 2
    assert backend.stored() == {KEY: b"ab"}


async def test_a_second_upload_takes_the_place_of_the_first(backend: Backend) -> None:
    for body in (sealed_bytes(3000), sealed_bytes(10, seed=1), b"", sealed_bytes(PART_BYTES + 5, seed=2)):
        backend.store.upload(KEY, in_parts(body))
        assert backend.stored() == {KEY: body}


@pytest.mark.parametrize(
    "error", [ClientWentAwayError(), OSError(28, "the client's disk, not ours"), KeyboardInterrupt()]
)
@pytest.mark.parametrize("size", [0, 1, 100_000, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_a_body_that_breaks_off_leaves_nothing(backend: Backend, size: int, error: BaseException) -> None:
    assert catch_error(lambda: backend.store.upload(KEY, parts_then_error(sealed_bytes(size), error))) is error
    assert backend.stored() == {}
    assert backend.unfinished() == 0


def test_a_body_that_breaks_off_leaves_the_blob_that_was_there(backend: Backend) -> None:
    backend.store.upload(KEY, [b"first"])
    for size in (10, 2 * PART_BYTES):
        with pytest.raises(ClientWentAwayError):
            backend.store.upload(KEY, parts_then_error(sealed_bytes(size), ClientWentAwayError()))
    assert backend.stored() == {KEY: b"first"}


@pytest.mark.parametrize("size", [0, 1, 2, 1000, MIB + 3])
async def test_a_range_is_a_slice(store: BlobStore, size: int) -> None:
    body = sealed_bytes(size)
    store.upload(KEY, [body])
    edges = sorted({0, 1, 2, size // 2, max(0, size - 1), size, size + 1, 10 * size + 10})
    for start in edges:
        assert await download(store, KEY, start=start) == body[start:]
        for end in edges:
            assert await download(store, KEY, start=start, end=end) == body[start:end], (start, end)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 2000), end=st.none() | st.integers(0, 2000))
async def test_any_range_is_a_slice(store: BlobStore, start: int, end: int | None) -> None:
    body = sealed_bytes(1234)
    if not store.exists(KEY):
        store.upload(KEY, [body])
    assert await download(store, KEY, start=start, end=end) == (body[start:end] if end is None or end > start else b"")


@pytest.mark.parametrize("limits", [{}, {"start": 5}, {"start": 0, "end": 0}, {"start": 2, "end": 9}])
def test_a_blob_that_is_not_there_is_missed_before_anything_is_read(store: BlobStore, limits: dict[str, int]) -> None:
    store.upload("3f0c8a9e/tasks/other", [b"x"])
    for absent in (KEY, "3f0c8a9e/tasks", "3f0c8a9e", "3f0c8a9e/tasks/other/below"):
        with pytest.raises(FileNotFoundError):
            store.download(absent, **limits)


def test_a_range_before_the_first_byte_is_a_mistake(store: BlobStore) -> None:
    store.upload(KEY, [b"x"])
    with pytest.raises(ValueError, match="range"):
        store.download(KEY, start=-1)


def test_deleting_twice_is_fine(backend: Backend) -> None:
    backend.store.upload(KEY, [b"x"])
    backend.store.upload("3f0c8a9e/tasks/other", [b"y"])
    for _ in range(2):
        backend.store.delete(KEY)
        assert backend.stored() == {"3f0c8a9e/tasks/other": b"y"}
        assert not backend.store.exists(KEY)
    backend.store.delete("nobody/was/ever/here")


def test_it_knows_what_exists(store: BlobStore) -> None:
    assert not store.exists(KEY)
    store.upload(KEY, [])
    assert store.exists(KEY)
    assert not store.exists("3f0c8a9e/tasks")
    assert not store.exists(f"{KEY}/below")
    store.delete(KEY)
    assert not store.exists(KEY)


async def test_a_deletion_does_not_cut_a_reader_off(store: BlobStore) -> None:
    body = sealed_bytes(4 * MIB)
    store.upload(KEY, in_parts(body))
    opened = store.download(KEY)
    begun = store.download(KEY)
    first = await anext(begun)
    store.delete(KEY)
    assert await read_all(opened) == body
    assert first + await read_all(begun) == body


async def test_a_replacement_does_not_reach_a_reader(store: BlobStore) -> None:
    body = sealed_bytes(4 * MIB)
    store.upload(KEY, in_parts(body))
    opened = store.download(KEY)
    store.upload(KEY, in_parts(sealed_bytes(4 * MIB, seed=1)))
    assert await read_all(opened) == body


async def test_a_reader_may_leave_at_any_time(store: BlobStore) -> None:
    store.upload(KEY, in_parts(sealed_bytes(4 * MIB)))
    for parts_read in (0, 1, 2):
        blob = store.download(KEY)
        for _ in range(parts_read):
            await anext(blob)
        await blob.aclose()
        blob.close()
        with pytest.raises(StopAsyncIteration):
            await anext(blob)


async def test_it_is_over_for_good_when_it_is_over(store: BlobStore) -> None:
    store.upload(KEY, [b"x"])
    blob = store.download(KEY)
    assert await read_all(blob) == b"x"
    assert await read_all(blob) == b""


LISTED = ["a1/tasks/1.a", "a1/tasks/12.b", "a1/notes/1.a", "a1/_backup/1", "a11/tasks/1.a", "b2/tasks/1.a", "plain"]


@pytest.mark.parametrize(
    "prefix",
    [
        *("", "a", "a1", "a1/", "a1/t", "a1/tasks", "a1/tasks/", "a1/tasks/1", "a1/tasks/1.", "a1/tasks/12.b", "a1/_"),
        *("b2/", "b2/tasks/1.a/", "c", "c/d/e", "plain", "plain/", "plain/x"),
    ],
)
def test_a_listing_has_the_keys_that_start_so(store: BlobStore, prefix: str) -> None:
    for key in LISTED:
        store.upload(key, [b"x"])
    found = [info.key for info in store.list_keys(prefix)]
    assert sorted(found) == sorted(key for key in LISTED if key.startswith(prefix))


def test_a_listing_says_how_many_bytes_and_since_when(store: BlobStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # S3 counts in whole seconds
    store.upload(KEY, [b"12345"])
    (found,) = store.list_keys()
    assert found == BlobInfo(key=KEY, size_bytes=5, modified_at=found.modified_at)
    assert found.modified_at.tzinfo is UTC
    assert before <= found.modified_at <= datetime.now(UTC) + timedelta(seconds=2)


def test_blobs_may_be_deleted_while_they_are_listed(store: BlobStore) -> None:
    for number in range(30):
        store.upload(f"a1/t{number % 3}/{number}", [b"x"])
    for info in store.list_keys("a1/"):
        store.delete(info.key)
    assert keys_of(store) == set()


def test_a_listing_may_be_left_early(store: BlobStore) -> None:
    for number in range(5):
        store.upload(f"a1/tasks/{number}", [b"x"])
    assert next(store.list_keys()).key.startswith("a1/tasks/")


async def test_uploads_at_once_do_not_mix(backend: Backend) -> None:
    bodies = {
        f"user{number % 3}/tasks/{number}": sealed_bytes(size, seed=number)
        for number, size in enumerate([10, MIB, PART_BYTES + 1, 0, 3 * PART_BYTES, 70_000, PART_BYTES, 5, 2 * MIB])
    }
    with ThreadPoolExecutor(len(bodies)) as threads:
        sizes = list(threads.map(lambda key: backend.store.upload(key, in_parts(bodies[key])), bodies))
    assert sizes == [len(body) for body in bodies.values()]
    assert backend.stored() == bodies
    assert backend.unfinished() == 0


@pytest.mark.thorough
def test_uploads_and_deletions_in_one_folder_do_not_disturb_each_other(store: BlobStore) -> None:
    def come_and_go(worker: int) -> None:
        for turn in range(25):
            store.upload(f"a1/tasks/{worker}.{turn}", [b"x"])
            if turn != 24:
                store.delete(f"a1/tasks/{worker}.{turn}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(come_and_go, range(4)))
    assert keys_of(store) == {f"a1/tasks/{worker}.24" for worker in range(4)}


TRICKS = [
    *("", "/", "/etc/passwd", "a1/", "a1//x", "..", ".", "a1/..", "a1/../b2/x", "../x", "a1/./x", "./x"),
    *(".hidden", "a1/.hidden", ".unfinished/x", "a1\\x", "a1/x\0", "a1/x\n", "a1/x y", "a1/%2e%2e/x", "~/x", "C:/x"),
    *("a1/é", "a1/\u2025/x", "a" * 256, f"a1/{'b/' * 127}c"),
]


@pytest.mark.parametrize("key", TRICKS)
def test_a_key_with_tricks_is_refused_everywhere(backend: Backend, key: str) -> None:
    store = backend.store
    store.upload("a1/x", [b"stays"])
    for attempt in (partial(store.upload, parts=[b"x"]), store.download, store.delete, store.exists):
        with pytest.raises(ValueError, match="not a key"):
            attempt(key)
    assert backend.stored() == {"a1/x": b"stays"}
    assert backend.outside() == []


@pytest.mark.parametrize("prefix", ["..", "../", "a1/../", "/", "//", "a1//", ".unfinished", ".", "a1/.", "a1/\0"])
def test_a_prefix_with_tricks_is_refused(store: BlobStore, prefix: str) -> None:
    with pytest.raises(ValueError, match="not the beginning"):
        store.list_keys(prefix)


def test_it_is_ready(backend: Backend) -> None:
    backend.store.check()
    assert backend.stored() == {}
    assert backend.unfinished() == 0
