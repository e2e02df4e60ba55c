"""Ports for servers that are started after their port is known."""

import socket
import weakref


def held_port(owner: object) -> int:
    """One that nobody else is given for as long as ``owner`` lives, whether its server runs or not.

    Between choosing a port and listening on it a server loads for seconds, in which the kernel would give it to the
    next who asks for any. A socket that is bound and does not listen prevents that; a server that sets SO_REUSEADDR, as
    uvicorn, PostgreSQL and Redis do, may listen beside it, and while none does a client is refused.
    """
    holder = socket.socket()
    weakref.finalize(owner, holder.close)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    return port
