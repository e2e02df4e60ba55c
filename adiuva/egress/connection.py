"""The connections of ``adiuva.egress.http``: to the addresses that were looked at, within a time and a size."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import httpcore

from adiuva.egress.guard import AnswerTooLarge, Endpoint, HostUnreachable
from adiuva.egress.tls import client_context


def exchange(
    endpoint: Endpoint,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes,
    seconds: float,
    most_bytes: int,
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of the one answer. Raises ``HostUnreachable``."""
    backend = _Backend(endpoint, _Budget(time.monotonic() + seconds, most_bytes))
    given = {"Accept-Encoding": "identity", "Connection": "close", **headers}.items()
    try:
        with httpcore.ConnectionPool(
            ssl_context=client_context(), max_connections=1, max_keepalive_connections=0, network_backend=backend
        ) as pool:
            response = pool.request(method, url, headers=[*given], content=content)
    except HostUnreachable:
        raise
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError, ValueError) as error:
        raise HostUnreachable(type(error).__name__) from None
    return response.status, response.headers, response.content


@dataclass(slots=True)
class _Budget:
    """``end`` is in ``time.monotonic``'s time."""

    end: float
    room: int

    def seconds(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise HostUnreachable("the answer took too long")
        return left

    def take(self, data: bytes) -> bytes:
        self.room -= len(data)
        if self.room < 0:
            raise AnswerTooLarge("the answer is too large")
        return data


class _Backend(httpcore.NetworkBackend):
    """Connects to the endpoint's addresses, whatever it is asked for."""

    def __init__(self, endpoint: Endpoint, budget: _Budget) -> None:
        self._endpoint = endpoint
        self._budget = budget
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        for address, address_port in self._endpoint.addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                # Of several one may be dead: it must leave time for the others.
                return self._connect(address, address_port, self._budget.seconds() / 2)
        address, address_port = self._endpoint.addresses[-1]
        return self._connect(address, address_port, self._budget.seconds())

    def _connect(self, address: str, port: int, seconds: float) -> httpcore.NetworkStream:
        return _Stream(self._sockets.connect_tcp(address, port, timeout=seconds), self._budget)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, budget: _Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._budget.take(self._stream.read(max_bytes, self._budget.seconds()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._budget.seconds())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._budget.seconds()), self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
