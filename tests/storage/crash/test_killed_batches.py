"""The process dies at random moments of 200 batches. Each is sent again until it is answered."""

import json
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adiuva.api.cbor import SEQUENCE, read_sequence, write
from storage.checksums import checksum_of
from tests.storage.crash.http_client import NoAnswerError
from tests.storage.crash.invariants import list_all
from tests.storage.crash.workload import AccountUnderTest, Workload
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow

BATCHES, KILLS, IDS = 200, 6, 40
# Of these users alone: the database is one that other tests have used.
LIST_BLOBS = """
import json
from storage.models import RecordVersion, StorageRecord
rows = [
    row
    for states in (StorageRecord.objects.live(), RecordVersion.objects.all())
    for row in states.filter(user_id__in={users}).values_list("s3_key", "checksum")
]
print(json.dumps(rows))
"""


def random_batch(rng: random.Random) -> list[dict[str, Any]]:
    """Puts and deletions of a few ids: new, replaced, gone and back again."""
    operations: list[dict[str, Any]] = []
    for number in rng.sample(range(IDS), rng.randint(1, 12)):
        record_id = str(UUID(int=number, version=4))
        if rng.random() < 0.3:
            operations.append({"op": "delete", "id": record_id})
        else:
            data = rng.randbytes(rng.choice([0, 100, 3_000]))
            checksum = checksum_of(data)
            operations.append({"op": "put", "id": record_id, "table_name": "notes", "checksum": checksum, "blob": data})
    return operations


def send_until_answered(account: AccountUnderTest, operations: list[dict[str, Any]]) -> None:
    while True:
        try:
            answer = account.client.request(
                "POST",
                "storage/records/batch",
                content=b"".join(map(write, operations)),
                headers={"Content-Type": SEQUENCE, "Accept": SEQUENCE},
            )
        except NoAnswerError:
            continue
        assert answer.status_code == 200, answer.text
        statuses = [result["status"] for result in read_sequence(answer.content, most_values=10_000)]
        wanted = [{204} if one["op"] == "delete" else {200, 201} for one in operations]
        assert all(status in expected for status, expected in zip(statuses, wanted, strict=True)), statuses
        return


def test_storage_survives_kills_at_random_moments_of_200_batches(
    server_factory: Callable[..., RunningServer], tmp_path: Path
) -> None:
    seed = os.environ.get("CRASH_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"to see this run's choices again: CRASH_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    data = tmp_path / "data"
    workload = Workload(server_factory(DATA_DIR=str(data)))
    # Two, or the batches would wait for the rate limit.
    workload.create_accounts(accounts=2, devices=0, seed=seed, uses_vectors=False)
    done: list[int] = []

    def use(account: AccountUnderTest) -> dict[str, str]:
        """The checksums of what must be there in the end."""
        rng = random.Random(f"{seed} {workload.accounts.index(account)}")  # noqa: S311 - no secret
        kept: dict[str, str] = {}
        for number in range(BATCHES // 2):
            operations = random_batch(rng)
            send_until_answered(account, operations)
            for one in operations:
                kept.pop(one["id"], None)
                if one["op"] == "put":
                    kept[one["id"]] = one["checksum"]
            done.append(number)
        return kept

    moments = random.Random(f"{seed} kills")  # noqa: S311 - no secret
    try:
        with ThreadPoolExecutor(2) as pool:
            using = [pool.submit(use, account) for account in workload.accounts]
            for moment in sorted(moments.sample(range(10, BATCHES - 20), KILLS)):
                while len(done) < moment and not all(one.done() for one in using):
                    time.sleep(0.002)
                time.sleep(moments.random() * 0.05)
                workload.kill()
            kept = [one.result() for one in using]
        output = workload.server.manage("reap_storage", "--min-age", "0")
        assert "counters of 0 users corrected" in output
        assert "0 unknown keys" in output
        for account, checksums in zip(workload.accounts, kept, strict=True):
            assert_holds(account, checksums)
        assert_every_row_has_its_blob(workload.server, data / "blobs")
    finally:
        workload.close()


def assert_holds(account: AccountUnderTest, checksums: dict[str, str]) -> None:
    listed = list_all(account.client, "storage/records")
    assert {one["id"]: one["checksum"] for one in listed} == checksums
    used = account.client.request("GET", "storage/quota").json()["storage"]["used_bytes"]
    assert used == sum(one["size_bytes"] for one in listed)


def assert_every_row_has_its_blob(server: RunningServer, folder: Path) -> None:
    """And every blob its row; none is left in ``.unfinished`` either."""
    users = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    listed = server.manage("shell", "--no-imports", "--verbosity=0", "-c", LIST_BLOBS.format(users=users))
    rows = [tuple(row) for row in json.loads(listed)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(rows) == sorted((str(path.relative_to(folder)), checksum_of(path.read_bytes())) for path in files)
