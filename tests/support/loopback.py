"""Tests talk to this machine only: a connection to anywhere else is an error, not a slow test."""

import ipaddress
import socket
from typing import Any, NoReturn

_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex


class LeftTheMachineError(RuntimeError):
    """Not an OSError: nothing may mistake it for a network that happens to be down."""


def _check(sock: socket.socket, address: Any) -> None:
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0]
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        _refuse(host)


def _refuse(host: str) -> NoReturn:
    raise LeftTheMachineError(f"a test tried to connect to {host}")


def _connect(self: socket.socket, address: Any) -> None:
    _check(self, address)
    _real_connect(self, address)


def _connect_ex(self: socket.socket, address: Any) -> int:
    _check(self, address)
    return _real_connect_ex(self, address)


def guard() -> None:
    """From here on, for the whole process."""
    socket.socket.connect = _connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = _connect_ex  # type: ignore[method-assign, assignment]
