"""Downloads and the other calls on an object store that fails, and what its configuration makes of the world."""

import asyncio
import gc
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from adiuva.api.errors import NotConfigured, Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from storage.blobs.s3.store import S3BlobStore
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.storage.blobs.bodies import MIB, catch_error, download, in_parts, read_all, sealed_bytes
from tests.storage.blobs.faults import BOUND_SECONDS, FAULTS, KEY, LARGE, SMALL, name_of, run_in_time, store_at
from tests.support.thorough import thorough

CALLS: dict[str, Callable[[S3BlobStore], object]] = {
    "get_object": lambda store: store.download(KEY),
    "head_object": lambda store: store.exists(KEY),
    "delete_object": lambda store: store.delete(KEY),
    "list_objects": lambda store: list(store.list_keys()),
    "list_uploads": lambda store: store.abort_stale_uploads(older_than=datetime.now(UTC)),
    "head_bucket": lambda store: store.check(),
}
HUGE = sealed_bytes(3 * MIB)


@pytest.fixture
def unheard_port() -> Iterator[int]:
    """Bound, so that nobody else takes it, and nobody listens."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port: int = place.getsockname()[1]
        yield port


@pytest.mark.thorough
@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault("hang"), UpstreamTimeout),
        *((fault, problem) for fault, problem in FAULTS if fault.kind == "status" and fault.code != "RequestTimeout"),
    ],
    ids=name_of,
)
def test_a_call_that_fails_is_a_problem(
    s3: LoopbackS3, s3_store: S3BlobStore, operation: str, fault: Fault, problem: type[Problem]
) -> None:
    if operation == "head_bucket":
        s3_store.check(thorough=True)  # after which this is all that is asked for a while
    s3.fault(operation, fault)
    assert type(run_in_time(lambda: CALLS[operation](s3_store))) is problem


def test_nobody_listens(unheard_port: int) -> None:
    store = store_at(f"http://127.0.0.1:{unheard_port}")
    uploads: dict[str, Callable[[S3BlobStore], object]] = {
        "put_object": lambda store: store.upload(KEY, in_parts(SMALL)),
        "create_upload": lambda store: store.upload(KEY, in_parts(LARGE)),
    }
    for operation, call in (CALLS | uploads).items():
        assert type(run_in_time(partial(call, store))) is UpstreamUnavailable, operation


CUTS = [
    (thorough if kind == "stall" else pytest.param)(Fault(kind, after_bytes=after), problem)  # type: ignore[arg-type]
    for kind, problem in [("stall", UpstreamTimeout), ("reset", UpstreamError), ("cut", UpstreamError)]
    for after in (0, 1, MIB, 2 * MIB + 1, len(HUGE) - 1)
]


@pytest.mark.parametrize(("fault", "problem"), CUTS, ids=name_of)
async def test_a_download_that_is_cut_does_not_end_as_if_it_were_whole(
    s3: LoopbackS3, s3_store: S3BlobStore, fault: Fault, problem: type[Problem]
) -> None:
    s3.objects[KEY] = HUGE
    s3.fault("get_object", fault)
    blob = s3_store.download(KEY)
    received = bytearray()

    async def receive() -> None:
        async for part in blob:
            received.extend(part)

    started = time.monotonic()
    with pytest.raises(Problem) as failed:
        await receive()
    assert failed.type is problem
    assert time.monotonic() - started < BOUND_SECONDS
    assert HUGE.startswith(received)
    assert len(received) <= fault.after_bytes


async def test_a_range_that_is_cut_raises_too(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3.objects[KEY] = LARGE
    s3.fault("get_object", Fault("cut", after_bytes=500))
    with pytest.raises(UpstreamError):
        await read_all(s3_store.download(KEY, start=10, end=2000))


async def test_a_reader_that_has_failed_stays_ended_and_gives_its_connection_back(
    s3: LoopbackS3, s3_store: S3BlobStore
) -> None:
    s3.objects[KEY] = LARGE
    s3.fault("get_object", Fault("cut", after_bytes=500), times=1)
    blob = s3_store.download(KEY)
    with pytest.raises(UpstreamError):
        await read_all(blob)
    blob.close()
    assert await download(s3_store, KEY) == LARGE


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0.01)


async def test_leaving_a_stalled_download_does_not_wait_for_it() -> None:
    with LoopbackS3() as s3:
        s3.objects[KEY] = HUGE
        s3.fault("get_object", Fault("stall", after_bytes=MIB))
        blob = store_at(s3.url, timeout_seconds=60).download(KEY)
        assert await anext(blob) == HUGE[:MIB]
        stalled = asyncio.ensure_future(anext(blob))
        await until(lambda: blob._reading)
        stalled.cancel()
        await blob.aclose()
        assert blob._reading, "its thread still waits for the store"
    await until(lambda: not blob._reading)  # the store has hung up


def test_no_word_of_the_vendor_is_in_a_problem(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    for code, status in (("AccessDenied", 403), ("SlowDown", 503), ("InternalError", 500)):
        s3.fault("put_object", Fault("status", status=status, code=code))
        problem = catch_error(lambda: s3_store.upload(KEY, in_parts(SMALL)))
        assert isinstance(problem, Problem)
        text = str(problem.as_dict("r"))
        assert "canary" not in text
        assert code not in text
        assert "127.0.0.1" not in text


@pytest.mark.parametrize("keys", [("", ""), ("a", ""), ("", "b")])
def test_without_credentials_it_says_so_and_asks_nobody(
    s3: LoopbackS3, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from the machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from the machine")
    with pytest.raises(NotConfigured):
        S3BlobStore(bucket="sealed", endpoint_url=s3.url, access_key=keys[0], secret_key=keys[1])
    assert not s3.asked


@pytest.mark.thorough
def test_a_proxy_of_the_environment_is_not_asked(
    s3: LoopbackS3, unheard_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unheard_port}")
    store_at(s3.url).check()
    assert s3.asked["put_object"] == 1


def test_nothing_is_left_open(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3.objects[KEY] = LARGE
    s3_store.download(KEY).close()
    s3.fault("get_object", Fault("reset", after_bytes=10))
    s3_store.download(KEY).close()
    gc.collect()  # a socket that is left would warn, and warnings are errors
