"""Files of a folder on loopback, as a static host serves them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


class _Silent(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".js": "text/javascript"}

    def log_message(self, *_: Any) -> None:
        """Nothing: a test looks at the page."""


@contextmanager
def serve_pages(folder: Path) -> Iterator[int]:
    """The port at which they are."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder))) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        yield listener.server_port
        listener.shutdown()
