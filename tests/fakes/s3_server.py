"""A loopback server that speaks as much S3 as the blob store uses, and misbehaves on request.

moto answers as S3 does; this one fails as a network and an overloaded S3 do::

    with LoopbackS3() as s3:
        s3.fault("upload_part", Fault("stall", after_bytes=100_000))
        ...
        assert s3.objects == {} and s3.uploads == {}
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, NoReturn, Self

from tests.fakes.s3_wire import OPERATIONS, Answer, Operation, Request, error, parse_head, xml

Kind = Literal[
    "hang", "stall", "reset", "cut", "status", "error_in_200", "garbage", "hang_after", "reset_after", "slow"
]

_LONG_AGO = "2020-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Fault:
    """``hang``: the request is read and nothing answered. ``stall``, ``reset``: after so many bytes of the body (the
    request's where it has one, else the answer's) nothing more, or a TCP reset. ``cut``: the answer's body ends
    after so many bytes, properly closed, short of its Content-Length. ``status``: that status with an S3 error.
    ``error_in_200``: an S3 error with status 200. ``garbage``: status 200, and nothing that S3 would say.
    ``hang_after``, ``reset_after``: it is done, and the answer does not come. ``slow``: everything, after ``seconds``.
    """

    kind: Kind
    after_bytes: int = 0
    status: int = 500
    code: str = "InternalError"
    seconds: float = 0.0


class _ConnectionEnds(Exception):  # noqa: N818 - on purpose, no error
    pass


class LoopbackS3:
    """``objects`` by key, ``uploads`` (unfinished multipart ones) by id; ``asked`` counts the operations.

    ``encryption_refusal``: status and code for whoever asks for encryption at rest, as servers without it answer.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.asked: Counter[str] = Counter()
        self.encryption_refusal: tuple[int, str] | None = None
        self._faults: dict[Operation, tuple[Fault, int | None]] = {}
        self._numbers = count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback-s3", daemon=True)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[Any] | None] = set()  # a task that waits for ever is kept by nobody else
        self._place: socket.socket | None = None  # keeps the port while nobody listens on it
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def fault(self, operation: Operation, fault: Fault, *, times: int | None = None) -> None:
        """From here on ``operation`` fails so; with ``times`` only so often."""
        assert operation in OPERATIONS.values()
        self._faults[operation] = (fault, times)

    def behave(self) -> None:
        """From here on nothing fails."""
        self._faults.clear()
        self.encryption_refusal = None

    def forget(self) -> None:
        """As new: nothing stored, nothing asked, nothing fails."""
        self.behave()
        self.objects.clear()
        self.uploads.clear()
        self.asked.clear()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Meanwhile nobody listens, and whoever was connected no longer is."""
        self._run(self._stop_listening())
        yield
        self._listen()

    def __enter__(self) -> Self:
        self._thread.start()
        self._place = self._bind()
        self._port = self._place.getsockname()[1]
        self._listen()
        return self

    def _bind(self) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self._port))
        return bound

    def _listen(self) -> None:
        listening = self._bind()
        # A small window: a body that is not read must hold its sender up, not vanish into the kernel's buffers.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._server = self._run(asyncio.start_server(self._serve, sock=listening))

    def __exit__(self, *_: object) -> None:
        self._run(self._stop_listening())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._place is not None:
            self._place.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _stop_listening(self) -> None:
        assert self._server is not None
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._serving.add(task)
        ends = (_ConnectionEnds, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        try:
            with contextlib.suppress(*ends):
                while True:
                    await self._answer_one(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = parse_head((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        self.asked[request.operation] += 1
        fault = self._fault_of(request.operation)
        kind = fault.kind if fault else None
        if fault and request.length and kind in {"stall", "reset"}:
            await reader.readexactly(min(fault.after_bytes, request.length))
            await _break(writer, reset=kind == "reset")
        request.body = await reader.readexactly(request.length)
        if kind == "hang":
            await _break(writer, reset=False)
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        if self.encryption_refusal and "x-amz-server-side-encryption" in request.headers:
            answer = error(*self.encryption_refusal)
        elif fault and kind in {"status", "error_in_200"}:
            answer = error(fault.status if kind == "status" else 200, fault.code)
        else:
            answer = getattr(self, f"_{request.operation}")(request)
        if kind == "garbage":
            answer = Answer(body=b"<html><br>welcome to the proxy")
        if kind in {"hang_after", "reset_after"}:
            await _break(writer, reset=kind == "reset_after")
        if request.operation.startswith("head_"):
            answer = replace(answer, body=b"", length=answer.length or len(answer.body))
        await _send(writer, answer, fault)

    def _fault_of(self, operation: Operation) -> Fault | None:
        fault, left = self._faults.get(operation, (None, None))
        if fault is None or left == 0:
            return None
        self._faults[operation] = (fault, None if left is None else left - 1)
        return fault

    # --- what S3 does ---

    def _head_bucket(self, _: Request) -> Answer:
        return Answer()

    def _list_objects(self, request: Request) -> Answer:
        entries = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(body)}</Size><LastModified>{_LONG_AGO}</LastModified></Contents>"
            for key, body in sorted(self.objects.items())
            if key.startswith(request.query.get("prefix", ""))
        )
        return xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>")

    def _list_uploads(self, _: Request) -> Answer:
        entries = "".join(
            f"<Upload><Key>{name.partition('~')[2]}</Key><UploadId>{name}</UploadId>"
            f"<Initiated>{_LONG_AGO}</Initiated></Upload>"
            for name in self.uploads
        )
        return xml(
            f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{entries}</ListMultipartUploadsResult>"
        )

    def _head_object(self, request: Request) -> Answer:
        body = self.objects.get(request.key)
        return Answer(404) if body is None else Answer(length=len(body), headers={"ETag": '"e"'})

    def _get_object(self, request: Request) -> Answer:
        body = self.objects.get(request.key)
        if body is None:
            return error(404, "NoSuchKey")
        if "range" not in request.headers:
            return Answer(body=body)
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        start, end = int(first), min(len(body), int(last or len(body)) + 1)
        if start >= len(body):
            return error(416, "InvalidRange")
        return Answer(206, body[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"})

    def _put_object(self, request: Request) -> Answer:
        self.objects[request.key] = request.body
        return Answer(headers={"ETag": '"e"'})

    def _delete_object(self, request: Request) -> Answer:
        self.objects.pop(request.key, None)
        return Answer(204)

    def _create_upload(self, request: Request) -> Answer:
        name = f"{next(self._numbers)}~{request.key}"
        self.uploads[name] = {}
        return xml(f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>")

    def _upload_part(self, request: Request) -> Answer:
        if request.query["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        self.uploads[request.query["uploadId"]][int(request.query["partNumber"])] = request.body
        return Answer(headers={"ETag": '"e"'})

    def _complete_upload(self, request: Request) -> Answer:
        parts = self.uploads.pop(request.query["uploadId"], None)
        if parts is None:
            return error(404, "NoSuchUpload")
        self.objects[request.key] = b"".join(body for _, body in sorted(parts.items()))
        return xml('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')

    def _abort_upload(self, request: Request) -> Answer:
        found = self.uploads.pop(request.query["uploadId"], None)
        return error(404, "NoSuchUpload") if found is None else Answer(204)


async def _send(writer: asyncio.StreamWriter, answer: Answer, fault: Fault | None) -> None:
    length = len(answer.body) if answer.length is None else answer.length
    lines = [f"HTTP/1.1 {answer.status} Loopback", *(f"{name}: {value}" for name, value in answer.headers.items())]
    writer.write("\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1"))
    broken = fault is not None and fault.kind in {"stall", "reset", "cut"}
    writer.write(answer.body[: fault.after_bytes] if fault and broken else answer.body)
    await writer.drain()
    if fault and fault.kind == "cut":
        raise _ConnectionEnds
    if fault and broken:
        await asyncio.sleep(0.05)  # what was sent must arrive before the reset does
        await _break(writer, reset=fault.kind == "reset")


async def _break(writer: asyncio.StreamWriter, *, reset: bool) -> NoReturn:
    if reset:
        linger = struct.pack("ii", 1, 0)  # close with a reset, whatever is still to be sent
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        raise _ConnectionEnds
    await asyncio.Event().wait()
    raise AssertionError
