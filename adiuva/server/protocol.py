"""What uvicorn's protocols leave open: bounded heads, and problem documents for what never reaches Django.

httptools collects a request line, a header or a trailer for as long as a client sends one, and uvicorn answers what it
cannot parse with plain text.
"""

import asyncio
import fcntl
import json
import logging
import socket
import struct
import termios
from contextvars import copy_context
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Response
from websockets.protocol import State

from adiuva.api.errors import PROBLEM_CONTENT_TYPE, InternalError, PermissionDenied, Problem, ValidationFailed
from adiuva.observability import request_id
from adiuva.observability.metrics import HTTP_REQUESTS, OTHER
from adiuva.server.slow_clients import least_bytes

access_log = logging.getLogger("adiuva.access")

MAX_HEAD_BYTES = 64 * 1024  # request line and headers; also what may come without the request getting any further
HEAD_SECONDS = 30.0  # for a whole head, from the connection or from the head's first byte


def _refusal(message: str) -> Problem:
    return ValidationFailed({"non_field_errors": [message]})


def _last_answer(problem: Problem) -> tuple[dict[str, str], bytes]:
    """Headers and body of the answer after which the connection closes, with an id that its log line has too."""
    # Protocol callbacks share one context: the id must not stay behind in it.
    return copy_context().run(_document, problem)


def _document(problem: Problem) -> tuple[dict[str, str], bytes]:
    own_id = request_id.bind()
    access_log.info("refused unread %d", problem.status)
    HTTP_REQUESTS.labels(OTHER, "unread", f"{problem.status // 100}xx").inc()
    body = json.dumps(problem.as_dict(own_id)).encode()
    return {
        "content-type": PROBLEM_CONTENT_TYPE,
        "content-length": str(len(body)),
        "connection": "close",
        "x-content-type-options": "nosniff",
        "x-request-id": own_id,
    }, body


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1: a head over ``MAX_HEAD_BYTES`` is 400, one that takes longer than ``HEAD_SECONDS`` is hung up on,
    and so is a client that does not take its answer (``adiuva.server.slow_clients``): a download would hold a file for
    it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stalled_bytes = 0
        self._head_is_too_large = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._stalled_bytes += len(data)
        super().data_received(data)
        if self._stalled_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._head_is_too_large = True
            self.send_400_response("Too much before the request got any further.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        self._stop_head_timer()
        self._stalled_bytes = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            self._head_is_too_large = True
            raise ValueError  # httptools stops parsing, uvicorn calls send_400_response
        super().on_headers_complete()
        # RFC 9110 § 6.5.1: trailers, which uvicorn appends to the list it has, must not become headers.
        self.scope["headers"] = self.headers.copy()

    def on_body(self, body: bytes) -> None:
        self._stalled_bytes = 0
        if not (self.parser.should_upgrade() or self.cycle.response_complete or self.cycle.body):
            # uvicorn would append to an empty bytearray and hand out bytes of that: two copies of every upload.
            self.cycle.body = body  # type: ignore[assignment]
            body = b""
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stalled_bytes = 0
        super().on_message_complete()

    def _should_upgrade(self) -> bool:
        # RFC 6455 § 4.1: a handshake is a GET. With another method the WebSocket side would wait for ever.
        return self.scope.get("method") == "GET" and super()._should_upgrade()

    def send_400_response(self, msg: str) -> None:
        detail = (
            f"The request line and headers are over {MAX_HEAD_BYTES} bytes."
            if self._head_is_too_large
            else "This is not a valid HTTP request."
        )
        headers, body = _last_answer(_refusal(detail))
        own = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        default = [b"%s: %s\r\n" % header for header in self.server_state.default_headers]
        self.transport.write(b"".join([STATUS_LINE[400], *default, *own, b"\r\n", body]))
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def _watch_writing(self) -> None:
        seconds = settings.CLIENT_IDLE_SECONDS
        self._write_timer = self.loop.call_later(seconds, self._require_taken, self._untaken(), seconds)

    def _require_taken(self, before: int, seconds: float) -> None:
        if before - self._untaken() < max(1, least_bytes(seconds)):
            access_log.info("a client does not take its answer: hung up")
            self._forget_untaken()
            self.transport.abort()
        else:
            self._watch_writing()

    def _untaken(self) -> int:
        """Bytes that the client has not acknowledged: ours, and the kernel's, which takes more only in large pieces."""
        connection = self.transport.get_extra_info("socket")
        queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
        return self.transport.get_write_buffer_size() + int(struct.unpack("i", queued)[0])

    def _forget_untaken(self) -> None:
        """By a reset: the kernel would else keep megabytes for a client that is gone, and probe for minutes."""
        with socket.fromfd(self.transport.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A handshake that is refused without the application's words, or is none, gets a problem document.

    Text goes out as one frame that is written here: websockets' own way takes three times as long, for each token.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.reject = _reject  # type: ignore[method-assign]

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # RFC 6455 § 8.1. uvicorn closes with it, too, after a traceback in the log for anyone to cause.
                self.frames = []
                self.conn.send_close(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def shutdown(self) -> None:
        if self.conn.state in {State.CLOSING, State.CLOSED} and not self.close_sent:
            # The client has just said goodbye. uvicorn would send it another close, which websockets refuses to do, and
            # the server would end there and then, with every other connection.
            self.stop_keepalive()
            self.transport.close()
        else:
            super().shutdown()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.send" and (text := message.get("text")) is not None:
            if not self.writable.is_set():
                await self.writable.wait()  # a client that does not read holds whoever writes
            if self._is_open():
                self.transport.write(_text_frame(text))
                return
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # Else uvicorn takes a refusal in the application's own words for a forgotten handshake and logs an error.
            self.handshake_complete = True

    def _is_open(self) -> bool:
        """In every other state uvicorn knows what a message means; an extension would have to see the frame."""
        return (
            self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and self.conn.state is State.OPEN
            and not self.conn.extensions
            and not self.transport.is_closing()
        )


def _text_frame(text: str) -> bytes:
    """One final, unmasked frame (RFC 6455 § 5.2). Half a surrogate pair, which UTF-8 cannot say, becomes U+FFFD."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    size = len(data)
    if size < 126:  # noqa: PLR2004 - RFC 6455 § 5.2
        return bytes((0x81, size)) + data
    if size < 65_536:  # noqa: PLR2004 - as above
        return b"\x81\x7e" + size.to_bytes(2) + data
    return b"\x81\x7f" + size.to_bytes(8) + data


def _reject(status: int, text: str) -> Response:  # noqa: ARG001 - websockets' text; ours says no more than the problem
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        problem: Problem = InternalError()
    elif status == HTTPStatus.FORBIDDEN:
        problem = PermissionDenied("The WebSocket is refused.")
    else:
        problem = _refusal("This is not a valid WebSocket handshake.")
    headers, body = _last_answer(problem)
    date = ("date", formatdate(usegmt=True))
    return Response(problem.status, HTTPStatus(problem.status).phrase, Headers([date, *headers.items()]), body)
