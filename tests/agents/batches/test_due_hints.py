"""Devices hear of what is due: at connecting, and by hints from a job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.sockets import messages
from agents.batches import due
from agents.batches.jobs import tell_due
from agents.batches.models import Batch, BatchRun
from storage.sync.hello import read_hello
from tests.agents.batches.registry import DAY, HOUR, MINUTE, Device, ago, end_lease, row_of
from tests.storage.sync.sockets import sync_socket
from tests.support.sockets import Frame, in_database

pytestmark = pytest.mark.django_db(transaction=True)
MakeDevice = Callable[..., Device]


@pytest.fixture
def device(make_device: MakeDevice) -> Device:
    return make_device(tier="team")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Frame]]:
    """What went to whose sockets."""
    frames: list[tuple[str, Frame]] = []

    class Heard:
        def publish(self, topic: str, message: dict[str, Any]) -> None:
            if "hint" in message:
                frames.append((topic, message["hint"]))

    monkeypatch.setattr(messages, "get_broadcast", Heard)
    return frames


def hint(device: Device, batch: dict[str, Any]) -> tuple[str, Frame]:
    return str(device.account.user.id), {"type": "batch_due", "id": batch["id"]}


def let_pass(batch: dict[str, Any], span: timedelta) -> None:
    """As if ``span`` had gone by since the batch was last looked at."""
    row = row_of(batch)
    assert row.next_due_at is not None
    assert row.tell_at is not None
    Batch.objects.filter(id=row.id).update(
        next_due_at=row.next_due_at - span,
        tell_at=row.tell_at - span,
        settled_through=row.settled_through and row.settled_through - span,
    )
    for run in BatchRun.objects.filter(batch=row, finished_at=None):
        assert run.lease_expires_at is not None
        BatchRun.objects.filter(id=run.id).update(
            lease_expires_at=run.lease_expires_at - span,
            due_at=run.due_at and run.due_at - span,
        )


async def test_a_socket_hears_of_what_is_due_when_it_opens_and_later(device: Device) -> None:
    early = await in_database(device.made, next_due_at=ago(MINUTE))
    later = await in_database(device.made, next_due_at=ago(-HOUR))
    socket = sync_socket(device.account)
    assert await socket.open()
    hello = await socket.frame()
    assert hello["due"] == [early["id"]]
    await in_database(tell_due)
    assert await socket.frame() == {"type": "batch_due", "id": early["id"]}
    await in_database(let_pass, later, 2 * HOUR)
    await in_database(tell_due)
    assert await socket.frame() == {"type": "batch_due", "id": later["id"]}
    await socket.leave()


def test_its_owner_alone_is_told_and_once(
    device: Device, make_device: MakeDevice, told: list[tuple[str, Frame]]
) -> None:
    stranger = make_device()
    mine, theirs = device.made(next_due_at=ago(MINUTE)), stranger.made(next_due_at=ago(HOUR))
    for _ in range(3):
        tell_due()
    assert sorted(told, key=str) == sorted([hint(device, mine), hint(stranger, theirs)], key=str)


def test_what_nobody_runs_is_told_more_and_more_seldom(device: Device, told: list[tuple[str, Frame]]) -> None:
    batch = device.made(next_due_at=ago(MINUTE))
    counts = []
    for _ in range(24 * 6):  # a day, looked at every ten minutes
        tell_due()
        counts.append(len(told))
        let_pass(batch, 10 * MINUTE)
    assert counts[0] == 1
    assert 3 <= counts[6] <= 4  # after an hour
    assert 7 <= counts[-1] <= 9


def test_what_is_not_to_be_run_is_not_told(device: Device, told: list[tuple[str, Frame]]) -> None:
    device.made(next_due_at=ago(-HOUR))
    device.made()
    paused = device.made(next_due_at=ago(MINUTE))
    device.pause(paused["id"])
    done = device.made(next_due_at=ago(MINUTE))
    device.run(done["id"], done["next_due_at"])
    tell_due()
    assert told == []
    assert read_hello(device.account.user.id).waiting["due"] == []
    device.activate(paused["id"])
    tell_due()
    assert told == [hint(device, paused)]


def test_what_a_device_is_at_is_told_when_its_lease_has_ended(device: Device, told: list[tuple[str, Frame]]) -> None:
    batch = device.made(next_due_at=ago(MINUTE))
    run = device.claim(batch["id"], batch["next_due_at"]).json
    tell_due()
    assert (told, due.due_ids(device.account.user.id)) == ([], [])
    device.renew(run)
    tell_due()
    assert told == []
    let_pass(batch, timedelta(seconds=121))
    tell_due()
    assert told == [hint(device, batch)]
    assert due.due_ids(device.account.user.id) == [batch["id"]]


def test_a_lease_on_a_later_slot_is_on_what_it_passes_over(device: Device, told: list[tuple[str, Frame]]) -> None:
    batch = device.made(next_due_at=ago(7 * DAY))
    device.claim(batch["id"], ago(HOUR))
    tell_due()
    assert (told, due.due_ids(device.account.user.id)) == ([], [])


def test_a_run_by_hand_does_not_hide_what_is_due(device: Device, told: list[tuple[str, Frame]]) -> None:
    batch = device.made(next_due_at=ago(MINUTE))
    run = device.claim(batch["id"]).json
    tell_due()
    end_lease(run)
    tell_due()
    assert told == [hint(device, batch)]


def test_the_next_slot_is_told_when_its_time_comes(device: Device, told: list[tuple[str, Frame]]) -> None:
    batch = device.made(next_due_at=ago(MINUTE))
    tell_due()
    device.run(batch["id"], batch["next_due_at"], next_due_at=ago(-HOUR))
    tell_due()
    assert len(told) == 1
    let_pass(batch, 2 * HOUR)
    tell_due()
    assert len(told) == 2


def test_a_week_that_was_missed_is_told_in_portions(
    device: Device, told: list[tuple[str, Frame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "PAGE", 3)
    monkeypatch.setattr(due, "PAGES", 2)
    ids = [device.made(next_due_at=ago(n * HOUR))["id"] for n in range(8, 0, -1)]
    tell_due()
    assert [frame["id"] for _, frame in told] == ids[:6]
    tell_due()
    tell_due()
    assert [frame["id"] for _, frame in told] == ids


def test_a_socket_is_greeted_with_those_that_have_waited_longest(device: Device) -> None:
    row = row_of(device.made(next_due_at=ago(MINUTE)))
    now = datetime.now(UTC)
    for n in range(40):
        row.id, row.public_id = None, f"00000000-0000-4000-8000-0000000000{n:02}"
        row.next_due_at = row.tell_at = now - (100 - n) * HOUR
        row.save(force_insert=True)
    waiting = due.due_ids(device.account.user.id)
    assert len(waiting) == 32
    assert (waiting[0][-2:], waiting[-1][-2:]) == ("00", "31")
