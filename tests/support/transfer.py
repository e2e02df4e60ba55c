"""Large bodies to and from a real server, sent and received without getting in its way, and what they cost it."""

import hashlib
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.raw_http import RawAnswer, connect, head, read_answer
from tests.support.server import RunningServer

MIB = 1024 * 1024
BLOCK = bytes(range(256)) * (MIB // 256)
RECORDS = "/api/v1/storage/records"
PATIENCE_SECONDS = 300.0
IDLE_CPU_SECONDS = 0.02  # of each second


@dataclass(frozen=True, slots=True)
class Body:
    """``size`` bytes in a file: ``BLOCK`` again and again."""

    path: Path
    size: int
    checksum: str

    @classmethod
    def make(cls, path: Path, *, mib: int) -> "Body":
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for _ in range(mib):
                file.write(BLOCK)
                digest.update(BLOCK)
        return cls(path, mib * MIB, digest.hexdigest())


def upload(server: RunningServer, token: str, body: Body) -> RawAnswer:
    """As a new record. ``sendfile`` costs the sender nothing but the kernel's copy."""
    own = [f"Authorization: Bearer {token}", f"Content-Length: {body.size}", f"X-Checksum: {body.checksum}"]
    request = head(f"POST {RECORDS}?table_name=large", "Content-Type: application/octet-stream", *own)
    with connect(server) as connection, body.path.open("rb") as file:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(request)
        connection.sendfile(file)
        return read_answer(connection)


def download(server: RunningServer, token: str, record_id: str, *, checked: bool) -> str:
    """Its SHA-256 where ``checked``, else "": hashing takes a core from the server."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(MIB))
    with connect(server) as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(head(f"GET {RECORDS}/{record_id}", f"Authorization: Bearer {token}"))
        left = 0
        for part in _body(connection, buffer):
            left = part if isinstance(part, int) else left - len(part)
            if checked and not isinstance(part, int):
                digest.update(part)
    assert left == 0, left
    return digest.hexdigest() if checked else ""


def _body(connection: socket.socket, buffer: memoryview) -> Iterator[int | memoryview]:
    """Its size first, then its parts."""
    begun = b""
    while b"\r\n\r\n" not in begun:
        received = connection.recv(4096)
        assert received, begun
        begun += received
    headers, _, rest = begun.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 200 "), begun
    length = re.search(rb"(?i)content-length: (\d+)", headers)
    assert length is not None
    left = int(length[1])
    yield left
    if rest:
        yield memoryview(rest)
    left -= len(rest)
    while left and (count := connection.recv_into(buffer)):
        yield buffer[:count]
        left -= count


def cpu_seconds(pid: int) -> float:
    """All that the process has used, by all its threads: nanoseconds, where /proc/PID/stat has steps of 10 ms."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) gives, which Python lacks


def wait_until_idle(pid: int) -> None:
    """A server loads the LLM client beside its first requests: seconds of CPU, and 150 MB."""
    deadline = time.monotonic() + 120
    before = -1.0
    while (now := cpu_seconds(pid)) - before > IDLE_CPU_SECONDS:
        assert time.monotonic() < deadline
        before = now
        time.sleep(1)


class Growth:
    """``mib``: how much larger the process was at its largest than when the measurement began."""

    mib = 0.0


@contextmanager
def measured_growth(pid: int) -> Iterator[Growth]:
    """What is not the process's own (mapped files, shared memory) counts too: VmHWM knows no difference."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = _status_kib(pid, "VmRSS")
    growth = Growth()
    yield growth
    growth.mib = (_status_kib(pid, "VmHWM") - before) / 1024


def _status_kib(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
