"""What a large export costs the server, and that a client which goes away frees what it held."""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adiuva.members import Member, join
from tests.support.raw_http import connect, head, read_answer
from tests.support.server import PROJECT_DIR, RunningServer, clean_environment
from tests.support.transfer import measured_growth, wait_until_idle

pytestmark = pytest.mark.slow

TINY, SMALL, LARGE = 3_000, 600, 2
MIB = 1024 * 1024
BOUND_MIB = 16
EXPORT = "GET /api/v1/auth/export"

# {email}: rows and files of sealed records, without the routes: thousands of uploads would take minutes.
FILL = """
import hashlib, sys, uuid, django
django.setup()
from datetime import datetime, timezone
from django.conf import settings
from accounts.models import User
from storage.models import StorageRecord
user, now, rows = User.objects.get(email=sys.argv[1]), datetime.now(timezone.utc), []
folder = settings.BLOB_DIR / str(user.id) / "notes"
folder.mkdir(parents=True)
for size, count in ((100, int(sys.argv[2])), (128 * 1024, int(sys.argv[3])), (64 * 1024 * 1024, int(sys.argv[4]))):
    for number in range(count):
        data = b"%020d" % number + bytes(size - 20)
        record_id = uuid.uuid4()
        (folder / f"{record_id}.1").write_bytes(data)
        rows.append(StorageRecord(user=user, id=record_id, table_name="notes", s3_key=f"{user.id}/notes/{record_id}.1",
            checksum=hashlib.sha256(data).hexdigest(), size_bytes=size, revision=1, seq=len(rows) + 1, created_at=now,
            updated_at=now))
StorageRecord.objects.bulk_create(rows, batch_size=500)
"""


def fill(server: RunningServer, member: Member, *counts: int) -> None:
    environment = clean_environment() | server.env | {"DJANGO_SETTINGS_MODULE": "adiuva.settings"}
    arguments = [sys.executable, "-c", FILL, member.email, *map(str, counts)]
    subprocess.run(arguments, cwd=PROJECT_DIR, env=environment, check=True)


def save(server: RunningServer, member: Member, path: Path, *headers: str, most: int | None = None) -> str:
    """The answer's head; its body, or ``most`` bytes of it before the client goes away, is added to ``path``."""
    with connect(server) as connection, path.open("ab") as file:
        connection.sendall(head(EXPORT, member.bearer, *headers))
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            assert part, received
            received += part
        answer, _, body = received.partition(b"\r\n\r\n")
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 206 ")), received
        left = most if most is not None else int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        file.write(body[:left])
        left -= len(body)
        while left > 0 and (part := connection.recv(min(MIB, left))):
            file.write(part)
            left -= len(part)
        assert left <= 0, left
    return answer.decode()


def test_a_large_export_takes_little_memory(server_factory: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = server_factory()
    other, member = join(server), join(server)
    fill(server, other, 1, 1, 1)
    save(server, other, tmp_path / "first")  # loads what there is to load
    fill(server, member, TINY, SMALL, LARGE)
    wait_until_idle(server.pid)
    with measured_growth(server.pid) as growth:
        save(server, member, tmp_path / "export.zip")
    size = (tmp_path / "export.zip").stat().st_size
    assert size > 200 * MIB
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert len(json.loads(archive.read("records.json"))["items"]) == TINY + SMALL + LARGE
        assert archive.testzip() is None
    assert growth.mib <= BOUND_MIB
    server.stop()


def test_a_client_that_goes_away_frees_the_account_and_goes_on(server: RunningServer, tmp_path: Path) -> None:
    member, path = join(server), tmp_path / "export.zip"
    fill(server, member, 10, 4, 1)
    begun = save(server, member, path, most=40 * MIB)
    etag = next(line for line in begun.splitlines() if line.lower().startswith("etag")).partition(": ")[2]
    # At once: the server may not have noticed yet that nobody listens to the first answer.
    rest = save(server, member, path, f"Range: bytes={40 * MIB}-", f"If-Range: {etag}")
    assert " 206 " in rest
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 1 + 10 + 4 + 15


def test_one_that_was_left_is_over_soon(server: RunningServer, tmp_path: Path) -> None:
    member = join(server)
    fill(server, member, 0, 0, 1)
    save(server, member, tmp_path / "part", most=MIB)
    deadline = time.monotonic() + 120
    while True:
        with connect(server) as connection:
            connection.sendall(head(EXPORT, member.bearer))
            status = read_answer(connection).status
        if status == 200:
            break
        assert (status, time.monotonic() < deadline) == (409, True)
        time.sleep(0.5)
