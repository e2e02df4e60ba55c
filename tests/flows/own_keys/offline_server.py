"""The server on a machine that finds no other one: no name leads anywhere, so that a vendor's address is asked for and
never reached. As `python -m tests.flows.own_keys.offline_server`.
"""

import socket
from ipaddress import ip_address
from typing import Any

from tests.support import short_minute

_find = socket.getaddrinfo


def _find_this_machine(host: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        ip_address(host or "127.0.0.1")
    except ValueError:
        if host != "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "no such name here") from None
    return _find(host, *args, **kwargs)


if __name__ == "__main__":
    socket.getaddrinfo = _find_this_machine
    short_minute.main()
