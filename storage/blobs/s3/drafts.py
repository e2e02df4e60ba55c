"""Uploads that go on over several requests, as multipart uploads of S3."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace

from botocore.exceptions import ClientError

from adiuva.api.errors import Problem
from storage.blobs.port import Draft, DraftLost, validate_key
from storage.blobs.s3.client import code_of, translate_errors
from storage.blobs.s3.store import S3BlobStore

logger = logging.getLogger(__name__)

REST = ".rest"
# What S3 answers where an upload is gone, or a part of it is another than the one that was kept.
_LOST = {"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "NoSuchKey", "404", "InvalidRange"}


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """As ``translate_errors``; that something is gone is an answer and not an error. Raises ``DraftLost``."""
    lost: DraftLost | None = None
    with translate_errors():
        try:
            yield
        except ClientError as error:
            if code_of(error) not in _LOST:
                raise
            lost = DraftLost(code_of(error))
    if lost is not None:
        raise lost


class S3Drafts:
    """All parts but the last are equally large, 5 MiB at least (S3's rule). What a request leaves below that is kept as
    an object of its own, ``{key}.rest{where it begins}``, until there is more.
    """

    def __init__(self, blobs: S3BlobStore) -> None:
        self._blobs = blobs
        self._client = blobs.client

    def begin(self, key: str) -> Draft:
        with translate_errors():
            ref = self._client.create_multipart_upload(
                Bucket=self._blobs.bucket, Key=validate_key(key), **self._blobs.write_parameters
            )["UploadId"]
        return Draft(key=key, ref=ref, part_bytes=self._blobs.part_bytes)

    def open(self, draft: Draft) -> "S3DraftWriter":
        return S3DraftWriter(self._blobs, draft)

    def exists(self, draft: Draft) -> bool:
        try:
            with _translate_errors():
                self._client.list_parts(**self._target(draft), UploadId=draft.ref, MaxParts=1)
        except DraftLost:
            return False
        return True

    def publish(self, draft: Draft) -> None:
        try:
            with _translate_errors():
                if draft.parts:
                    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(draft.parts, start=1)]
                    self._client.complete_multipart_upload(
                        **self._target(draft), UploadId=draft.ref, MultipartUpload={"Parts": parts}
                    )
                else:  # S3 knows no multipart upload without a part
                    self._client.put_object(**self._target(draft), **self._blobs.write_parameters, Body=b"")
                    self._client.abort_multipart_upload(**self._target(draft), UploadId=draft.ref)
        except DraftLost:
            if not self._blobs.exists(draft.key):  # else a request that was cut off has published it
                raise
        self._drop_rests(draft)

    def abort(self, draft: Draft) -> None:
        with contextlib.suppress(DraftLost), _translate_errors():
            self._client.abort_multipart_upload(**self._target(draft), UploadId=draft.ref)
        self._drop_rests(draft)

    def _drop_rests(self, draft: Draft) -> None:
        for rest in self._blobs.list_keys(draft.key + REST):
            _drop(self._blobs, rest.key)

    def _target(self, draft: Draft) -> dict[str, str]:
        return {"Bucket": self._blobs.bucket, "Key": draft.key}


class S3DraftWriter:
    """Holds one part in memory. What it has sent counts when the caller has kept its ``Draft``: a part that is sent
    again takes the place of the one before.
    """

    def __init__(self, blobs: S3BlobStore, draft: Draft) -> None:
        self._blobs = blobs
        self._draft = draft
        self._parts = list(draft.parts)
        self._old_rest: str | None = None
        self._waiting = bytearray()
        size = draft.size_bytes - self._sent_bytes
        if size:
            self._old_rest = self._rest_key
            self._waiting += self._read(self._old_rest, size)

    @property
    def _sent_bytes(self) -> int:
        return len(self._parts) * self._draft.part_bytes

    @property
    def _rest_key(self) -> str:
        return f"{self._draft.key}{REST}{self._sent_bytes}"

    def _read(self, key: str, size: int) -> bytes:
        with _translate_errors():
            body = self._blobs.client.get_object(Bucket=self._blobs.bucket, Key=key, Range=f"bytes=0-{size - 1}")[
                "Body"
            ]
            with contextlib.closing(body):
                data: bytes = body.read()
        if len(data) != size:
            raise DraftLost(key)
        return data

    def write(self, part: bytes) -> None:
        rest = memoryview(part)
        while rest:
            room = self._draft.part_bytes - len(self._waiting)
            self._waiting += rest[:room]
            rest = rest[room:]
            if len(self._waiting) == self._draft.part_bytes:
                self._send()

    def _send(self) -> None:
        with _translate_errors():
            answer = self._blobs.client.upload_part(
                Bucket=self._blobs.bucket,
                Key=self._draft.key,
                UploadId=self._draft.ref,
                PartNumber=len(self._parts) + 1,
                Body=self._waiting,
            )
            self._parts.append(answer["ETag"])
        self._waiting = bytearray()

    def settle(self) -> Draft:
        if len(self._parts) == len(self._draft.parts):
            return self._draft
        return replace(self._draft, size_bytes=self._sent_bytes, parts=tuple(self._parts))

    def finish(self, *, is_whole: bool) -> Draft:
        size = self._sent_bytes + len(self._waiting)
        if self._waiting and is_whole:
            self._send()
        elif self._waiting and size != self._draft.size_bytes:
            with translate_errors():
                self._blobs.client.put_object(
                    Bucket=self._blobs.bucket, Key=self._rest_key, **self._blobs.write_parameters, Body=self._waiting
                )
        return replace(self._draft, size_bytes=size, parts=tuple(self._parts))

    def tidy(self) -> None:
        if self._old_rest is not None and self._old_rest != self._rest_key:
            _drop(self._blobs, self._old_rest)
            self._old_rest = None

    def close(self) -> None:
        """Nothing is held."""


def _drop(blobs: S3BlobStore, key: str) -> None:
    try:
        blobs.delete(key)
    except Problem:
        logger.warning("a rest of an upload is left for reap_storage", extra={"key": key})
