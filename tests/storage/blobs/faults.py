"""The server that fails, stores that talk to it, and what each fault means."""

import time
from collections.abc import Callable

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from storage.blobs.s3.store import S3BlobStore
from tests.fakes.s3_server import Fault
from tests.storage.blobs.bodies import catch_error, sealed_bytes

KEY = "3f0c8a9e/tasks/7d1b.0a"
PART_BYTES = 256 * 1024  # this server takes any
SMALL = sealed_bytes(PART_BYTES - 1)
LARGE = sealed_bytes(3 * PART_BYTES)
BOUND_SECONDS = 15  # of half a second and what cleans up, on a machine that has other things to do
SILENT = {"hang", "stall", "hang_after"}


def store_at(url: str, *, timeout_seconds: float = 10, attempts: int = 1, part_bytes: int = PART_BYTES) -> S3BlobStore:
    return S3BlobStore(
        bucket="sealed",
        endpoint_url=url,
        access_key="test",
        secret_key="test",
        timeout_seconds=timeout_seconds,
        attempts=attempts,
        part_bytes=part_bytes,
    )


def run_in_time(work: Callable[[], object]) -> BaseException | None:
    """What ``work`` raises, within the bound."""
    started = time.monotonic()
    error = catch_error(work)
    assert time.monotonic() - started < BOUND_SECONDS
    return error


def name_of(value: object) -> str:
    if isinstance(value, Fault):
        return f"{value.kind}-{value.after_bytes}-{value.status}-{value.code}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return getattr(value, "__name__", str(value))


FAULTS: list[tuple[Fault, type[Problem]]] = [
    (Fault("hang"), UpstreamTimeout),
    (Fault("stall"), UpstreamTimeout),
    (Fault("stall", after_bytes=10_000), UpstreamTimeout),
    (Fault("reset"), UpstreamError),
    (Fault("reset", after_bytes=10_000), UpstreamError),
    (Fault("status", status=500), UpstreamError),
    (Fault("status", status=403, code="AccessDenied"), UpstreamError),
    (Fault("status", status=501, code="NotImplemented"), UpstreamError),
    (Fault("status", status=503, code="SlowDown"), UpstreamUnavailable),
    (Fault("status", status=503, code="ServiceUnavailable"), UpstreamUnavailable),
    (Fault("status", status=429, code="TooManyRequests"), UpstreamUnavailable),
    (Fault("status", status=507, code="XMinioStorageFull"), UpstreamUnavailable),
    (Fault("status", status=400, code="RequestTimeout"), UpstreamTimeout),
    (Fault("status", status=504, code="GatewayTimeout"), UpstreamTimeout),
    (Fault("hang_after"), UpstreamTimeout),
    (Fault("reset_after"), UpstreamError),
]
