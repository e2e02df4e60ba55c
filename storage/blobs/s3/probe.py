"""Whether a bucket can be used: a small object is written, read, listed and deleted.

Only that shows a key that may read and not write, or a server that refuses our kind of encryption. Readiness is asked
every few seconds by every load balancer, and a bucket with versioning keeps each object for a month: so the whole is
done every five minutes in a process, and in between the bucket is asked whether it is there. What failed is tried again
with the next question, so that a bucket which is back is good at once; only a refused encryption, which costs an object
each time to be told apart, counts as failed for some seconds.
"""

import time
import uuid
from collections.abc import Mapping
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from storage.blobs.s3.client import EncryptionRefused, NotOurBytes, code_of, translate_errors

PREFIX = "health-probe/"  # the reaper removes what a crash leaves under it; listings of blobs pass over it
FRESH_SECONDS = 300.0
RETRY_SECONDS = 5.0
# These say what is wrong, whatever else the request asked for.
_NOT_OF_ENCRYPTION = {"NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}


class BucketProbe:
    """``parameters`` are those of uploads. Every machine and process has an object of its own."""

    def __init__(self, *, client: Any, bucket: str, parameters: Mapping[str, Any]) -> None:
        self._client = client
        self._bucket = bucket
        self._parameters = dict(parameters)
        self._key = f"{PREFIX}{uuid.uuid4()}"
        self._lock = Lock()
        self._due = 0.0
        self._failure: Exception | None = None

    def check(self, *, thorough: bool) -> None:
        """``thorough``: all of it now. Raises ``UpstreamError``, ``UpstreamUnavailable`` or ``UpstreamTimeout``."""
        with self._lock, translate_errors():
            if thorough or time.monotonic() >= self._due:
                self._try_out()
            elif self._failure is not None:
                raise self._failure
            else:
                self._client.head_bucket(Bucket=self._bucket)

    def _try_out(self) -> None:
        self._failure = None
        try:
            self._use()
        except Exception as failure:
            self._failure = failure
            raise
        finally:
            self._due = time.monotonic() + self._good_for()

    def _good_for(self) -> float:
        if self._failure is None:
            return FRESH_SECONDS
        return RETRY_SECONDS if isinstance(self._failure, EncryptionRefused) else 0.0

    def _use(self) -> None:
        target = {"Bucket": self._bucket, "Key": self._key}
        sent = uuid.uuid4().hex.encode()
        self._write(target, sent)
        answer = self._client.get_object(**target)
        with answer["Body"] as body:
            if body.read(len(sent) + 1) != sent:
                raise NotOurBytes
        self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key, MaxKeys=1)
        self._client.delete_object(**target)

    def _write(self, target: dict[str, str], body: bytes) -> None:
        try:
            self._client.put_object(**target, **self._parameters, Body=body)
        except ClientError as refusal:
            if "ServerSideEncryption" in self._parameters and code_of(refusal) not in _NOT_OF_ENCRYPTION:
                self._tell_encryption_apart(target, refusal)
            raise

    def _tell_encryption_apart(self, target: dict[str, str], refusal: ClientError) -> None:
        """Servers have a dozen codes for encryption that they do not do: if it goes without, that is it."""
        plain = {name: value for name, value in self._parameters.items() if name != "ServerSideEncryption"}
        try:
            self._client.put_object(**target, **plain, Body=b"ready")
            self._client.delete_object(**target)
        except ClientError:
            return
        raise EncryptionRefused(code_of(refusal)) from refusal
