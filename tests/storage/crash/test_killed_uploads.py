"""The process dies at random moments of resumable uploads: none is lost, doubled or half there, and nothing is left."""

import hashlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.storage.crash.http_client import HttpClient, NoAnswerError
from tests.storage.records.live_users import make_live_users
from tests.storage.uploads.tus import PART, VERSION, encode_metadata, record_fields
from tests.support.client import API
from tests.support.server import RunningServer

UPLOADS, KILLS, CLIENTS = 30, 4, 3
KIB = 1024
HELD = 409  # by the process that died, for some seconds


class Uploader:
    """One client, which tries until each of its uploads is there."""

    def __init__(self, client: HttpClient, *, seed: str) -> None:
        self.client = client
        self.stored: dict[str, str] = {}
        self._rng = random.Random(seed)  # noqa: S311 - no secret

    def run(self, count: int, note: Callable[[], None]) -> None:
        for _ in range(count):
            self._upload(self._rng.randbytes(self._rng.randrange(1, 400 * KIB)))
            note()

    def _upload(self, content: bytes) -> None:
        fields = record_fields(content)
        path, offset = None, 0
        while offset < len(content):
            try:
                if path is None:
                    path, offset = self._begin(fields, len(content))
                else:
                    offset = self._send(path, offset, content)
            except NoAnswerError:
                path, offset = self._ask(path)
        self.stored[fields["id"]] = fields["checksum"]

    def _begin(self, fields: dict[str, str], length: int) -> tuple[str, int]:
        headers = VERSION | {"Upload-Length": str(length), "Upload-Metadata": encode_metadata(fields)}
        answer = self.client.request("POST", "storage/uploads", headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].removeprefix(f"{API}/"), int(answer.headers["Upload-Offset"])

    def _send(self, path: str, offset: int, content: bytes) -> int:
        size = self._rng.randrange(1, 200 * KIB)
        headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": PART}
        answer = self.client.request("PATCH", path, headers=headers, content=content[offset : offset + size])
        if answer.status_code == HELD:
            time.sleep(0.2)
            return offset
        assert answer.status_code == 204, answer.text
        return int(answer.headers["Upload-Offset"])

    def _ask(self, path: str | None) -> tuple[str | None, int]:
        """Where to go on. An upload whose creation was not answered is begun anew, and the other one left behind."""
        while path is not None:
            try:
                answer = self.client.request("HEAD", path, headers=VERSION)
            except NoAnswerError:
                continue
            assert answer.status_code == 200, answer.status_code
            return path, int(answer.headers["Upload-Offset"])
        return None, 0


@pytest.mark.slow
def test_uploads_survive_kills_at_random_moments(server_factory: Callable[..., RunningServer], tmp_path: Path) -> None:
    seed = os.environ.get("CRASH_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"to see this run's choices again: CRASH_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    rng = random.Random(seed)  # noqa: S311 - no secret
    server = server_factory(DATA_DIR=str(tmp_path / "data"))
    (user,) = make_live_users(server, ("team", None))
    up = threading.Event()
    up.set()
    clients = [HttpClient(url=server.url, token=user.token, up=up) for _ in range(CLIENTS)]
    uploaders = [Uploader(client, seed=f"{seed}{number}") for number, client in enumerate(clients)]
    done = threading.Semaphore(0)
    moments = sorted(rng.sample(range(5, UPLOADS - 5), KILLS))

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(one.run, UPLOADS // CLIENTS, done.release) for one in uploaders]
        for number in range(UPLOADS):
            while not done.acquire(timeout=1):
                for one in running:
                    if one.done():
                        one.result()
            if number in moments:
                time.sleep(rng.random() * 0.1)
                up.clear()
                server.stop(signal.SIGKILL)
                server.start()
                up.set()
        for one in running:
            one.result()

    stored = {key: value for one in uploaders for key, value in one.stored.items()}
    with httpx.Client(base_url=f"{server.url}{API}/", trust_env=False, timeout=60) as http:
        http.headers["Authorization"] = f"Bearer {user.token}"
        for record_id, checksum in stored.items():
            content = http.get(f"storage/records/{record_id}").content
            assert hashlib.sha256(content).hexdigest() == checksum
        assert http.get("storage/records").json()["total"] == len(stored) == UPLOADS
    output = server.manage("reap_storage", "--min-age", "0")
    assert "counters of 0 users corrected, 0 unknown keys" in output
    blobs = [file for file in (tmp_path / "data/blobs").rglob("*") if file.is_file()]
    left_behind = [file for file in blobs if ".unfinished" in file.parts]
    assert len(blobs) - len(left_behind) == UPLOADS
    # Those whose creation was not answered wait for their day to end.
    assert len(left_behind) <= KILLS * CLIENTS
    for client in clients:
        client.close()
