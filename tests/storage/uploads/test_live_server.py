"""Parts over real sockets: cut off, beside each other, and with a server that restarts."""

import hashlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.storage.records.live_users import LiveUser, make_live_users
from tests.storage.uploads.tus import PART, VERSION, encode_metadata, record_fields
from tests.support.raw_http import connect, head, read_answer
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

MIB = 1024 * 1024
CONTENT = random.Random(9).randbytes(3 * MIB)  # noqa: S311 - no secret
SECONDS = 60.0


@pytest.fixture(scope="module")
def user(server: RunningServer) -> LiveUser:
    return make_live_users(server, ("team", None))[0]


@pytest.fixture
def http(user: LiveUser) -> Iterator[httpx.Client]:
    headers = VERSION | {"Authorization": f"Bearer {user.token}"}
    with httpx.Client(base_url=user.server.url, headers=headers, trust_env=False, timeout=SECONDS) as client:
        yield client


def begin(http: httpx.Client, content: bytes = CONTENT) -> str:
    asked = {"Upload-Length": str(len(content)), "Upload-Metadata": encode_metadata(record_fields(content))}
    answer = http.post("/api/v1/storage/uploads", headers=asked)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def part_head(user: LiveUser, path: str, *, offset: int, size: int) -> bytes:
    return head(
        f"PATCH {path}",
        user.bearer,
        "Tus-Resumable: 1.0.0",
        f"Content-Type: {PART}",
        f"Content-Length: {size}",
        f"Upload-Offset: {offset}",
    )


def await_offset(http: httpx.Client, path: str, holds: Callable[[int], bool]) -> int:
    deadline = time.monotonic() + SECONDS
    while not holds(offset := int(http.head(path).headers["Upload-Offset"])):
        assert time.monotonic() < deadline, offset
        time.sleep(0.05)
    return offset


def await_file(user: LiveUser, size: int) -> None:
    """Until so much has been written of the only upload that there is."""
    deadline = time.monotonic() + SECONDS
    while sum(file.stat().st_size for file in user.unfinished) < size:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def send_rest(http: httpx.Client, path: str, offset: int) -> httpx.Response:
    headers = {"Upload-Offset": str(offset), "Content-Type": PART}
    return http.patch(path, headers=headers, content=CONTENT[offset:])


def assert_whole(http: httpx.Client, answer: httpx.Response) -> None:
    assert answer.status_code == 204, answer.text
    stored = http.get(answer.headers["Content-Location"]).content
    assert hashlib.sha256(stored).digest() == hashlib.sha256(CONTENT).digest()


def test_what_has_arrived_of_a_part_that_is_cut_off_stays(http: httpx.Client, user: LiveUser) -> None:
    path = begin(http)
    with connect(user.server) as connection:
        connection.sendall(part_head(user, path, offset=0, size=len(CONTENT)) + CONTENT[: 2 * MIB])
    offset = await_offset(http, path, lambda offset: offset > 0)
    assert offset == 2 * MIB
    assert_whole(http, send_rest(http, path, offset))


def test_of_two_parts_at_once_one_goes_on(http: httpx.Client, user: LiveUser) -> None:
    path = begin(http)
    with connect(user.server) as connection:
        connection.sendall(part_head(user, path, offset=0, size=len(CONTENT)) + CONTENT[:MIB])
        await_file(user, MIB)
        assert send_rest(http, path, 0).status_code == 409
        connection.sendall(CONTENT[MIB:])
        assert read_answer(connection, method="PATCH").status == 204
    assert int(http.head(path).headers["Upload-Offset"]) == len(CONTENT)


def test_a_restart_of_the_server_keeps_what_has_arrived(
    server_factory: Callable[..., RunningServer], tmp_path: Path
) -> None:
    server = server_factory(DATA_DIR=str(tmp_path / "data"))
    (user,) = make_live_users(server, ("team", None))
    headers = VERSION | {"Authorization": f"Bearer {user.token}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=SECONDS) as http:
        path = begin(http)
        with connect(server) as connection:
            connection.sendall(part_head(user, path, offset=0, size=len(CONTENT)) + CONTENT[: 2 * MIB])
            await_file(user, 2 * MIB)
            server.stop(signal.SIGTERM)
        server.start()
        offset = await_offset(http, path, lambda _offset: True)
        assert offset == 2 * MIB
        assert_whole(http, send_rest(http, path, offset))
