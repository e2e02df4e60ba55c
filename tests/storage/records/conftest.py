from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.blobs.factory import get_blob_store
from tests.storage.records.devices import Device
from tests.storage.records.live_users import LiveUser, make_live_users
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.server import RunningServer


@pytest.fixture(autouse=True)
def blob_folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """This test's own, for what happens in this process."""
    settings.BLOB_DIR = tmp_path / "blobs"
    get_blob_store.cache_clear()
    yield tmp_path / "blobs"
    get_blob_store.cache_clear()


@pytest.fixture
def new_device(api: ApiClient, make_user: Callable[..., Account]) -> Callable[[], Device]:
    """Somebody new on the team tier: no quota, and 200 requests a minute."""
    return lambda: Device(api, make_user(tier="team"))


@pytest.fixture
def device(new_device: Callable[[], Device]) -> Device:
    return new_device()


class Crowd:
    """People made ahead of time, many in one go: starting Django for each would take a second."""

    KINDS = {"team": ("team", None), "free": ("free", None), "limited": ("team", 100_000)}

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._waiting: dict[str, list[LiveUser]] = {kind: [] for kind in self.KINDS}
        self.team, self.free, self.limited = (self.one(kind) for kind in self.KINDS)

    def one(self, kind: str = "team") -> LiveUser:
        """Nobody has met them before. ``limited``: 100,000 bytes."""
        if not self._waiting[kind]:
            kinds = [kind for kind in self.KINDS for _ in range(6)]
            for made, user in zip(
                kinds, make_live_users(self._server, *map(self.KINDS.__getitem__, kinds)), strict=True
            ):
                self._waiting[made].append(user)
        return self._waiting[kind].pop()


@pytest.fixture(scope="session")
def crowd(server: RunningServer) -> Crowd:
    return Crowd(server)
