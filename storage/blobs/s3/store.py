"""Blobs as objects of one S3 bucket, encrypted at rest by S3's own keys (SSE-S3)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage

from adiuva.api.errors import NotConfigured, UpstreamError
from storage.blobs.keys import checked_key, checked_prefix
from storage.blobs.port import BlobInfo
from storage.blobs.reader import READ_BYTES, BlobReader
from storage.blobs.s3.errors import code_of, status_of, translated
from storage.blobs.s3.upload import S3Upload

MOST_PARTS = 10_000
LEAST_PART_BYTES = 8 * 1024 * 1024
CLEAN_UP_SECONDS = 5.0
CONNECTIONS = 64  # kept open for reuse; there may be more at once

_making = Lock()  # clients take half a second of CPU: not one pair for each of a new process's first requests

NOT_FOUND = 404
NOT_SATISFIABLE = 416


class S3BlobStore:
    """``timeout_seconds`` bounds each connect, each wait for bytes and each part's way out; a request gets
    so many ``attempts``.

    The bucket is this service's alone: ``list_keys`` and ``abort_stale_uploads`` take all of it for theirs.
    """

    def __init__(
        self,
        *,
        bucket: str,
        region: str = "",
        endpoint_url: str = "",
        access_key: str,
        secret_key: str,
        timeout_seconds: float = 20.0,
        attempts: int = 2,
        part_bytes: int = LEAST_PART_BYTES,
    ) -> None:
        if not (access_key and secret_key):
            # botocore would go looking for them, in files and on the network.
            raise NotConfigured("The object store's credentials are not set.")
        self._bucket = bucket
        self._part_bytes = part_bytes
        place = {"bucket": bucket, "region": region, "endpoint_url": endpoint_url}
        keys = {"access_key": access_key, "secret_key": secret_key}
        with translated():
            patient = _storage(**place, **keys, timeout_seconds=timeout_seconds, attempts=attempts)
            hasty = _storage(**place, **keys, timeout_seconds=min(timeout_seconds, CLEAN_UP_SECONDS), attempts=1)
            # One client each for all threads (they are made for it); S3Storage would make one a thread.
            self._client: Any = patient.connection.meta.client
            self._hasty: Any = hasty.connection.meta.client
        self._write_parameters = patient.get_object_parameters("")

    @staticmethod
    def from_settings() -> "S3BlobStore":
        largest = max(settings.MAX_RECORD_BYTES, settings.MAX_BACKUP_BYTES)
        with _making:
            return _made(
                bucket=settings.S3_BUCKET,
                region=settings.S3_REGION,
                endpoint_url=settings.S3_ENDPOINT_URL,
                access_key=settings.AWS_ACCESS_KEY_ID,
                secret_key=settings.AWS_SECRET_ACCESS_KEY,
                timeout_seconds=settings.S3_TIMEOUT_SECONDS,
                part_bytes=part_bytes_for(largest),
            )

    def upload(self, key: str, parts: Iterable[bytes]) -> int:
        upload = S3Upload(
            client=self._client,
            clean_up=self._hasty,
            bucket=self._bucket,
            key=checked_key(key),
            parameters=self._write_parameters,
        )
        return upload.run(parts, part_bytes=self._part_bytes)

    def download(self, key: str, *, start: int = 0, end: int | None = None) -> BlobReader:
        target = {"Bucket": self._bucket, "Key": checked_key(key)}
        if start < 0:
            raise ValueError("a range starts at 0 or later")
        if end is not None and end <= start:  # S3 has no word for an empty range
            if not self.exists(key):
                raise FileNotFoundError(key)
            return BlobReader()
        ranged = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with translated():
            try:
                answer = self._client.get_object(**target, **ranged)
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
            with translated():
                part: bytes = body.read(READ_BYTES)  # raises when the body ends before its Content-Length
            return part

        return BlobReader(read=read, close=body.close)

    def delete(self, key: str) -> None:
        with translated():
            self._client.delete_object(Bucket=self._bucket, Key=checked_key(key))

    def exists(self, key: str) -> bool:
        with translated():
            try:
                self._client.head_object(Bucket=self._bucket, Key=checked_key(key))
            except ClientError as error:
                if status_of(error) == NOT_FOUND:
                    return False
                raise
        return True

    def list_keys(self, prefix: str = "") -> Iterator[BlobInfo]:
        pages = self._pages("list_objects_v2", Prefix=checked_prefix(prefix))
        return (
            BlobInfo(key=found["Key"], size_bytes=found["Size"], modified_at=found["LastModified"].astimezone(UTC))
            for page in pages
            for found in page.get("Contents", ())
        )

    def abort_stale_uploads(self, *, older_than: datetime, dry_run: bool = False) -> int:
        stale = 0
        for page in self._pages("list_multipart_uploads"):
            for upload in page.get("Uploads", ()):
                if upload["Initiated"] >= older_than:
                    continue
                stale += 1
                if not dry_run:
                    self._abort(upload["Key"], upload["UploadId"])
        return stale

    def _abort(self, key: str, upload_id: str) -> None:
        with translated():
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":  # finished meanwhile
                    raise

    def _pages(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        with translated():
            yield from self._client.get_paginator(operation).paginate(Bucket=self._bucket, **parameters)

    def check(self) -> None:
        """The bucket answers, and to us."""
        with translated():
            self._hasty.head_bucket(Bucket=self._bucket)


@lru_cache(maxsize=2)
def _made(**options: Any) -> S3BlobStore:
    return S3BlobStore(**options)


def part_bytes_for(largest: int) -> int:
    """S3 takes 10,000 parts at most, and a chunked body does not say how many it will be: all are as large as the
    largest body asks for.
    """
    return max(LEAST_PART_BYTES, -(-largest // MOST_PARTS))


def _storage(
    *,
    bucket: str,
    region: str,
    endpoint_url: str,
    access_key: str,
    secret_key: str,
    timeout_seconds: float,
    attempts: int,
) -> S3Storage:
    config = Config(
        # urllib3 sends under the connect timeout, all of a part within it.
        connect_timeout=timeout_seconds,
        read_timeout=timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS,
        proxies={},
        tcp_keepalive=True,
        # Compatible servers know their own name only, and not all know S3's newer checksums. Each request is signed
        # with the SHA-256 of its body: what arrives changed is refused all the same.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
    )
    return S3Storage(
        bucket_name=bucket,
        region_name=region or "us-east-1",
        endpoint_url=endpoint_url or None,
        access_key=access_key,
        secret_key=secret_key,
        security_token=None,
        session_profile=None,
        object_parameters={"ServerSideEncryption": "AES256", "ContentType": "application/octet-stream"},
        client_config=config,
    )
