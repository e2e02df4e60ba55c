"""Blobs as objects of one S3 bucket, encrypted at rest by S3's own keys (SSE-S3) where the server knows them."""

import contextlib
import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from django.conf import settings

from adiuva.api.errors import NotConfigured, Problem, UpstreamError
from storage.blobs.port import READ_BYTES, BlobInfo, BlobReader, validate_key, validate_prefix
from storage.blobs.s3.client import code_of, open_storage, status_of, translate_errors
from storage.blobs.s3.probe import PREFIX as PROBES
from storage.blobs.s3.probe import BucketProbe
from storage.blobs.side_by_side import run_side_by_side

logger = logging.getLogger(__name__)

MOST_PARTS = 10_000
LEAST_PART_BYTES = 8 * 1024 * 1024
CLEAN_UP_SECONDS = 5.0

PARTS_IN_FLIGHT = 2  # beside the one that fills up
REQUESTS_IN_FLIGHT = 16  # for many blobs at once

_opening = Lock()  # clients take half a second of CPU: not one pair for each of a new process's first requests

NO_ENCRYPTION = "none"
NOT_FOUND = 404
NOT_SATISFIABLE = 416


class S3BlobStore:
    """``timeout_seconds`` bounds each connect, each wait for bytes and each part's way out; a request gets
    so many ``attempts``.

    ``sse``: the encryption at rest that each upload asks for, as S3 calls it; empty for none.

    The bucket is this service's alone: ``list_keys`` and ``abort_stale_uploads`` take all of it for theirs.
    """

    def __init__(  # noqa: PLR0913 - what there is to say about a bucket
        self,
        *,
        bucket: str,
        region: str = "",
        endpoint_url: str = "",
        access_key: str,
        secret_key: str,
        sse: str = "AES256",
        timeout_seconds: float = 20.0,
        attempts: int = 2,
        part_bytes: int = LEAST_PART_BYTES,
    ) -> None:
        if not (access_key and secret_key):
            # botocore would go looking for them, in files and on the network.
            raise NotConfigured("The object store's credentials are not set.")
        self.bucket = bucket
        self.part_bytes = part_bytes
        place = {"bucket": bucket, "region": region, "endpoint_url": endpoint_url, "sse": sse}
        keys = {"access_key": access_key, "secret_key": secret_key}
        with translate_errors():
            patient = open_storage(**place, **keys, timeout_seconds=timeout_seconds, attempts=attempts)
            hasty = open_storage(**place, **keys, timeout_seconds=min(timeout_seconds, CLEAN_UP_SECONDS), attempts=1)
            # One client each for all threads (they are made for it); S3Storage would make one a thread.
            self.client: Any = patient.connection.meta.client
            self._hasty: Any = hasty.connection.meta.client
        self.write_parameters = patient.get_object_parameters("")
        self._probe = BucketProbe(client=self._hasty, bucket=bucket, parameters=self.write_parameters)

    @staticmethod
    def from_settings() -> "S3BlobStore":
        largest = max(settings.MAX_RECORD_BYTES, settings.MAX_BACKUP_BYTES)
        with _opening:
            return _open_once(
                bucket=settings.S3_BUCKET,
                region=settings.S3_REGION,
                endpoint_url=settings.S3_ENDPOINT_URL,
                access_key=settings.AWS_ACCESS_KEY_ID,
                secret_key=settings.AWS_SECRET_ACCESS_KEY,
                sse="" if settings.S3_SSE == NO_ENCRYPTION else settings.S3_SSE,
                timeout_seconds=settings.S3_TIMEOUT_SECONDS,
                part_bytes=part_bytes_for(largest),
            )

    def upload_many(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        begun: list[str] = []

        def named() -> Iterator[tuple[str, bytes]]:
            for key, data in blobs:
                begun.append(key)
                yield key, data

        def send(blob: tuple[str, bytes]) -> int:
            key, data = blob
            return self.upload(key, [data])

        try:
            deque(run_side_by_side(send, named(), at_once=REQUESTS_IN_FLIGHT), maxlen=0)
        except BaseException:
            # Which of them are there is not known; the reaper finds what cannot be removed now.
            with contextlib.suppress(Problem):
                self.delete_many(begun)
            raise

    def upload(self, key: str, parts: Iterable[bytes]) -> int:
        upload = S3Upload(
            client=self.client,
            clean_up=self._hasty,
            bucket=self.bucket,
            key=validate_key(key),
            parameters=self.write_parameters,
        )
        return upload.run(parts, part_bytes=self.part_bytes)

    def download(self, key: str, *, start: int = 0, end: int | None = None) -> BlobReader:
        target = {"Bucket": self.bucket, "Key": validate_key(key)}
        if start < 0:
            raise ValueError("a range starts at 0 or later")
        if end is not None and end <= start:  # S3 has no word for an empty range
            if not self.exists(key):
                raise FileNotFoundError(key)
            return BlobReader()
        ranged = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with translate_errors():
            try:
                answer = self.client.get_object(**target, **ranged)
            except ClientError as error:
                if status_of(error) == NOT_SATISFIABLE:  # it starts behind the last byte
                    return BlobReader()
                if code_of(error) == "NoSuchKey":
                    raise FileNotFoundError(key) from None
                raise
        body = answer["Body"]
        if ranged and not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
            body.close()
            raise UpstreamError

        def read() -> bytes:
            with translate_errors():
                part: bytes = body.read(READ_BYTES)  # raises when the body ends before its Content-Length
            return part

        return BlobReader(read=read, close=body.close)

    def read_many(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        return run_side_by_side(self._read_whole, keys, at_once=REQUESTS_IN_FLIGHT)

    def _read_whole(self, key: str) -> bytes | None:
        try:
            return b"".join(self.download(key).parts())
        except FileNotFoundError:
            return None

    def delete_many(self, keys: Collection[str]) -> None:
        def try_to_delete(key: str) -> Problem | None:
            try:
                self.delete(key)
            except Problem as problem:
                return problem
            return None

        failures = [
            problem
            for problem in run_side_by_side(try_to_delete, keys, at_once=REQUESTS_IN_FLIGHT)
            if problem is not None
        ]
        if failures:
            raise failures[0]

    def missing(self, keys: Collection[str]) -> set[str]:
        there = run_side_by_side(self.exists, keys, at_once=REQUESTS_IN_FLIGHT)
        return {key for key, exists in zip(keys, there, strict=True) if not exists}

    def delete(self, key: str) -> None:
        with translate_errors():
            self.client.delete_object(Bucket=self.bucket, Key=validate_key(key))

    def exists(self, key: str) -> bool:
        with translate_errors():
            try:
                self.client.head_object(Bucket=self.bucket, Key=validate_key(key))
            except ClientError as error:
                if status_of(error) == NOT_FOUND:
                    return False
                raise
        return True

    def list_keys(self, prefix: str = "") -> Iterator[BlobInfo]:
        pages = self._pages("list_objects_v2", Prefix=validate_prefix(prefix))
        return (
            BlobInfo(key=found["Key"], size_bytes=found["Size"], modified_at=found["LastModified"].astimezone(UTC))
            for page in pages
            for found in page.get("Contents", ())
            if not found["Key"].startswith(PROBES)
        )

    def abort_stale_uploads(
        self, *, older_than: datetime, dry_run: bool = False, spared: Collection[str] = frozenset()
    ) -> int:
        stale = 0
        for page in self._pages("list_multipart_uploads"):
            for upload in page.get("Uploads", ()):
                if upload["Initiated"] >= older_than or upload["UploadId"] in spared:
                    continue
                stale += 1
                if not dry_run:
                    self._abort(upload["Key"], upload["UploadId"])
        return stale + self._remove_stale_probes(older_than=older_than, dry_run=dry_run)

    def _remove_stale_probes(self, *, older_than: datetime, dry_run: bool) -> int:
        stale = 0
        for page in self._pages("list_objects_v2", Prefix=PROBES):
            for found in page.get("Contents", ()):
                if found["LastModified"] >= older_than:
                    continue
                stale += 1
                if not dry_run:
                    with translate_errors():
                        self.client.delete_object(Bucket=self.bucket, Key=found["Key"])
        return stale

    def _abort(self, key: str, upload_id: str) -> None:
        with translate_errors():
            try:
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":  # finished meanwhile
                    raise

    def _pages(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        with translate_errors():
            yield from self.client.get_paginator(operation).paginate(Bucket=self.bucket, **parameters)

    def check(self, *, thorough: bool = False) -> None:
        self._probe.check(thorough=thorough)


@lru_cache(maxsize=2)
def _open_once(**options: Any) -> S3BlobStore:
    return S3BlobStore(**options)


def part_bytes_for(largest: int) -> int:
    """S3 takes 10,000 parts at most, and a chunked body does not say how many it will be: all are as large as the
    largest body asks for.
    """
    return max(LEAST_PART_BYTES, -(-largest // MOST_PARTS))


class S3Upload:
    """One upload: a single PUT for what fits into one part, else multipart with few parts in memory.

    ``clean_up`` is the client for what follows a failure: impatient, because somebody still waits for the answer.
    """

    def __init__(self, *, client: Any, clean_up: Any, bucket: str, key: str, parameters: Mapping[str, Any]) -> None:
        self._client = client
        self._clean_up = clean_up
        self._target = {"Bucket": bucket, "Key": key}
        self._parameters = parameters

    def run(self, parts: Iterable[bytes], *, part_bytes: int) -> int:
        pieces = regroup(parts, part_bytes)
        begun = deque(islice(pieces, 2))
        if len(begun) == 1:
            return self._put(begun.pop())
        # Handed on without a name here, which would keep both in memory until the end.
        return self._multipart(chain((begun.popleft() for _ in range(2)), pieces))

    def _put(self, body: bytearray) -> int:
        with self._delete_on_failure(), translate_errors():
            self._client.put_object(**self._target, **self._parameters, Body=body)
        return len(body)

    def _multipart(self, pieces: Iterable[bytearray]) -> int:
        with translate_errors():
            upload_id = self._client.create_multipart_upload(**self._target, **self._parameters)["UploadId"]
        try:
            size, sent = self._send(upload_id, pieces)
            with self._delete_on_failure(), translate_errors():
                self._client.complete_multipart_upload(
                    **self._target, UploadId=upload_id, MultipartUpload={"Parts": sent}
                )
        except BaseException:
            self._abort(upload_id)
            raise
        return size

    def _send(self, upload_id: str, pieces: Iterable[bytearray]) -> tuple[int, list[dict[str, Any]]]:
        """Reads in this thread, which is the view's, and sends in others."""
        sent: list[dict[str, Any]] = []
        size = 0
        in_flight: deque[Future[dict[str, Any]]] = deque()
        with ThreadPoolExecutor(max_workers=PARTS_IN_FLIGHT, thread_name_prefix="s3-part") as senders:
            try:
                for number, piece in enumerate(pieces, start=1):
                    if len(in_flight) == PARTS_IN_FLIGHT:
                        sent.append(in_flight.popleft().result())
                    size += len(piece)
                    in_flight.append(senders.submit(self._send_part, upload_id, number, piece))
                sent.extend(future.result() for future in in_flight)
            finally:
                # An abort while a part is still on its way would leave that part behind: the pool waits for it.
                senders.shutdown(wait=True, cancel_futures=True)
        return size, sent

    def _send_part(self, upload_id: str, number: int, piece: bytearray) -> dict[str, Any]:
        with translate_errors():
            answer = self._client.upload_part(**self._target, UploadId=upload_id, PartNumber=number, Body=piece)
            return {"PartNumber": number, "ETag": answer["ETag"]}

    def _abort(self, upload_id: str) -> None:
        try:
            with translate_errors():
                self._clean_up.abort_multipart_upload(**self._target, UploadId=upload_id)
        except Problem:
            logger.warning("a multipart upload is left for reap_storage", extra={"key": self._target["Key"]})

    @contextlib.contextmanager
    def _delete_on_failure(self) -> Iterator[None]:
        """An answer that does not come leaves open whether the blob is there; then it must not be."""
        try:
            yield
        except Problem:
            try:
                with translate_errors():
                    self._clean_up.delete_object(**self._target)
            except Problem:
                logger.warning("a blob is perhaps left for reap_storage", extra={"key": self._target["Key"]})
            raise


def regroup(parts: Iterable[bytes], part_bytes: int) -> Iterator[bytearray]:
    """The same bytes in pieces of exactly ``part_bytes``, the last one shorter; one empty piece for no bytes."""
    piece = bytearray()
    empty = True
    for part in parts:
        rest = memoryview(part)
        while rest:
            taken = part_bytes - len(piece)
            piece += rest[:taken]
            rest = rest[taken:]
            if len(piece) == part_bytes:
                yield piece
                empty = False
                piece = bytearray()
    if piece or empty:
        yield piece
