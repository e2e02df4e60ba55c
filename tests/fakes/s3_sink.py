"""An S3 that keeps sizes instead of bytes, in a process of its own: to measure a server and not its store.

What it gives back is ``BLOCK`` again and again.
"""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.support.transfer import BLOCK, MIB

PROJECT_DIR = Path(__file__).resolve().parents[2]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sizes: dict[str, int] = {}
    uploads: dict[str, dict[str, int]] = {}  # sizes by the part's number: parts come in parallel, and perhaps twice

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_PUT(self) -> None:
        left = size = int(self.headers["Content-Length"])
        buffer = memoryview(bytearray(MIB))
        while left:
            count = self.rfile.readinto(buffer[: min(left, MIB)])
            if not count:
                return
            left -= count
        path, query = self._target()
        if "uploadId" in query:
            self.uploads.setdefault(path, {})[query["partNumber"][0]] = size
        else:
            self.sizes[path] = size
        self._answer(200, ETag='"sink"')

    def do_POST(self) -> None:
        path, query = self._target()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "uploads" in query:
            xml = "<InitiateMultipartUploadResult><UploadId>sink</UploadId></InitiateMultipartUploadResult>"
        else:
            self.sizes[path] = sum(self.uploads.pop(path).values())
            xml = "<CompleteMultipartUploadResult><ETag>sink</ETag></CompleteMultipartUploadResult>"
        self._answer(200, xml.encode())

    def do_GET(self) -> None:
        path, _ = self._target()
        size = self.sizes.get(path)
        if size is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.send_header("ETag", '"sink"')
        self.end_headers()
        for _ in range(size // MIB):
            self.wfile.write(BLOCK)
        self.wfile.write(BLOCK[: size % MIB])

    def do_HEAD(self) -> None:
        path, _ = self._target()
        self._answer(200 if path in self.sizes or path.count("/") == 1 else 404)

    def do_DELETE(self) -> None:
        self.sizes.pop(self._target()[0], None)
        self._answer(204)

    def _target(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return parts.path, parse_qs(parts.query, keep_blank_values=True)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class S3Sink:
    """``environment``: what a server needs to store there."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.fakes.s3_sink"]
        self._process = subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        started = re.fullmatch(r"port (\d+)\n", self._process.stdout.readline())
        assert started is not None
        self.environment = {
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{started[1]}",
            "S3_BUCKET": "sink",
            "AWS_ACCESS_KEY_ID": "sink",
            "AWS_SECRET_ACCESS_KEY": "sink-secret",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    sys.stdout.write(f"port {server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    os.nice(1)
    main()
