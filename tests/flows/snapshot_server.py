"""A loopback Qdrant as backup.sh and restore.sh know one: collections that come and go as snapshots."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SnapshotServer:
    """``collections`` by name, each as the bytes of its snapshot. ``at_listing`` is called when they are listed."""

    def __init__(self) -> None:
        self.collections: dict[str, bytes] = {}
        self.refuses_uploads = False
        self.at_listing: Callable[[], object] = lambda: None
        self.url = ""

    def handle(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """``(status, result)``, which is bytes for a snapshot that is downloaded."""
        if (method, path) == ("GET", "/collections"):
            self.at_listing()
            return 200, {"collections": [{"name": name} for name in self.collections]}
        match = re.fullmatch(r"/collections/([^/]+)(/snapshots.*)?", path)
        assert match is not None, path
        name, rest = match[1], match[2]
        match method, rest:
            case "DELETE", None:
                del self.collections[name]
            case "GET", "/snapshots/one":
                return 200, self.collections[name]
            case "POST", "/snapshots/upload":
                if self.refuses_uploads:
                    return 500, None
                self.collections[name] = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        return 200, {"name": "one"}

    @contextmanager
    def running(self) -> Iterator["SnapshotServer"]:
        known = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, result = known.handle(self.command, self.path.partition("?")[0], body)
                data = result if isinstance(result, bytes) else json.dumps({"result": result}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                """Nothing: it is no test's output."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
