"""Many blobs at once: what both stores promise."""

from collections.abc import Iterator

import pytest

from storage.blobs.port import BlobStore
from tests.storage.blobs.conftest import Backend


@pytest.mark.thorough
def test_many_blobs_are_written_whole_and_read_in_order(backend: Backend, store: BlobStore) -> None:
    blobs = {f"user/notes/{number}": bytes([number]) * number * 1000 for number in range(40)}
    store.upload_many(iter(blobs.items()))
    assert backend.stored() == blobs
    asked = [*reversed(blobs), "user/notes/none"]
    assert list(store.read_many(asked)) == [*(blobs[key] for key in reversed(blobs)), None]
    assert store.missing(asked) == {"user/notes/none"}


def test_what_fails_on_the_way_leaves_none_of_them(backend: Backend, store: BlobStore) -> None:
    def half() -> Iterator[tuple[str, bytes]]:
        for number in range(30):
            yield f"user/notes/{number}", b"sealed"
        raise RuntimeError("the client went away")

    with pytest.raises(RuntimeError, match="the client went away"):
        store.upload_many(half())
    assert backend.stored() == {}
    assert backend.unfinished() == 0


def test_many_are_deleted_those_that_are_gone_too(backend: Backend, store: BlobStore) -> None:
    store.upload_many([("user/notes/1", b"1"), ("user/notes/2", b"2")])
    store.delete_many(["user/notes/1", "user/notes/0"])
    assert backend.stored() == {"user/notes/2": b"2"}
