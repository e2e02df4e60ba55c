"""Two devices work offline and synchronise now and then by the bulk routes; of the answers 15 % are lost, the server is
killed, and goes back to a backup. In the end both have the same notes: none is lost, none is there twice.
"""

import os
import random
import shutil
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.flows.following_devices import PASSWORD
from tests.flows.offline_devices import JSON, SEQUENCE, Device, LostError
from tests.support.server import RunningServer, drop_database

pytestmark = pytest.mark.slow

OPERATIONS = 500
KILLS, RESTORES = 4, 2
KEPT = f"adiuva_kept_{os.getpid()}"


class Story:
    """``superseded`` are the texts that somebody who knew them has replaced or deleted."""

    def __init__(self, server: RunningServer, email: str, rng: random.Random) -> None:
        self.server = server
        self.rng = rng
        self.devices = [Device(server, email, form=form, rng=rng) for form in (JSON, SEQUENCE)]
        self.written: set[bytes] = set()
        self.superseded: set[bytes] = set()
        self.backup = Path()

    def go_on(self, device: Device) -> None:
        match self.rng.choices(["write", "change", "delete", "synchronise"], [4, 5, 2, 3])[0]:
            case "synchronise":
                with suppress(LostError):
                    device.synchronise()
            case "write":
                device.write(self._new_text())
            case what if device.untouched:
                note_id = self.rng.choice(device.untouched)
                self.superseded.add(device.notes[note_id].text)
                device.change(note_id, self._new_text() if what == "change" else None)

    def _new_text(self) -> bytes:
        text = self.rng.randbytes(self.rng.choice([20, 300, 3000]))
        self.written.add(text)
        return text

    def kill_while(self, device: Device, *, keep: Path) -> None:
        """At a random moment of its synchronisation, or soon after. What is there then is kept as a backup."""
        timer = Timer(self.rng.random() * 0.1, self.server.signal, [signal.SIGKILL])
        timer.start()
        with suppress(LostError):
            device.synchronise()
        timer.join()
        self.server.stop(signal.SIGKILL)
        self.backup = keep
        copy_service(self.server.env, to=keep)
        self.server.start()

    def settle(self) -> None:
        """Until neither has anything to send, nor to hear."""
        for device in (*self.devices, *self.devices):
            is_done = False
            while not is_done:
                with suppress(LostError):
                    device.synchronise()
                    is_done = True

    def go_back(self) -> None:
        """The devices are in step before, so that what is lost is what both of them have."""
        self.settle()
        self.server.stop(signal.SIGKILL)
        put_back(self.server.env, kept=self.backup)
        self.server.manage("new_epoch")
        self.server.start()
        self.settle()


def copy_service(env: dict[str, str], *, to: Path) -> None:
    """While no server runs: the folder, in which an SQLite database lies as well, and one of PostgreSQL."""
    shutil.copytree(env["DATA_DIR"], to)
    if env["DATABASE_URL"].startswith("postgres"):
        copy_database(env["DATABASE_URL"], of=urlsplit(env["DATABASE_URL"]).path.strip("/"), to=KEPT)


def put_back(env: dict[str, str], *, kept: Path) -> None:
    shutil.rmtree(env["DATA_DIR"])
    shutil.copytree(kept, env["DATA_DIR"])
    if env["DATABASE_URL"].startswith("postgres"):
        name = urlsplit(env["DATABASE_URL"]).path.strip("/")
        copy_database(env["DATABASE_URL"], of=KEPT, to=name)


def copy_database(url: str, *, of: str, to: str) -> None:
    maintenance = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        # Of the server that was killed.
        connection.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [of])
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(to)))
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copied.format(sql.Identifier(to), sql.Identifier(of)))


@pytest.fixture
def start(start: Callable[[dict[str, str]], RunningServer]) -> Iterator[Callable[[dict[str, str]], RunningServer]]:
    yield start
    if (url := os.environ.get("DATABASE_URL", "")).startswith("postgres"):
        drop_database(urlunsplit(urlsplit(url)._replace(path=f"/{KEPT}")))


def test_two_devices_end_with_the_same_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
    place: Callable[[str], dict[str, str]],
    start: Callable[[dict[str, str]], RunningServer],
    migrate: Callable[[dict[str, str]], None],
) -> None:
    seed = os.environ.get("DEVICES_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"to see this run's choices again: DEVICES_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    rng = random.Random(seed)  # noqa: S311 - no secret
    env = place("offline")
    migrate(env)
    server = start(env)
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    told = {"email": email, "password": PASSWORD}
    httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status()
    server.manage("set_tier", email, "team")

    story = Story(server, email, rng)
    moments = sorted(rng.sample(range(50, OPERATIONS - 10), KILLS + RESTORES))
    returns = set(moments[2::3])  # after two kills each, the later of which is the backup
    for number in range(OPERATIONS):
        device = rng.choice(story.devices)
        if number in returns:
            story.go_back()
        elif number in moments:
            story.kill_while(device, keep=tmp_path / f"kept-{number}")
        else:
            story.go_on(device)

    story.settle()
    story.devices.append(Device(server, email, form=SEQUENCE, rng=rng))
    story.settle()
    laptop, phone, fresh = story.devices
    assert laptop.notes == phone.notes == fresh.notes
    texts = Counter(note.text for note in fresh.notes.values())
    assert set(texts.values()) <= {1}, "a note is there twice"
    assert story.written - story.superseded <= texts.keys() <= story.written
    for one in (laptop, phone):
        assert len(one.reasons) >= RESTORES  # more where the answer after it was lost
        assert set(one.reasons) == {"restored"}
    for device in story.devices:
        device.close()
