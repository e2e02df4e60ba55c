"""`python -m adiuva.server.serve`: the server, one process or `WEB_CONCURRENCY` of them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from adiuva.server import collector

MAX_FRAME_BYTES = 1024 * 1024  # docs/api.md § 5: a larger WebSocket frame closes with 1009


def server_config() -> uvicorn.Config:
    """Sans-I/O websockets without compression keep an idle socket near 25 KB (`make bench` measures it)."""
    from django.conf import settings

    from adiuva.server.protocol import HttpProtocol, WebSocketProtocol

    return uvicorn.Config(
        "adiuva.asgi:application",
        host=settings.SERVE_HOST,
        port=settings.SERVE_PORT,
        workers=settings.SERVE_PROCESSES,
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        lifespan="on",
        log_config=None,  # settings.LOGGING has done it
        access_log=False,  # adiuva.access writes the line, without query strings
        server_header=False,
        proxy_headers=bool(settings.FORWARDED_ALLOW_IPS),
        forwarded_allow_ips=settings.FORWARDED_ALLOW_IPS or None,
        timeout_keep_alive=75,
    )


@contextmanager
def _folder_for_metrics() -> Iterator[None]:
    """The workers, which inherit its name, count into files of it, so that any of them can answer for all."""
    from django.conf import settings

    from adiuva.observability.metrics import SHARED_FOLDER

    if not settings.METRICS_TOKEN:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="adiuva-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[SHARED_FOLDER] = folder
        yield


def main() -> None:
    collector.watch()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")
    import django

    django.setup()
    from adiuva.server import workers
    from adiuva.server.graceful import DrainingServer

    config = server_config()
    if config.workers > 1:
        with _folder_for_metrics():
            status = workers.serve(config)
        sys.exit(status)
    DrainingServer(config).run()


if __name__ == "__main__":
    main()
