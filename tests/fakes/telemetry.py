"""What listens where Sentry and an OpenTelemetry collector would: envelopes and OTLP over HTTP, kept as they came."""

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Telemetry:
    """``raw`` is every body, unpacked; ``headers`` those of OTLP's requests."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.events: list[dict[str, Any]] = []
        self.spans: list[Span] = []
        self.headers: list[dict[str, str]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                fake.raw.append(body)
                if self.path.endswith("/envelope/"):
                    fake.events += list(_events(body))
                else:
                    fake.headers.append({name.lower(): value for name, value in self.headers.items()})
                    fake.spans += list(_spans(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Nothing: the test reads what came."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.port}/1"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, wanted: Any, seconds: float = 30) -> None:
        """Until ``wanted(self)`` is true; fails with what came."""
        until = time.monotonic() + seconds
        while not wanted(self):
            assert time.monotonic() < until, (self.events, [span.name for span in self.spans])
            time.sleep(0.05)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Again is fine."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _events(envelope: bytes) -> list[dict[str, Any]]:
    """Items that are events (Sentry's "Envelopes"): a header's line, then for each item one and its payload's."""
    lines = envelope.split(b"\n")[1:]
    pairs = zip(lines[::2], lines[1::2], strict=False)
    return [json.loads(payload) for header, payload in pairs if header and json.loads(header)["type"] == "event"]


def _spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
