"""Snapshots over a socket, byte by byte, and a look at the server's process and folders meanwhile."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from tests.adiuva.members import Member, join
from tests.backups.snapshots import UNFINISHED, label
from tests.support.raw_http import RawAnswer, connect, exchange, head
from tests.support.server import RunningServer

BACKUP = "/api/v1/backup"
MIB = 1024 * 1024
SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody with snapshots on ``server``."""

    server: RunningServer
    member: Member
    user_id: UUID

    @classmethod
    def join(cls, server: RunningServer) -> "Owner":
        """Of the free tier: without any quota."""
        member = join(server)
        me = exchange(server, head("GET /api/v1/auth/me", member.bearer)).json
        return cls(server, member, UUID(me["id"]))

    def on(self, server: RunningServer) -> "Owner":
        """The same one, speaking to another server of the same database."""
        return replace(self, server=server)

    def upload_head(self, body: bytes, *more: str, size: int | None = None) -> bytes:
        """``size``: the Content-Length if it is not the body's."""
        sent = [f"{name}: {value}" for name, value in label(body).items()]
        is_chunked = any(line.startswith("Transfer-Encoding") for line in more)
        framing = [] if is_chunked else [f"Content-Length: {size or len(body)}"]
        return head(f"PUT {BACKUP}", self.member.bearer, *sent, *framing, *more)

    def upload(self, body: bytes, *more: str) -> RawAnswer:
        return exchange(self.server, self.upload_head(body, *more) + body)

    def ask(self, line: str, *more: str) -> RawAnswer:
        return exchange(self.server, head(line, self.member.bearer, *more), method=line.split(maxsplit=1)[0])

    @property
    def blobs(self) -> dict[str, bytes]:
        folder = blob_folder(self.server) / str(self.user_id) / "_backup"
        return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}

    @property
    def used(self) -> int:
        used: int = self.ask("GET /api/v1/storage/quota").json["backup"]["used_bytes"]
        return used


def blob_folder(server: RunningServer) -> Path:
    return Path(server.env["DATA_DIR"]) / "blobs"


def list_unfinished(server: RunningServer) -> list[Path]:
    """Uploads that have begun to be written."""
    area = blob_folder(server) / UNFINISHED
    return list(area.iterdir()) if area.exists() else []


def open_blobs(server: RunningServer) -> int:
    """How many of the server's descriptors are files of the blob folder, removed ones included."""
    count = 0
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        try:
            count += str(link.readlink()).startswith(str(blob_folder(server)))
        except FileNotFoundError:
            continue  # closed while we looked
    return count


def written_bytes(server: RunningServer) -> int:
    """What the server has written to files (and pipes) since it began."""
    lines = Path(f"/proc/{server.pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in bounded time."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def reset(connection: socket.socket) -> None:
    """Ends a connection as a crash does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def connections(server: RunningServer, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(server)) for _ in range(count)]
