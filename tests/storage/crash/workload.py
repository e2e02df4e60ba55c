"""A real server, accounts with several devices each, and a server that is killed."""

import json
import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Event
from typing import Any

from tests.storage.crash.device import Device
from tests.storage.crash.http_client import HttpClient
from tests.support.server import RunningServer

MAKE_ACCOUNTS = """
import json
from tests.support.accounts import make_account
accounts = [make_account(tier="team") for _ in range({count})]
print(json.dumps([(str(account.user.id), account.access_token) for account in accounts]))
"""


@dataclass(slots=True)
class AccountUnderTest:
    """An account and its devices. ``client`` is a connection of the test's own to it."""

    user_id: str
    client: HttpClient
    devices: list[Device] = field(default_factory=list)

    @contextmanager
    def expecting_failures(self) -> Iterator[None]:
        """The blob store is broken for its devices."""
        for device in self.devices:
            device.client.expects_failures = True
        try:
            yield
        finally:
            for device in self.devices:
                device.client.expects_failures = False

    def close(self) -> None:
        self.client.close()
        for device in self.devices:
            device.client.close()


class Workload:
    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.up = Event()
        self.up.set()
        self.accounts: list[AccountUnderTest] = []

    def create_accounts(self, *, accounts: int, devices: int, seed: object, uses_vectors: bool) -> None:
        """More accounts, with so many devices each. What they do follows from ``seed``."""
        printed = self.server.manage("shell", "--verbosity=0", "-c", MAKE_ACCOUNTS.format(count=accounts))
        for number, (user_id, token) in enumerate(json.loads(printed.splitlines()[-1])):
            account = AccountUnderTest(user_id, self._new_client(token))
            for device in range(devices):
                rng = random.Random(f"{seed} {number} {device}")  # noqa: S311 - no secret
                account.devices.append(Device(self._new_client(token), rng, uses_vectors=uses_vectors))
            self.accounts.append(account)

    def run(self, *, operations: int, meanwhile: Callable[["Progress"], None]) -> None:
        """So many operations by all devices at once; ``meanwhile`` runs in this thread, and nothing fails silently."""
        devices = [device for account in self.accounts for device in account.devices]
        progress = Progress()

        def use(device: Device) -> None:
            for _ in range(operations // len(devices)):
                device.do_something()
                progress.count()

        with ThreadPoolExecutor(len(devices)) as pool:
            using = [pool.submit(use, device) for device in devices]
            progress.watch(using)
            try:
                meanwhile(progress)
            finally:
                self.up.set()
            for one in using:
                one.result()

    def kill(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """``kill -9`` (or a gentler way), and a new server in its place."""
        self.up.clear()
        self.server.stop(sig)
        self.server.start()
        self.up.set()

    def close(self) -> None:
        for account in self.accounts:
            account.close()

    def _new_client(self, token: str) -> HttpClient:
        return HttpClient(url=self.server.url, token=token, up=self.up)


class Progress:
    """How many operations are done, to wait for."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._done = 0
        self._using: list[Any] = []

    def watch(self, using: list[Any]) -> None:
        self._using = using

    def count(self) -> None:
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def wait_for(self, done: int) -> bool:
        """False when it will not come to so many: everybody has finished, or failed."""
        with self._changed:
            while self._done < done:
                if all(one.done() for one in self._using):
                    return False
                self._changed.wait(0.2)
        return True
