"""The rows about records: rates of a large one beside what this machine could do at most, CPU of small ones beside the
cheapest request that asks who somebody is.
"""

import hashlib
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.bench.environment import Member, Stage
from tests.bench.measurement import ROUNDS, WARM_UP, Client, accounts_for, in_turns, rate
from tests.bench.report import Goal, Row
from tests.fakes.s3_sink import S3Sink
from tests.support.server import RunningServer
from tests.support.transfer import BLOCK, MIB, RECORDS, Body, download, measured_growth, upload

LARGE_MIB = 1024
LARGE = LARGE_MIB * MIB
GOALS_MIB = {"files": 16, "S3": 64}
LIMIT = {"MAX_RECORD_BYTES": str(LARGE)}

SMALL = BLOCK[: 4 * 1024]
SMALL_HEADERS = {"Content-Type": "application/octet-stream", "X-Checksum": hashlib.sha256(SMALL).hexdigest()}
SMALL_REQUESTS = 60  # a round
THIRD = accounts_for(SMALL_REQUESTS * ROUNDS + WARM_UP)
ACCOUNTS = 3 * THIRD


def rows(stage: Stage) -> Iterator[Row]:
    members = stage.accounts(1 + ACCOUNTS)
    body = Body.make(stage.folder / "body", mib=LARGE_MIB)
    limits = {
        "SHA-256": rate(_hash, size=LARGE),
        "write + fsync": rate(lambda: _write_and_sync(stage.folder / "raw"), size=LARGE),
        "loopback": rate(lambda: _through_loopback(body), size=LARGE),
    }
    server = stage.ours(**LIMIT)
    yield from _small(server, members[1:])
    yield from _large("files", server, members[0].token, body, limits)
    server.stop()
    with S3Sink() as sink:
        server = stage.ours(**LIMIT, **sink.environment)
        yield from _large("S3", server, members[0].token, body, limits)
        server.stop()


def _large(store: str, server: RunningServer, token: str, body: Body, limits: dict[str, float]) -> Iterator[Row]:
    record = _LargeRecord(server, token, body)
    small = Client(server, [token])
    small.ask("POST", f"{RECORDS}?table_name=small", SMALL, SMALL_HEADERS)  # loads what speaks to the store
    with measured_growth(server.pid) as up:
        record.put()
    with measured_growth(server.pid) as down:
        record.get()
    put, get = rate(record.put, size=LARGE), rate(record.get, size=LARGE)
    yield Row(f"PUT 1 GiB on {store}", "MB/s", put, limits["SHA-256"], "SHA-256 alone", Goal(least_ratio=0.2))
    if store == "files":
        yield Row("PUT 1 GiB on files", "MB/s", put, limits["write + fsync"], "writing the file alone, with fsync")
    yield Row(f"GET 1 GiB on {store}", "MB/s", get, limits["loopback"], "loopback alone")
    bound = Goal(most=GOALS_MIB[store])
    yield Row(f"memory for PUT 1 GiB on {store}", "MiB", up.mib, goal=bound)
    yield Row(f"memory for GET 1 GiB on {store}", "MiB", down.mib, goal=bound)


class _LargeRecord:
    """One account's, put anew each time."""

    def __init__(self, server: RunningServer, token: str, body: Body) -> None:
        self._server, self._token, self._body = server, token, body
        self._id = ""

    def put(self) -> None:
        before = self._id
        answer = upload(self._server, self._token, self._body)
        assert answer.status == 201, answer
        self._id = answer.json["id"]
        if before:
            self._delete(before)

    def get(self) -> None:
        download(self._server, self._token, self._id, checked=False)

    def _delete(self, record: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        connection.request("DELETE", f"{RECORDS}/{record}", headers={"Authorization": f"Bearer {self._token}"})
        assert connection.getresponse().status == 204
        connection.close()


def _small(server: RunningServer, members: list[Member]) -> Iterator[Row]:
    tokens = [member.token for member in members]
    put, get, me = (Client(server, part) for part in (tokens[:THIRD], tokens[THIRD : 2 * THIRD], tokens[2 * THIRD :]))
    ids: dict[str, str] = {}  # by token: a record is its account's alone

    def create(client: Client) -> str:
        created: dict[str, str] = json.loads(client.ask("POST", f"{RECORDS}?table_name=small", SMALL, SMALL_HEADERS))
        return created["id"]

    def fetch() -> None:
        if get.token not in ids:
            ids[get.token] = create(get)
        else:
            get.ask("GET", f"{RECORDS}/{ids[get.token]}")

    pid = server.pid
    sides = (pid, lambda: create(put)), (pid, fetch), (pid, lambda: me.ask("GET", "/api/v1/auth/me"))
    created, fetched, base = in_turns(*sides, requests=SMALL_REQUESTS)
    yield Row("POST a record of 4 KiB, SQLite", "CPU ms", created, base, "GET /auth/me")
    yield Row("GET a record of 4 KiB, SQLite", "CPU ms", fetched, base, "GET /auth/me")


def _hash() -> None:
    digest = hashlib.sha256()
    for _ in range(LARGE_MIB):
        digest.update(BLOCK)


def _write_and_sync(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in range(LARGE_MIB):
            file.write(BLOCK)
        os.fsync(file.fileno())
    path.unlink()


def _through_loopback(body: Body) -> None:
    """A sender and a receiver that do nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sending = threading.Thread(target=_send, args=(listener.getsockname(), body))
        sending.start()
        receiver, _ = listener.accept()
        buffer = bytearray(MIB)
        with receiver:
            while receiver.recv_into(buffer):
                pass
        sending.join()


def _send(address: tuple[str, int], body: Body) -> None:
    with socket.create_connection(address) as sender, body.path.open("rb") as file:
        sender.sendfile(file)
