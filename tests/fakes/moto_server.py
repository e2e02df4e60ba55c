"""moto's S3 behind real HTTP on loopback, and what it was asked."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str
    headers: dict[str, str]


class _QuietHandler(MotoRequestHandler):
    def log_request(self, *_: object, **__: object) -> None:
        """Nothing: what was asked is in ``asked``."""


class MotoServer:
    """``asked`` are the requests in the order of arrival, header names in lower case."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._note, threaded=True, request_handler=_QuietHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="moto-server", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _note(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        self.asked.append(Asked(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], headers))
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
