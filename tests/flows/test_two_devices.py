"""Two devices of one user keep sealed notes in step, through the real server: it never sees a word of them."""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.contract import CHECKED
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

PASSWORD = "a long sentence is best"
SECRET_WORDS = "the canary sings at noon"


class Device:
    """What the app does with one: seals with the user's key, follows the change feed, holds what it has read."""

    def __init__(self, server: RunningServer, *, email: str, key: bytes) -> None:
        tokens = httpx.post(
            f"{server.url}/api/v1/auth/login", json={"email": email, "password": PASSWORD}, timeout=30
        ).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        self.http = httpx.Client(base_url=f"{server.url}/api/v1/", headers=bearer, timeout=30, event_hooks=CHECKED)
        self.cipher = AESGCM(key)
        self.cursor = "0"
        self.notes: dict[str, dict[str, Any]] = {}
        self.etags: dict[str, str] = {}

    def seal(self, note: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        nonce = os.urandom(12)
        blob = nonce + self.cipher.encrypt(nonce, json.dumps(note).encode(), None)
        headers = {"X-Checksum": hashlib.sha256(blob).hexdigest(), "Content-Type": "application/octet-stream"}
        return blob, headers

    def open(self, blob: bytes) -> dict[str, Any]:
        return dict(json.loads(self.cipher.decrypt(blob[:12], blob[12:], None)))

    def create(self, note: dict[str, Any]) -> str:
        blob, headers = self.seal(note)
        answer = self.http.post("storage/records?table_name=notes", content=blob, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def change(self, note_id: str, note: dict[str, Any]) -> httpx.Response:
        blob, headers = self.seal(note)
        headers["If-Match"] = self.etags[note_id]
        return self.http.put(f"storage/records/{note_id}", content=blob, headers=headers)

    def follow(self) -> None:
        more = True
        while more:
            page = self.http.get("storage/changes", params={"since": self.cursor, "limit": 2}).json()
            for change in page["changes"]:
                self._apply(change)
            self.cursor, more = page["next"], page["has_more"]

    def _apply(self, change: dict[str, Any]) -> None:
        if change["op"] == "delete":
            self.notes.pop(change["id"], None)
            return
        answer = self.http.get(f"storage/records/{change['id']}")
        assert hashlib.sha256(answer.content).hexdigest() == answer.headers["X-Checksum"]
        self.notes[change["id"]] = self.open(answer.content)
        self.etags[change["id"]] = answer.headers["ETag"]


def everything_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture
def log_in(server: RunningServer) -> Iterator[Callable[[str, bytes], Device]]:
    with ExitStack() as open_clients:

        def new_device(email: str, key: bytes) -> Device:
            device = Device(server, email=email, key=key)
            open_clients.enter_context(device.http)
            return device

        yield new_device


def test_two_devices(
    server: RunningServer, server_environment: dict[str, str], log_in: Callable[[str, bytes], Device]
) -> None:
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    httpx.post(
        f"{server.url}/api/v1/auth/register", json={"email": email, "password": PASSWORD}, timeout=30
    ).raise_for_status()
    key = AESGCM.generate_key(bit_length=256)
    laptop, phone = log_in(email, key), log_in(email, key)

    # On the free tier nothing can be kept.
    blob, headers = laptop.seal({"text": SECRET_WORDS})
    refused = laptop.http.post("storage/records?table_name=notes", content=blob, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (402, "quota_exceeded")
    server.manage("set_tier", email, "pro")

    # The laptop writes, the phone follows.
    ids = [laptop.create({"text": f"{SECRET_WORDS} {number}"}) for number in range(5)]
    laptop.follow()
    phone.follow()
    assert phone.notes == laptop.notes
    assert [phone.notes[note_id]["text"] for note_id in ids] == [f"{SECRET_WORDS} {number}" for number in range(5)]

    # Both change one note: the second is told, reads what the first wrote, and tries again.
    assert phone.change(ids[0], {"text": "from the phone"}).status_code == 200
    late = laptop.change(ids[0], {"text": "from the laptop"})
    assert late.status_code == 412
    laptop.follow()
    assert laptop.notes[ids[0]] == {"text": "from the phone"}
    assert late.json()["etag"] == laptop.etags[ids[0]]
    assert laptop.change(ids[0], {"text": "from both"}).status_code == 200

    # The phone deletes a note, and the laptop forgets it.
    assert phone.http.delete(f"storage/records/{ids[1]}").status_code == 204
    laptop.follow()
    phone.follow()
    assert laptop.notes == phone.notes
    assert set(laptop.notes) == {ids[0], *ids[2:]}

    # A note is found again by its sealed embedding.
    point = {"id": ids[2], "blob": "c2VhbGVk", "checksum": hashlib.sha256(b"sealed").hexdigest()}
    assert laptop.http.post("storage/vectors/upsert", json={"vectors": [point]}).json() == {"upserted": 1}
    found = phone.http.post("storage/vectors/search", json={"blob": "c2VhbGVk"}).json()["results"]
    assert [hit["id"] for hit in found] == [ids[2]]

    # A snapshot of everything goes up, and comes down on a new machine.
    snapshot, headers = laptop.seal({"notes": laptop.notes})
    told = {"X-Backup-Version": "1", "X-Backup-Timestamp": "2026-01-01T00:00:00Z"}
    told["X-Backup-Checksum"] = headers["X-Checksum"]
    assert laptop.http.put("backup", content=snapshot, headers=told).status_code == 201
    restored = log_in(email, key)
    assert restored.open(restored.http.get("backup").content) == {"notes": laptop.notes}

    # What is counted is what is there.
    listed = laptop.http.get("storage/records").json()
    quota = laptop.http.get("storage/quota").json()
    assert quota["storage"]["used_bytes"] == sum(item["size_bytes"] for item in listed["items"]) + len(b"sealed")
    assert quota["backup"]["used_bytes"] == len(snapshot)

    # The server holds the bytes as they were sent, and not a word of what they say.
    data = Path(server_environment["DATA_DIR"])
    user_id = laptop.http.get("auth/me").json()["id"]
    assert snapshot in everything_under(data / "blobs" / user_id)
    assert SECRET_WORDS.encode() not in everything_under(data.parent)

    # They leave, and nothing of them stays.
    gone = laptop.http.request("DELETE", "auth/me", json={"password": PASSWORD})
    assert gone.status_code == 202
    assert phone.http.get("storage/records").status_code == 401
    assert not everything_under(data / "blobs" / user_id)
