"""Clients that hold a connection as long as they can, on a real server with short limits: cut off, everything freed."""

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.adiuva.members import Member, join
from tests.support.raw_http import JSON, connect, exchange, head, read_answer
from tests.support.server import RunningServer

IDLE = "3"
MIN_RATE = 500  # bytes a second
RECORDS = "/api/v1/storage/records"
BODY = bytes(range(256)) * 4096 * 24  # 24 MiB: more than the kernel keeps for both ends of a connection
DRIP_SECONDS = 0.2


@pytest.fixture
def impatient(server_factory: Callable[..., RunningServer]) -> RunningServer:
    return server_factory(CLIENT_IDLE_SECONDS=IDLE, CLIENT_MIN_BYTES_PER_SECOND=str(MIN_RATE), LLM_PRELOAD="false")


@pytest.fixture
def owner(impatient: RunningServer) -> Member:
    member = join(impatient)
    impatient.manage("set_tier", member.email, "team")
    return member


@pytest.fixture
def record(impatient: RunningServer, owner: Member) -> Iterator[str]:
    checksum = hashlib.sha256(BODY).hexdigest()
    request = head(
        f"POST {RECORDS}?table_name=large",
        owner.bearer,
        "Content-Type: application/octet-stream",
        f"X-Checksum: {checksum}",
        f"Content-Length: {len(BODY)}",
    )
    answer = exchange(impatient, request + BODY)
    assert answer.status == 201, answer
    return answer.json["id"]


def open_blobs(server: RunningServer) -> int:
    count = 0
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            count += "/blobs/" in str(link.readlink())
    return count


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def begin_download(server: RunningServer, owner: Member, record: str) -> socket.socket:
    """A client with a small window that has sent its request and takes nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(head(f"GET {RECORDS}/{record}", owner.bearer))
    return connection


def is_reset(connection: socket.socket) -> bool:
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionResetError:
        return True
    return False


@pytest.mark.slow
def test_a_download_that_nobody_takes_is_cut_off_and_its_file_closed(
    impatient: RunningServer, owner: Member, record: str
) -> None:
    with begin_download(impatient, owner, record) as connection:
        wait_for(lambda: open_blobs(impatient) == 1)
        wait_for(lambda: open_blobs(impatient) == 0)
        assert is_reset(connection)
    assert "does not take its answer" in impatient.log_text()


@pytest.mark.slow
def test_a_download_that_is_taken_slowly_but_steadily_goes_on(
    impatient: RunningServer, owner: Member, record: str
) -> None:
    with begin_download(impatient, owner, record) as connection:
        taken = 0
        until = time.monotonic() + 5 * float(IDLE)
        while time.monotonic() < until:
            taken += len(connection.recv(4096))
            time.sleep(0.05)
        while part := connection.recv(1 << 20):
            taken += len(part)
            if taken > len(BODY):
                break
    assert taken > len(BODY)


@pytest.mark.slow
@pytest.mark.parametrize("interval", [None, DRIP_SECONDS], ids=["silent", "dripping"])
@pytest.mark.parametrize(
    ("line", "length"),
    [("POST /api/v1/auth/login", 20_000), (f"POST {RECORDS}?table_name=notes", 1 << 20)],
    ids=["read before its view", "read live"],
)
def test_a_body_that_hardly_comes_is_408(
    impatient: RunningServer, owner: Member, line: str, length: int, interval: float | None
) -> None:
    own = [owner.bearer, "X-Checksum: " + "0" * 64] if "storage" in line else []
    kind = "Content-Type: application/octet-stream" if own else JSON
    with connect(impatient) as connection:
        connection.sendall(head(line, *own, kind, f"Content-Length: {length}") + b"{")
        if interval is not None:
            connection.setblocking(False)
            deadline = time.monotonic() + 60
            while not _has_answer(connection):
                assert time.monotonic() < deadline
                connection.send(b"a")
                time.sleep(interval)
            connection.settimeout(60)
        answer = read_answer(connection)
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert answer.headers["Connection"] == "close"


def _has_answer(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


@pytest.mark.slow
def test_a_body_that_keeps_the_pace_is_read(impatient: RunningServer) -> None:
    body = b'{"email": "nobody@example.com", "password": "' + b"x" * 2 * MIN_RATE * (int(IDLE) + 2) + b'"}'
    with connect(impatient) as connection:
        connection.sendall(head("POST /api/v1/auth/login", JSON, f"Content-Length: {len(body)}"))
        begun, sent = time.monotonic(), 0
        while sent < len(body):  # longer than IDLE in all; twice the pace by the clock, however late a turn comes
            due = int(2 * MIN_RATE * (time.monotonic() - begun)) + 100
            connection.sendall(body[sent:due])
            sent = due
            time.sleep(DRIP_SECONDS)
        assert read_answer(connection).status in {400, 401}
