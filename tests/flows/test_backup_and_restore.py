"""The day the machine is lost: a backup made while people write, an empty place, and everything is back."""

import base64
import hashlib
import io
import json
import os
import shutil
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.places import script
from tests.support.server import RunningServer, drop_database

pytestmark = pytest.mark.slow

PASSWORD = "a long sentence is best"
GRANT = """
from accounts.models import User
from billing.subscriptions import set_tier
from billing.tiers import Tier
for user in User.objects.all():
    set_tier(user=user, tier=Tier.TEAM)
"""
APPROVE = """
from accounts.models import User
from marketplace.models import PluginVersion
from marketplace.review.decisions import approve
boss = User.objects.create_superuser(email="boss@example.com", password="{password}")
approve(version=PluginVersion.objects.get(plugin_id="{slug}"), reviewer=boss)
"""
RECORDS = 30
DIMENSION = 8
NOBODY = 65534
# 200 requests a minute are the team tier's: however long a backup takes, what these two allow stays below.
BURST_WRITES = 120
PAUSE_SECONDS = 2.5  # after each three writes that follow


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Person:
    """What one user has on the server, as their devices know it."""

    email: str
    tokens: dict[str, Any]
    records: dict[str, bytes] = field(default_factory=dict)
    # By the path of each.
    versions: dict[str, bytes] = field(default_factory=dict)
    vectors: dict[str, bytes] = field(default_factory=dict)
    backups: dict[str, bytes] = field(default_factory=dict)

    def http(self, server: RunningServer) -> httpx.Client:
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return httpx.Client(base_url=f"{server.url}/api/v1/", headers=bearer, timeout=30)


def join(server: RunningServer) -> Person:
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    told = {"email": email, "password": PASSWORD}
    tokens = httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).json()
    return Person(email, tokens)


def seal(size: int = 2000) -> tuple[bytes, dict[str, str]]:
    blob = os.urandom(size)
    return blob, {"X-Checksum": checksum(blob), "Content-Type": "application/octet-stream"}


def put(http: httpx.Client, record_id: str | None = None) -> tuple[str, bytes]:
    blob, headers = seal()
    if record_id is None:
        answer = http.post("storage/records?table_name=notes", content=blob, headers=headers)
    else:
        answer = http.put(f"storage/records/{record_id}", content=blob, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["id"], blob


def direction(number: int) -> list[float]:
    return [1.0 if place == number % DIMENSION else 0.01 * number for place in range(DIMENSION)]


def fill(server: RunningServer, person: Person) -> None:
    with person.http(server) as http:
        for _ in range(RECORDS):
            record_id, blob = put(http)
            person.records[record_id] = blob
        for record_id in list(person.records)[:3]:
            person.versions[f"storage/records/{record_id}/versions/1"] = person.records[record_id]
            _, person.records[record_id] = put(http, record_id)
        gone = next(reversed(person.records))
        assert http.delete(f"storage/records/{gone}").status_code == 204
        person.versions[f"storage/records/{gone}/versions/1"] = person.records.pop(gone)
        for number in range(DIMENSION):
            vector_id, blob = str(uuid.uuid4()), os.urandom(40)
            item = {
                "id": vector_id,
                "blob": base64.b64encode(blob).decode(),
                "checksum": checksum(blob),
                "vector": direction(number),
            }
            http.post("storage/vectors/upsert", json={"vectors": [item]}).raise_for_status()
            person.vectors[vector_id] = blob
        http.put("backup/policy", json={"keep_last": 5, "immutable_days": 7}).raise_for_status()
        for _ in range(2):
            blob = os.urandom(300_000)
            headers = {
                "X-Backup-Version": "1",
                "X-Backup-Timestamp": datetime.now(UTC).isoformat(),
                "X-Backup-Checksum": checksum(blob),
                "X-Backup-Chunk-Count": "1",
                "Content-Type": "application/octet-stream",
            }
            answer = http.put("backup", content=blob, headers=headers)
            assert answer.status_code == 201, answer.text
            person.backups[answer.json()["id"]] = blob


def publish(server: RunningServer, author: Person) -> tuple[str, bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.js", "export function activate(app) { return app.tasks.list(); }\n")
    slug = f"focus-{uuid.uuid4().hex[:8]}"
    manifest = {
        "id": slug,
        "name": f"Focus {slug[-8:]}",
        "version": "1.0.0",
        "description": "Hides what is not due today.",
        "category": "Productivity",
        "price_cents": 0,
        "permissions": ["read:tasks"],
        "entrypoint": "main.js",
    }
    form: dict[str, tuple[str, str | bytes, str]] = {
        "manifest": ("manifest.json", json.dumps(manifest), "application/json"),
        "package": ("p.zip", packed.getvalue(), "application/zip"),
    }
    server.manage("verify_email", author.email)
    with author.http(server) as http:
        answer = http.post("plugins", files=form)
        assert answer.status_code == 201, answer.text
    server.manage("shell", "-c", APPROVE.format(password=PASSWORD, slug=slug))
    return slug, packed.getvalue()


class Writer(threading.Thread):
    """Somebody who creates, replaces and deletes, first without a pause and then as fast as their tier lets them."""

    def __init__(self, server: RunningServer, person: Person) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()
        self.writes = 0
        self.failure: BaseException | None = None
        self._server, self._person = server, person

    def run(self) -> None:
        try:
            with self._person.http(self._server) as http:
                ids: list[str] = []
                while not self.stopped.is_set():
                    ids.append(put(http)[0])
                    put(http, ids[0])
                    if len(ids) > 5:
                        assert http.delete(f"storage/records/{ids.pop(0)}").status_code == 204
                    self.writes += 3
                    if self.writes > BURST_WRITES:
                        self.stopped.wait(PAUSE_SECONDS)
        except BaseException as failure:  # noqa: BLE001 - shown by the test
            self.failure = failure

    def wait_for_writes(self, more: int) -> None:
        until = self.writes + more
        while self.writes < until and self.is_alive():
            self.stopped.wait(0.01)


def feed(http: httpx.Client) -> list[dict[str, Any]]:
    page = http.get("storage/changes?since=0&limit=1000").json()
    assert not page["has_more"]
    return page["changes"]


def state(server: RunningServer, person: Person) -> dict[str, Any]:
    """What the server says of itself, beside the bytes."""
    with person.http(server) as http:
        answers = {
            "me": http.get("auth/me"),
            "quota": http.get("storage/quota"),
            "records": http.get("storage/records?limit=200"),
            "trash": http.get("storage/trash"),
            "settings": http.get("storage/settings"),
            "backups": http.get("backup/history"),
            "policy": http.get("backup/policy"),
            "plugins": http.get("plugins?q=Focus"),
        }
        assert {answer.status_code for answer in answers.values()} == {200}
        return {name: answer.json() for name, answer in answers.items()} | {"feed": feed(http)}


def assert_everything_downloads(server: RunningServer, person: Person) -> None:
    with person.http(server) as http:
        for record_id, blob in person.records.items():
            answer = http.get(f"storage/records/{record_id}")
            assert (answer.status_code, answer.content) == (200, blob)
            assert answer.headers["X-Checksum"] == checksum(blob)
        for path, blob in person.versions.items():
            assert http.get(path).content == blob
        for backup_id, blob in person.backups.items():
            assert http.get(f"backup/{backup_id}").content == blob
            assert http.delete(f"backup/{backup_id}").status_code == 409  # immutable, whatever became of the machine
        for number, (vector_id, blob) in enumerate(person.vectors.items()):
            sent = {"vector": direction(number), "top_k": 1}
            [hit] = http.post("storage/vectors/search", json=sent).json()["results"]
            assert (hit["id"], base64.b64decode(hit["blob"])) == (vector_id, blob)


def test_everything_comes_back(  # noqa: PLR0915 - one story
    tmp_path: Path,
    place: Callable[[str], dict[str, str]],
    start: Callable[[dict[str, str]], RunningServer],
    migrate: Callable[[dict[str, str]], None],
) -> None:
    old = place("old")
    migrate(old)
    server = start(old)
    *people, busy = [join(server) for _ in range(3)]
    server.manage("shell", "-c", GRANT)
    for person in people:
        fill(server, person)
    slug, package = publish(server, people[0])
    with people[1].http(server) as http:
        http.post(f"plugins/{slug}/install").raise_for_status()
    before = [state(server, person) for person in people]

    # A backup, while somebody writes.
    writer = Writer(server, busy)
    writer.start()
    writer.wait_for_writes(10)
    at_start = writer.writes
    backup = script("backup.sh", str(tmp_path / "backups"), env=old).strip()
    at_end = writer.writes
    writer.wait_for_writes(3)
    writer.stopped.set()
    writer.join()
    assert writer.failure is None
    assert at_end > at_start  # or this test shows nothing
    with people[0].http(server) as http:
        cursor = http.get("storage/changes?since=0&limit=1000").json()["next"]
        lost, _ = put(http)  # after the backup, so it will be gone
        seen = http.get(f"storage/changes?since={cursor}").json()["next"]

    # The disk is lost, and the database with it.
    server.stop()
    shutil.rmtree(old["DATA_DIR"])
    drop_database(old["DATABASE_URL"])

    # Another machine.
    new = place("new")
    Path(new["DATABASE_URL"].removeprefix("sqlite:///")).unlink(missing_ok=True)
    printed = script("restore.sh", backup, env=new)
    assert "0 damaged, 0 could not be read" in printed
    assert "counters of 0 users corrected" in printed
    server = start(new)
    for person, was in zip(people, before, strict=True):
        assert state(server, person) == was  # with the tokens of before
        assert_everything_downloads(server, person)
    with people[1].http(server) as http:
        assert http.get(f"plugins/{slug}/package").content == package
    fresh = httpx.post(
        f"{server.url}/api/v1/auth/refresh", json={"refresh_token": people[0].tokens["refresh_token"]}, timeout=30
    )
    assert fresh.status_code == 200
    with busy.http(server) as http:
        for change in feed(http):
            if change["op"] == "put":
                assert checksum(http.get(f"storage/records/{change['id']}").content) == change["checksum"]

    # Who has seen what is lost is sent through the feed again, also when new changes have come.
    with people[0].http(server) as http:
        put(http)
        assert http.get(f"storage/records/{lost}").status_code == 404
        gone = http.get(f"storage/changes?since={seen}")
        assert (gone.status_code, gone.json()["reason"]) == (410, "restored")
        assert len(feed(http)) == len(before[0]["feed"]) + 1
        # And what had been deleted before the backup can be brought back after it.
        *_, (deleted, blob) = people[0].versions.items()
        assert http.post(f"{deleted}/restore").json()["checksum"] == checksum(blob)
    server.stop()

    # What is there now is not destroyed by mistake; who means it says so.
    said = script("restore.sh", backup, env=new, succeeds=False)
    assert "an empty place is needed, or --force" in said
    script("restore.sh", "--force", backup, env=new)
    server = start(new)
    assert state(server, people[0]) == before[0]
    assert_everything_downloads(server, people[0])


def test_a_backup_is_its_folders_owners_whoever_makes_it(
    tmp_path: Path, place: Callable[[str], dict[str, str]], migrate: Callable[[dict[str, str]], None]
) -> None:
    """As root before an upgrade, each night by the service's user, who has to read it to restore it."""
    env = place("owned")
    migrate(env)
    blob = Path("blobs/a/b")
    (Path(env["DATA_DIR"]) / blob).parent.mkdir(parents=True)
    (Path(env["DATA_DIR"]) / blob).write_bytes(b"sealed")
    folder = tmp_path / "backups"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)

    first = Path(script("backup.sh", str(folder), env=env).strip())
    time.sleep(1)  # they are named by the second
    second = Path(script("backup.sh", str(folder), env=env).strip())

    made = [first, second, *first.rglob("*"), *second.rglob("*")]
    assert {path.stat().st_uid for path in made} == {folder.stat().st_uid}
    assert (second / blob).read_bytes() == b"sealed"
    if shutil.which("rsync"):
        assert (first / blob).samefile(second / blob)


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(
    tmp_path: Path, place: Callable[[str], dict[str, str]]
) -> None:
    env = place("nothing") | {"DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}
    assert "no backup was made" in script("backup.sh", str(tmp_path / "backups"), env=env, succeeds=False)
    assert list((tmp_path / "backups").iterdir()) == []
