"""Two devices of one account and any history of faults: hypothesis looks for one after which storage is not whole."""

import os
import random
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.storage.crash.contents import LIVE_BYTES, Content
from tests.storage.crash.device import Device
from tests.storage.crash.follower import Follower, version_of
from tests.storage.crash.invariants import assert_invariants, blobs_expected, blobs_on_disk, list_all
from tests.storage.crash.operator import Operator
from tests.storage.crash.workload import Workload
from tests.support.raw_http import connect, head
from tests.support.server import RunningServer

EXAMPLES = int(os.environ.get("CRASH_EXAMPLES", "6"))
ACCOUNTS = 8  # made at once; one an example
RESTARTS = 2  # an example; each takes seconds

SEEDS = st.integers(0, 2**32)
DEVICES = st.integers(0, 1)
UPLOADS = st.sampled_from(["create", "put", "put_backup"])
OPERATIONS = st.sampled_from(
    ["create", "create", "put", "put", "get", "delete", "restore", "put_backup", "delete_backup", "follow"],
)


class Storage(RuleBasedStateMachine):
    """``workload``, ``operator`` and ``data`` (the server's folder) are set from outside and outlive an example."""

    workload: ClassVar[Workload]
    operator: ClassVar[Operator]
    data: ClassVar[Path]

    @initialize()
    def move_in(self) -> None:
        if not self.workload.accounts:
            self.workload.create_accounts(accounts=ACCOUNTS, devices=2, seed=0, uses_vectors=False)
        self.account = self.workload.accounts.pop()
        self.restarts = 0

    def teardown(self) -> None:
        try:
            assert_invariants(self.account)
        finally:
            self.account.close()

    # --- what devices do ---

    @rule(device=DEVICES, operation=OPERATIONS, seed=SEEDS)
    def one_device_works(self, device: int, operation: str, seed: int) -> None:
        self._perform(device, operation, seed)

    @rule(operations=st.tuples(OPERATIONS, OPERATIONS), seed=SEEDS)
    def both_devices_work_at_once(self, operations: tuple[str, str], seed: int) -> None:
        with beside(lambda: self._perform(0, operations[0], seed)):
            self._perform(1, operations[1], seed + 1)

    # --- what goes wrong ---

    @precondition(lambda self: self.restarts < RESTARTS)
    @rule(device=DEVICES, operation=OPERATIONS, seed=SEEDS, milliseconds=st.integers(0, 80))
    def the_server_is_killed_during_an_operation(
        self, device: int, operation: str, seed: int, milliseconds: int
    ) -> None:
        with beside(lambda: self._perform(device, operation, seed)):
            time.sleep(milliseconds / 1000)
            self._restart(signal.SIGKILL)

    @precondition(lambda self: self.restarts < RESTARTS)
    @rule(device=DEVICES, operation=OPERATIONS, seed=SEEDS)
    def the_server_is_stopped_properly_during_an_operation(self, device: int, operation: str, seed: int) -> None:
        with beside(lambda: self._perform(device, operation, seed)):
            self._restart(signal.SIGTERM)

    @rule(device=DEVICES, seed=SEEDS, part=st.floats(0, 0.99), reset=st.booleans())
    def a_client_vanishes_in_the_middle_of_a_body(self, device: int, seed: int, part: float, reset: bool) -> None:
        """A record, new or not, a snapshot: of a body that did not come whole nothing is kept."""
        rng = random.Random(seed)  # noqa: S311 - no secret
        content = Content.of(rng.randbytes(rng.choice([1000, LIVE_BYTES, 4 * LIVE_BYTES])))
        ids = [one for one, known in self._device(device).records.items() if known.may_be_there]
        line, extra = rng.choice(
            [
                ("POST /api/v1/storage/records?table_name=notes", [f"X-Checksum: {content.checksum}"]),
                *((f"PUT /api/v1/storage/records/{one}", [f"X-Checksum: {content.checksum}"]) for one in ids[:1]),
                (
                    "PUT /api/v1/backup",
                    [
                        *("X-Backup-Version: 1", "X-Backup-Timestamp: 2026-01-01T00:00:00Z"),
                        f"X-Backup-Checksum: {content.checksum}",
                    ],
                ),
            ]
        )
        with connect(self.workload.server) as connection:
            headers = ["Content-Type: application/octet-stream", f"Content-Length: {content.size}", *extra]
            authorization = self.account.client.authorization
            connection.sendall(head(line, f"Authorization: {authorization}", *headers))
            connection.sendall(content.data[: int(content.size * part)])
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    @rule(device=DEVICES, operation=UPLOADS, seed=SEEDS)
    def an_upload_meets_a_store_that_takes_nothing(self, device: int, operation: str, seed: int) -> None:
        before = self._list_everything()
        with self._no_room_for_uploads():
            self._perform(device, operation, seed)
        assert self._list_everything() == before

    @rule(device=DEVICES, seed=SEEDS)
    def a_deletion_meets_a_store_that_is_away(self, device: int, seed: int) -> None:
        """The record is gone, and its blob stays as a version's: there is nothing to remove."""
        with self._no_store_at_all():
            self._perform(device, "delete", seed)

    # --- what the operator does ---

    @rule(prune=st.booleans())
    def the_reaper_runs(self, prune: bool) -> None:
        tombstones = ["--tombstone-age", "0"] if prune else []
        code, output = self.operator.manage("reap_storage", "--min-age", "0", *tombstones)
        assert code == 0, output
        assert "counters of 0 users corrected" in output
        assert blobs_on_disk(self.data / "blobs", self.account.user_id) == blobs_expected(self.account)

    @rule(seed=SEEDS)
    def deletions_are_forgotten_while_a_device_is_away(self, seed: int) -> None:
        """It has seen the record, and is not there when the deletion could be read."""
        self._perform(0, "create", seed)
        away = self._device(1).follower
        away.read_on()
        self._perform(0, "delete", seed)
        self.the_reaper_runs(prune=True)
        away.read_on()
        assert away.records == {one["id"]: version_of(one) for one in self._list_everything()[0]}

    # --- what is always true ---

    @invariant()
    def list_feed_counters_and_blobs_agree(self) -> None:
        client = self.account.client
        records, history = list_all(client, "storage/records"), list_all(client, "backup/history")
        quota = client.request("GET", "storage/quota").json()
        assert quota["storage"]["used_bytes"] == sum(one["size_bytes"] for one in records)
        assert quota["backup"]["used_bytes"] == sum(one["size_bytes"] for one in history)
        fresh = Follower(client)
        fresh.read_on()
        assert fresh.records == {one["id"]: version_of(one) for one in records}
        folder = self.data / "blobs" / self.account.user_id
        stored = {Content.of(path.read_bytes()).checksum for path in folder.rglob("*") if path.is_file()}
        assert stored >= {one["checksum"] for one in (*records, *history)}

    # ---

    def _device(self, number: int) -> Device:
        return self.account.devices[number]

    def _perform(self, device: int, operation: str, seed: int) -> None:
        chosen = self._device(device)
        chosen.rng = random.Random(seed)  # noqa: S311 - no secret
        getattr(chosen, operation)()

    def _restart(self, sig: signal.Signals) -> None:
        self.restarts += 1
        self.workload.kill(sig)

    def _list_everything(self) -> tuple[Any, Any]:
        client = self.account.client
        return list_all(client, "storage/records"), list_all(client, "backup/history")

    @contextmanager
    def _no_room_for_uploads(self) -> Iterator[None]:
        """A file where the folder of unfinished uploads should be. (Modes of folders do not keep root out.)"""
        folder = self.data / "blobs" / ".unfinished"
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.touch()
        try:
            with self.account.expecting_failures():
                yield
        finally:
            folder.unlink()

    @contextmanager
    def _no_store_at_all(self) -> Iterator[None]:
        """A link to itself where the account's folder was: whoever looks into it gets an error."""
        folder = self.data / "blobs" / self.account.user_id
        folder.mkdir(parents=True, exist_ok=True)
        away = folder.rename(self.data / "away")
        folder.symlink_to(folder)
        try:
            with self.account.expecting_failures():
                yield
        finally:
            folder.unlink()
            away.rename(folder)


@contextmanager
def beside(job: Callable[[], None]) -> Iterator[None]:
    """``job`` runs in another thread, from the block's beginning to after its end at the latest."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failures.append(error)

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.slow
def test_no_history_of_faults_leaves_storage_in_pieces(
    server_factory: Callable[..., RunningServer], tmp_path: Path
) -> None:
    Storage.data = tmp_path / "data"
    Storage.workload = Workload(server_factory(DATA_DIR=str(Storage.data)))
    with Operator(Storage.workload.server) as Storage.operator:
        try:
            run_state_machine_as_test(
                Storage,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=15,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    print_blob=True,
                ),
            )
        finally:
            Storage.workload.close()
