"""The service goes back to a backup under three devices, one of them offline: no note of anybody's is lost by it."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from tests.flows.following_devices import PASSWORD, Device
from tests.flows.places import script
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow


def join(server: RunningServer) -> str:
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    told = {"email": email, "password": PASSWORD}
    httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status()
    server.manage("set_tier", email, "team")
    return email


@pytest.fixture
def log_in() -> Iterator[Callable[[RunningServer, str], Device]]:
    """Another device of the account with that address."""
    with ExitStack() as opened:
        yield lambda server, email: opened.enter_context(closing(Device(server, email)))


def synchronise(*devices: Device) -> None:
    for device in devices:
        device.synchronise()


def test_every_note_ends_on_every_device(
    tmp_path: Path,
    place: Callable[[str], dict[str, str]],
    start: Callable[[dict[str, str]], RunningServer],
    log_in: Callable[[RunningServer, str], Device],
    migrate: Callable[[dict[str, str]], None],
) -> None:
    env = place("story")
    migrate(env)
    server = start(env)
    email, quiet = join(server), join(server)
    laptop, phone, tablet = (log_in(server, email) for _ in range(3))
    newcomer = log_in(server, quiet)

    # Three devices in step; then the tablet goes offline.
    first, edited, again, gone = (laptop.write(text) for text in (b"first", b"edited", b"again", b"gone"))
    synchronise(laptop, phone, tablet, newcomer)
    assert laptop.texts == phone.texts == tablet.texts
    phone.delete(gone)
    phone.delete(again)
    laptop.synchronise()

    backup = script("backup.sh", str(tmp_path / "backups"), env=env).strip()

    # After it: a second note, edits, a deletion, an id that is used again, and an account's first note.
    second = laptop.write(b"second")
    laptop.change(edited, b"edited 2")
    synchronise(laptop, phone)
    phone.change(edited, b"edited 3")
    phone.delete(first)
    phone.unsent[again] = b"again, and other"
    synchronise(phone, laptop)
    assert laptop.texts == phone.texts
    offline = tablet.write(b"offline")
    of_newcomer = newcomer.write(b"the first of this account")
    newcomer.synchronise()

    server.stop()
    script("restore.sh", "--force", backup, env=env)
    server = start(env)
    everybody = (laptop, phone, tablet, newcomer)
    for device in everybody:
        device.turn_to(server)

    # Each follows the rule. What the first one writes then is newer than whatever the others kept from before.
    laptop.synchronise()
    laptop.change(second, b"second 2")
    laptop.change(edited, b"edited 4")
    synchronise(tablet, phone, newcomer)
    synchronise(*everybody)
    fresh = log_in(server, email)
    fresh.synchronise()
    assert [device.told for device in everybody] == [["restored"]] * 4
    # The deletion after the backup is lost, as everything that no device keeps; the one before it still holds.
    assert fresh.texts == {
        first: b"first",
        edited: b"edited 4",
        again: b"again, and other",
        second: b"second 2",
        offline: b"offline",
    }
    assert laptop.texts == phone.texts == tablet.texts == fresh.texts
    assert newcomer.texts == {of_newcomer: b"the first of this account"}


def test_what_was_deleted_long_ago_is_dropped(
    server: RunningServer, log_in: Callable[[RunningServer, str], Device]
) -> None:
    """The other way a cursor ends: the service forgot deletions, and has lost nothing."""
    email = join(server)
    laptop, phone, *_ = devices = [log_in(server, email) for _ in range(3)]
    kept, gone = laptop.write(b"kept"), laptop.write(b"gone")
    synchronise(*devices)
    phone.delete(gone)
    synchronise(phone, laptop)
    new = laptop.write(b"new")
    synchronise(laptop, phone)

    server.manage("reap_storage", "--tombstone-age", "0")

    for _ in range(2):
        synchronise(*devices)
    assert [device.told for device in devices] == [[], [], ["pruned"]]
    for one, other in itertools.pairwise(devices):
        assert one.texts == other.texts == {kept: b"kept", new: b"new"}
