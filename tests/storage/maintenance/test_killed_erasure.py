"""The process dies while an account is being erased."""

import base64
import hashlib
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.support.freed_address import register_when_free
from tests.support.server import RunningServer
from tests.support.worker import worker_beside

BLOBS = 3000

STORE_MUCH = """
import json
from accounts.models import User
from django.conf import settings
from storage.blobs.factory import get_blob_store
from tests.storage.maintenance.stored_items import make_backup, make_record, write_blob_file, record_key
from tests.support.accounts import make_account
account, stays = make_account(tier="team"), make_account(tier="team")
for one in (account, stays):
    make_record(one.user)
    make_backup(one.user)
for _ in range({count}):
    write_blob_file(settings.BLOB_DIR, record_key(account.user.id))
fields = {{"id": str(account.user.id), "token": account.access_token, "password": account.password}}
print(json.dumps({{**fields, "email": account.email, "stays": str(stays.user.id), "stays_token": stays.access_token}}))
"""


CLOSE_ACCOUNT = """
from accounts import erasure
from accounts.models import User
erasure.close_account(user=User.objects.get(email="{email}"))
"""


def files_of(data: Path, user_id: str) -> int:
    """Quick, so that few go between a look and what follows from it."""
    return sum(len(names) for _, _, names in os.walk(data / "blobs" / user_id))


@pytest.mark.slow
def test_an_erasure_that_a_kill_cut_short_is_finished_by_the_next_start(
    server_factory: Callable[..., RunningServer], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    server = server_factory(DATA_DIR=str(data))
    output = server.manage("shell", "--verbosity=0", "-c", STORE_MUCH.format(count=BLOBS))
    account = json.loads(output.splitlines()[-1])

    def leave() -> None:
        headers = {"Authorization": f"Bearer {account['token']}"}
        try:
            httpx.request(
                "DELETE",
                f"{server.url}/api/v1/auth/me",
                headers=headers,
                json={"password": account["password"]},
                timeout=60,
            )
        except httpx.TransportError:
            return  # killed

    leaving = Thread(target=leave)
    leaving.start()
    deadline = time.monotonic() + 60
    while files_of(data, account["id"]) == BLOBS + 2:
        assert time.monotonic() < deadline
    server.signal(signal.SIGKILL)
    server.wait(30)
    leaving.join()
    left = files_of(data, account["id"])
    assert 0 < left < BLOBS + 2

    server.start()
    login = {"email": account["email"], "password": account["password"]}
    assert httpx.post(f"{server.url}/api/v1/auth/login", json=login, timeout=30).status_code == 401
    with worker_beside(server, tmp_path):
        register_when_free(server, login)
    assert not (data / "blobs" / account["id"]).exists()
    assert files_of(data, account["stays"]) == 2
    headers = {"Authorization": f"Bearer {account['stays_token']}"}
    assert httpx.get(f"{server.url}/api/v1/storage/records", headers=headers, timeout=30).json()["total"] == 1


@pytest.mark.slow
def test_an_erasure_is_finished_beside_the_server_that_has_the_vectors_open(
    server_factory: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """By hand: what a request had no time for, while the server holds the engine in whose folder the vectors are."""
    data = tmp_path / "data"
    server = server_factory(DATA_DIR=str(data))
    output = server.manage("shell", "--verbosity=0", "-c", STORE_MUCH.format(count=20))
    account = json.loads(output.splitlines()[-1])
    blob = b"sealed"
    vector = {
        "id": str(uuid.uuid4()),
        "blob": base64.b64encode(blob).decode(),
        "checksum": hashlib.sha256(blob).hexdigest(),
    }
    stored: dict[str, httpx.Response] = {}
    for name in ("token", "stays_token"):
        stored[name] = httpx.post(
            f"{server.url}/api/v1/storage/vectors/upsert",
            headers={"Authorization": f"Bearer {account[name]}"},
            json={"vectors": [vector]},
            timeout=60,
        )
    assert {name: answer.json() for name, answer in stored.items()} == {name: {"upserted": 1} for name in stored}
    users = data / "vectors" / "users"
    assert {folder.name for folder in users.iterdir()} == {account["id"], account["stays"]}

    server.manage("shell", "-c", CLOSE_ACCOUNT.format(email=account["email"]))
    assert "1 accounts erased" in server.manage("reap_storage")
    assert {folder.name for folder in users.iterdir()} == {account["stays"]}
    assert not (data / "blobs" / account["id"]).exists()
    login = {"email": account["email"], "password": account["password"]}
    assert httpx.post(f"{server.url}/api/v1/auth/register", json=login, timeout=30).status_code == 201
    found = httpx.post(
        f"{server.url}/api/v1/storage/vectors/search",
        headers={"Authorization": f"Bearer {account['stays_token']}"},
        json={"blob": vector["blob"]},
        timeout=60,
    ).json()["results"]
    assert [hit["id"] for hit in found] == [vector["id"]]
