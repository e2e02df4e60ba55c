"""One upload to S3: a single PUT for what fits into one part, else multipart with few parts in memory."""

import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Any

from adiuva.api.errors import Problem
from storage.blobs.s3.errors import translated

logger = logging.getLogger(__name__)

PARTS_IN_FLIGHT = 2  # beside the one that fills up


def regrouped(parts: Iterable[bytes], part_bytes: int) -> Iterator[bytearray]:
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


class S3Upload:
    """``clean_up`` is the client for what follows a failure: impatient, because somebody still waits for the answer."""

    def __init__(self, *, client: Any, clean_up: Any, bucket: str, key: str, parameters: Mapping[str, Any]) -> None:
        self._client = client
        self._clean_up = clean_up
        self._target = {"Bucket": bucket, "Key": key}
        self._parameters = parameters

    def run(self, parts: Iterable[bytes], *, part_bytes: int) -> int:
        pieces = regrouped(parts, part_bytes)
        begun = deque(islice(pieces, 2))
        if len(begun) == 1:
            return self._put(begun.pop())
        # Handed on without a name here, which would keep both in memory until the end.
        return self._multipart(chain((begun.popleft() for _ in range(2)), pieces))

    def _put(self, body: bytearray) -> int:
        with self._forgotten_on_trouble(), translated():
            self._client.put_object(**self._target, **self._parameters, Body=body)
        return len(body)

    def _multipart(self, pieces: Iterable[bytearray]) -> int:
        with translated():
            upload_id = self._client.create_multipart_upload(**self._target, **self._parameters)["UploadId"]
        try:
            size, sent = self._send(upload_id, pieces)
            with self._forgotten_on_trouble(), translated():
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
        with translated():
            answer = self._client.upload_part(**self._target, UploadId=upload_id, PartNumber=number, Body=piece)
            return {"PartNumber": number, "ETag": answer["ETag"]}

    def _abort(self, upload_id: str) -> None:
        try:
            with translated():
                self._clean_up.abort_multipart_upload(**self._target, UploadId=upload_id)
        except Problem:
            logger.warning("a multipart upload is left for reap_storage", extra={"key": self._target["Key"]})

    @contextlib.contextmanager
    def _forgotten_on_trouble(self) -> Iterator[None]:
        """An answer that does not come leaves open whether the blob is there; then it must not be."""
        try:
            yield
        except Problem:
            try:
                with translated():
                    self._clean_up.delete_object(**self._target)
            except Problem:
                logger.warning("a blob is perhaps left for reap_storage", extra={"key": self._target["Key"]})
            raise
