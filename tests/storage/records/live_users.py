"""Users on a real server, and their requests over real sockets."""

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import httpx

from storage.checksums import checksum_of
from tests.storage.records.devices import STREAM, files
from tests.support.raw_http import connect, head
from tests.support.server import RunningServer

Result = TypeVar("Result")
MIB = 1024 * 1024
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a client of its own would load every root certificate

# Runs in the server's own surroundings: its database, its secret.
_MAKE = """
import json
from django.conf import settings
settings.PASSWORD_HASHERS = ["tests.support.hashers.CheapBCrypt"]
from storage.models import StorageUsage
from tests.support.accounts import make_account
made = []
for tier, limit in {wanted!r}:
    account = make_account(tier=tier)
    if limit is not None:
        StorageUsage.objects.create(user=account.user, storage_limit_bytes=limit)
    made.append([str(account.user.id), account.access_token])
print("made:" + json.dumps(made))
"""


@dataclass(frozen=True, slots=True)
class LiveUser:
    server: RunningServer
    user_id: str
    token: str

    @property
    def bearer(self) -> str:
        return f"Authorization: Bearer {self.token}"

    @property
    def blobs(self) -> Path:
        """The folder of this user's blobs."""
        return Path(self.server.env["DATA_DIR"]) / "blobs" / self.user_id

    @property
    def unfinished(self) -> list[Path]:
        return files(Path(self.server.env["DATA_DIR"]) / "blobs" / ".unfinished")

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {self.token}"}
        base_url = f"{self.server.url}/api/v1/storage/"
        with httpx.Client(base_url=base_url, headers=headers, timeout=60, verify=_NO_TLS) as client:
            yield client

    def get(self, path: str) -> Any:
        with self.client() as client:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def used_bytes(self) -> int:
        used: int = self.get("quota")["storage"]["used_bytes"]
        return used


def post(client: httpx.Client, data: bytes, *, record_id: str | None = None) -> httpx.Response:
    query = {"table_name": "notes"} | ({"id": record_id} if record_id else {})
    headers = {"Content-Type": STREAM, "X-Checksum": checksum_of(data)}
    return client.post("records", params=query, content=data, headers=headers)


def put(client: httpx.Client, record_id: str, data: bytes, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"Content-Type": STREAM, "X-Checksum": checksum_of(data)}
    return client.put(f"records/{record_id}", content=data, headers=sent)


def make_live_users(server: RunningServer, *wanted: tuple[str, int | None]) -> list[LiveUser]:
    """One for each ``(tier, limit in bytes)``; without a limit the tier's holds."""
    (line,) = [
        line
        for line in server.manage("shell", "--no-imports", "-c", _MAKE.format(wanted=wanted)).splitlines()
        if line.startswith("made:")
    ]
    return [LiveUser(server, user_id, token) for user_id, token in json.loads(line.removeprefix("made:"))]


def run_at_once(*jobs: Callable[[], Result]) -> list[Result]:
    """What each job returned, in their order. They begin together."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Result]) -> Result:
        start.wait(timeout=60)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


# --- requests by the byte ---


def upload_head(
    user: LiveUser | None, *headers: str, line: str = "POST /api/v1/storage/records?table_name=notes"
) -> bytes:
    own = [] if user is None else [user.bearer]
    return head(line, *own, *headers)


@contextmanager
def begin_upload(server: RunningServer, data: bytes) -> Iterator[socket.socket]:
    """A connection on which ``data`` has been sent."""
    with connect(server) as connection:
        connection.sendall(data)
        yield connection


def send_what_is_taken(connection: socket.socket, data: bytes) -> None:
    """A server that has refused may close while we still write."""
    try:
        connection.sendall(data)
    except OSError:
        return


def bytes_written(server: RunningServer) -> int:
    """By the server to files so far (``wchar`` of proc(5)); its answers and its log are among them."""
    lines = Path(f"/proc/{server.pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def nameless_files(pid: int) -> list[str]:
    """Open files of the process that have no name (any more): spools."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # closed meanwhile
        if target.endswith("(deleted)") and not target.startswith("/memfd:"):
            found.append(target)
    return found
