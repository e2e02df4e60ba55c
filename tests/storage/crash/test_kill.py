"""The process dies at any moment of 200 mixed operations, several times, and storage is whole afterwards."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storage.crash.invariants import assert_invariants, blobs_expected, blobs_on_disk
from tests.storage.crash.workload import Progress, Workload
from tests.support.server import RunningServer

ServerFactory = Callable[..., RunningServer]


def survive(
    server_factory: ServerFactory, data: Path, *, accounts: int, operations: int, kills: int, uses_vectors: bool
) -> None:
    """Every random choice follows from the seed, but not how threads take turns. ``CRASH_SEED`` sets it."""
    seed = os.environ.get("CRASH_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"to see this run's choices again: CRASH_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    rng = random.Random(seed)  # noqa: S311 - no secret
    moments = sorted(rng.sample(range(operations // 10, operations - operations // 10), kills))
    workload = Workload(server_factory(DATA_DIR=str(data)))
    workload.create_accounts(accounts=accounts, devices=2, seed=seed, uses_vectors=uses_vectors)

    def kill_now_and_then(progress: Progress) -> None:
        for moment in moments:
            if progress.wait_for(moment):
                time.sleep(rng.random() * 0.05)
                workload.kill()

    try:
        workload.run(operations=operations, meanwhile=kill_now_and_then)
        # Before anything is put in order: a crash leaves no count wrong and no record without its bytes.
        for account in workload.accounts:
            assert_invariants(account)
        output = workload.server.manage("reap_storage", "--min-age", "0")
        assert "counters of 0 users corrected" in output
        assert "0 unknown keys" in output
        for account in workload.accounts:
            assert_invariants(account)
            assert blobs_on_disk(data / "blobs", account.user_id) == blobs_expected(account)
        assert list((data / "blobs" / ".unfinished").iterdir()) == []
    finally:
        workload.close()


# Without vectors, whose SDK takes each server seconds to load.
@pytest.mark.slow
def test_storage_survives_a_kill(server_factory: ServerFactory, tmp_path: Path) -> None:
    survive(server_factory, tmp_path / "data", accounts=2, operations=60, kills=1, uses_vectors=False)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(2))
def test_storage_survives_kills_at_random_moments_of_200_operations(
    server_factory: ServerFactory, tmp_path: Path, run: int
) -> None:
    survive(server_factory, tmp_path / "data", accounts=3, operations=200, kills=6, uses_vectors=True)
