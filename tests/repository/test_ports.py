"""A port that a test's server will listen on is nobody else's meanwhile."""

import gc
import socket
from contextlib import closing

import pytest

from tests.support.ports import held_port


class Owner:
    pass


def test_a_held_port_is_taken_for_everybody_and_free_for_a_server() -> None:
    owner = Owner()
    address = ("127.0.0.1", held_port(owner))

    with closing(socket.socket()) as other, pytest.raises(OSError, match="in use"):
        other.bind(address)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=20)
    with closing(socket.socket()) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen()
        socket.create_connection(address, timeout=20).close()


def test_it_is_given_back_with_its_owner() -> None:
    owner = Owner()
    address = ("127.0.0.1", held_port(owner))
    del owner
    gc.collect()

    with closing(socket.socket()) as other:
        other.bind(address)
