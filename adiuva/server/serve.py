"""`python -m adiuva.server.serve`: the server, one process or `WEB_CONCURRENCY` of them.

uvicorn closes WebSockets the moment SIGTERM comes. Ours first lets running chat turns end (``adiuva.server.drain``),
for as long as ``GRACE_SECONDS`` in all, while no new connection is taken.
"""

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.supervisors import multiprocess

GRACE_SECONDS = 30
LAST_CALL_SECONDS = 7  # of these: to say that an upload was cut short, with the linger after that (body_limits)
MAX_FRAME_BYTES = 1024 * 1024  # docs/api.md § 5: a larger WebSocket frame closes with 1009


class DrainingServer(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from adiuva.server.drain import drain

        deadline = time.monotonic() + GRACE_SECONDS
        for server in self.servers:
            server.close()
        drain.begin()
        last_call = asyncio.get_running_loop().call_later(GRACE_SECONDS - LAST_CALL_SECONDS, drain.last_call)
        await drain.wait(seconds=GRACE_SECONDS)
        self.config.timeout_graceful_shutdown = max(1, round(deadline - time.monotonic()))
        await super().shutdown(sockets)
        last_call.cancel()


class _Worker(multiprocess.Process):
    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = DrainingServer(config=self.config)
        return self._server


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
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")
    import django

    django.setup()
    config = server_config()
    if config.workers > 1:
        # The supervisor names its worker class in four places and offers no hook for another.
        multiprocess.Process = _Worker  # type: ignore[misc]
        with _folder_for_metrics():
            multiprocess.Multiprocess(config, sockets=[config.bind_socket()]).run()
    else:
        DrainingServer(config).run()


if __name__ == "__main__":
    main()
