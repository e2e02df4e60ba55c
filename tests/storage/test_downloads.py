"""Blobs as answers: what a range cuts out, and that an answer ends whole or not at all."""

import logging
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http.response import HttpResponseBase
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from adiuva.api.errors import PreconditionFailed, RangeNotSatisfiable, UpstreamUnavailable
from storage.blobs.factory import get_blob_store
from storage.blobs.port import BlobReader
from storage.downloads import BlobDamagedError, BlobParts, BlobResponse, blob_response

KEY = "somebody/_backup/something"
BODY = bytes(range(256)) * 20
ETAG = '"v1"'
WRITTEN = datetime(2026, 11, 22, 18, 20, 5, 500_000, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 18:20:05 GMT"
PER_EXAMPLE = [HealthCheck.function_scoped_fixture]


@pytest.fixture(autouse=True)
def blob(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The file that holds ``BODY``."""
    settings.BLOB_DIR = tmp_path
    get_blob_store.cache_clear()
    get_blob_store().upload(KEY, [BODY])
    yield tmp_path / KEY
    get_blob_store.cache_clear()


def get(method: str = "GET", *, headers: dict[str, str] | None = None, **more: str) -> HttpResponseBase:
    """``get(If_Match="*")``: what is answered to a request with these headers."""
    named = {name.replace("_", "-"): value for name, value in {**(headers or {}), **more}.items()}
    return blob_response(
        Request(APIRequestFactory().generic(method, "/", headers=named)),
        key=KEY,
        size_bytes=len(BODY),
        etag=ETAG,
        last_modified=WRITTEN,
        headers={"X-Checksum": "abc"},
    )


def read(response: Any) -> bytes:
    async def whole() -> bytes:
        return b"".join([part async for part in response])

    return async_to_sync(whole)()


def open_files(of: Path) -> int:
    """How many descriptors of this process show the blob."""
    return sum(link.exists() and link.resolve() == of for link in Path("/proc/self/fd").iterdir())


def test_the_whole_says_what_it_is(blob: Path) -> None:
    response = get()
    assert response.status_code == 200
    assert dict(response.items()) == {
        "X-Checksum": "abc",
        "ETag": ETAG,
        "Last-Modified": DATE,
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(BODY)),
    }
    assert read(response) == BODY
    assert open_files(blob) == 0


def test_a_part_says_which(blob: Path) -> None:
    response = get(Range="bytes=10-19")
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes 10-19/{len(BODY)}"
    assert response["Content-Length"] == "10"
    assert (response["ETag"], response["X-Checksum"]) == (ETAG, "abc")
    assert read(response) == BODY[10:20]
    assert open_files(blob) == 0


POSITIONS = st.integers(0, len(BODY) + 10) | st.integers(0, 2**70)


@given(POSITIONS, st.none() | POSITIONS)
@hypothesis_settings(deadline=None, suppress_health_check=PER_EXAMPLE)
def test_every_range_is_the_slice_of_python(first: int, last: int | None) -> None:
    asked = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert read(get(Range=asked)) == BODY
    elif first >= len(BODY):
        with pytest.raises(RangeNotSatisfiable):
            get(Range=asked)
    else:
        response = get(Range=asked)
        assert response.status_code == 206
        assert read(response) == BODY[first : None if last is None else last + 1]


@given(POSITIONS.filter(bool))
@hypothesis_settings(deadline=None, suppress_health_check=PER_EXAMPLE)
def test_every_suffix_is_the_slice_of_python(count: int) -> None:
    assert read(get(Range=f"bytes=-{count}")) == BODY[-count:]


@given(st.lists(st.integers(0, len(BODY)), max_size=6))
@hypothesis_settings(deadline=None, suppress_health_check=PER_EXAMPLE)
def test_parts_that_go_on_where_the_last_one_ended_are_the_whole(cuts: list[int]) -> None:
    edges = sorted({0, *cuts, len(BODY)})
    parts = [read(get(Range=f"bytes={a}-{b - 1}", If_Range=ETAG)) for a, b in pairwise(edges)]
    assert b"".join(parts) == BODY


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "items=0-1", "bytes=5-4", "bytes", "nonsense"])
def test_a_range_that_is_none_gives_the_whole(asked: str) -> None:
    response = get(Range=asked)
    assert (response.status_code, response.get("Content-Range")) == (200, None)
    assert read(response) == BODY


@pytest.mark.parametrize(
    ("if_range", "status"),
    [(ETAG, 206), (DATE, 206), ('"v0"', 200), (f"W/{ETAG}", 200), (DATE[:-6] + "6 GMT", 200)],
)
def test_if_range_gives_the_rest_or_all_of_something_new(if_range: str, status: int) -> None:
    response = get(Range="bytes=10-", If_Range=if_range)
    assert response.status_code == status
    assert read(response) == (BODY[10:] if status == 206 else BODY)


def test_a_range_of_something_new_is_not_even_unsatisfiable() -> None:
    assert read(get(Range="bytes=999999-", If_Range='"v0"')) == BODY


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("name", "value"), [("If_None_Match", f'W/{ETAG}, "x"'), ("If_Modified_Since", DATE)])
def test_who_has_it_gets_304_with_the_validators_and_no_more(blob: Path, method: str, name: str, value: str) -> None:
    for more in ({}, {"Range": "bytes=0-1"}):
        response = get(method, headers={name: value, **more})
        assert response.status_code == 304
        assert set(dict(response.items())) == {"ETag", "Last-Modified", "Cache-Control"}
    assert open_files(blob) == 0


def test_if_match_is_asked_before_anything_else() -> None:
    with pytest.raises(PreconditionFailed):
        get(If_Match='"v0"', If_None_Match=ETAG, Range="bytes=999999-")


def test_head_describes_the_whole_and_opens_nothing(blob: Path) -> None:
    blob.unlink()
    response: Any = get("HEAD", Range="bytes=0-1")
    assert (response.status_code, response.streaming, response.content) == (200, False, b"")
    assert (response["Content-Length"], response["Accept-Ranges"]) == (str(len(BODY)), "bytes")
    assert "Content-Range" not in response


def test_a_blob_that_is_gone_is_no_answer(blob: Path) -> None:
    blob.unlink()
    with pytest.raises(FileNotFoundError):
        get()
    with pytest.raises(FileNotFoundError):
        get(Range="bytes=0-1")


def test_a_deletion_does_not_disturb_who_reads(blob: Path) -> None:
    response = get()
    get_blob_store().delete(KEY)
    assert not blob.exists()
    assert read(response) == BODY


# --- an answer that cannot be whole ---


@pytest.mark.parametrize("left", [0, 1, len(BODY) - 1])
def test_a_blob_that_is_too_short_ends_in_an_error(blob: Path, left: int, caplog: pytest.LogCaptureFixture) -> None:
    with blob.open("r+b") as file:
        file.truncate(left)
    with caplog.at_level(logging.ERROR, "storage.downloads"), pytest.raises(BlobDamagedError):
        read(get())
    assert "another size" in caplog.text
    assert open_files(blob) == 0


def test_a_blob_that_is_too_long_never_goes_out_whole(blob: Path) -> None:
    with blob.open("ab") as file:
        file.write(b"x")
    with pytest.raises(BlobDamagedError):
        read(get())
    assert open_files(blob) == 0


def test_a_range_behind_the_end_of_a_damaged_blob_ends_in_an_error(blob: Path) -> None:
    with blob.open("r+b") as file:
        file.truncate(5)
    with pytest.raises(BlobDamagedError):
        read(get(Range="bytes=10-19"))


class ScriptedBlob(BlobReader):
    """An open blob of a store that fails, or that counts how often it is closed."""

    def __init__(self, *parts: bytes | Exception) -> None:
        super().__init__()
        self.closed = 0
        self._parts = iter(parts)

    async def __anext__(self) -> bytes:
        part = next(self._parts, None)
        if part is None:
            raise StopAsyncIteration
        if isinstance(part, Exception):
            raise part
        return part

    def close(self) -> None:
        self.closed += 1


def answer(blob: ScriptedBlob, size_bytes: int) -> BlobResponse:
    return BlobResponse(BlobParts(blob, key=KEY, size_bytes=size_bytes), status=200, headers={})


def test_a_store_that_fails_on_the_way_is_closed_and_its_failure_passes() -> None:
    blob = ScriptedBlob(b"abc", UpstreamUnavailable())
    with pytest.raises(UpstreamUnavailable):
        read(answer(blob, 6))
    assert blob.closed


def test_no_more_than_was_announced_is_handed_on() -> None:
    blob = ScriptedBlob(b"abc", b"def", b"!")
    seen = []

    async def look() -> None:
        async for part in answer(blob, 6):
            seen.append(part)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(BlobDamagedError):
        async_to_sync(look)()
    assert seen == [b"abc", b"def"]
    assert blob.closed


def test_a_reader_who_leaves_closes_the_blob_at_once() -> None:
    blob = ScriptedBlob(b"abc", b"def")

    async def look() -> bytes:
        async with aclosing(aiter(answer(blob, 6))) as parts:  # type: ignore[type-var]
            return await anext(parts)

    assert async_to_sync(look)() == b"abc"
    assert blob.closed


@pytest.mark.django_db
def test_an_answer_that_nobody_read_closes_the_blob() -> None:
    blob = ScriptedBlob(b"abc")
    answer(blob, 3).close()
    assert blob.closed


def test_an_answer_that_was_read_has_given_its_blob_back() -> None:
    blob = ScriptedBlob(b"abc", b"", b"def")
    assert read(answer(blob, 6)) == b"abcdef"
    assert blob.closed


def test_a_place_that_no_file_has_leaves_nothing_open(blob: Path) -> None:
    with pytest.raises(OverflowError):
        get_blob_store().download(KEY, start=2**64)
    assert open_files(blob) == 0
