"""On real threads: of devices that ask in the same moment one gets the slot, and the tier's number holds."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from accounts.models import User
from agents.batches.due import tell_due
from agents.batches.models import Batch, BatchRun
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.concurrency import run_concurrently
from tests.agents.batches.registry import MINUTE, Device, ago, end_lease, sealed
from tests.support.accounts import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
MakeDevice = Callable[..., Device]


@pytest.mark.thorough
def test_of_twenty_activations_at_the_edge_one_passes(make_device: MakeDevice) -> None:
    device = make_device(tier="pro")
    for _ in range(9):
        device.made()
    spare = [device.made(state="paused")["id"] for _ in range(12)]
    answers = run_concurrently(
        *(partial(device.activate, batch_id) for batch_id in spare[:6]),
        *(partial(device.put, batch_id, state="active") for batch_id in spare[6:]),
        *(partial(device.create, **sealed(bytes([n]))) for n in range(8)),
    )
    statuses = Counter(answer.status for answer in answers)
    assert statuses[402] == 19
    assert {answer.json["used"] for answer in answers if answer.status == 402} == {10}
    assert Batch.objects.filter(state="active").count() == 10


def test_a_downgrade_beside_activations_leaves_no_more_than_it_allows(make_device: MakeDevice) -> None:
    device = make_device(tier="power")
    spare = [device.made(state="paused")["id"] for _ in range(8)]
    run_concurrently(
        *(partial(device.activate, batch_id) for batch_id in spare),
        partial(set_tier, user=device.account.user, tier=Tier.FREE),
    )
    device.listed()
    assert Batch.objects.filter(state="active").count() == 2


def test_of_eight_devices_one_gets_the_slot(make_device: MakeDevice) -> None:
    first = make_device(tier="team")
    devices = [first, *(make_device(of=first) for _ in range(7))]
    slot = ago(MINUTE)
    batch_id = first.made(next_due_at=slot)["id"]
    answers = run_concurrently(*(partial(device.claim, batch_id, slot) for device in devices))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 7}
    assert {answer.code for answer in answers if answer.status == 409} == {"lease_held"}
    run = BatchRun.objects.get()
    assert run.attempt == 1

    end_lease({"run_id": run.id})
    answers = run_concurrently(*(partial(device.claim, batch_id, slot) for device in devices))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 7}
    assert BatchRun.objects.get().attempt == 2


def test_renewing_beside_a_takeover_either_keeps_the_lease_or_loses_it(make_device: MakeDevice) -> None:
    laptop = make_device(tier="team")
    phone = make_device(of=laptop)
    batch_id = laptop.made()["id"]
    for _ in range(10):
        slot = str(uuid4())
        run = laptop.claim(batch_id, slot).json
        end_lease(run)
        renewed, taken = run_concurrently(partial(laptop.renew, run), partial(phone.claim, batch_id, slot))
        assert (renewed.status, taken.status) in {(200, 409), (410, 201)}
        assert BatchRun.objects.get(id=run["run_id"]).attempt == (1 if renewed.status == 200 else 2)


def test_a_run_ends_once_however_many_say_so(make_device: MakeDevice) -> None:
    device = make_device(tier="team")
    batch_id = device.made()["id"]
    run = device.claim(batch_id).json
    answers = run_concurrently(*(partial(device.finish, run, outcome="failed") for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert len({answer.content for answer in answers}) == 1
    assert device.get(batch_id)["consecutive_failures"] == 1


def test_a_fifth_failure_beside_a_downgrade_pauses(make_device: MakeDevice) -> None:
    for _ in range(2):
        device = make_device(tier="power")
        ids = [device.made()["id"] for _ in range(3)]
        for _ in range(4):
            device.run(ids[2], outcome="failed")
        run = device.claim(ids[2]).json
        set_tier(user=device.account.user, tier=Tier.FREE)
        listed, finished = run_concurrently(
            partial(device.ask, "GET", "batches"), partial(device.finish, run, outcome="failed")
        )
        assert (listed.status, finished.status) == (200, 200)
        assert device.states() == [("active", None), ("active", None), ("paused", "failing")]


def test_claims_beside_the_erasure_of_the_account_are_answered(make_device: MakeDevice) -> None:
    for _ in range(2):
        device = make_device(tier="team")
        batch_id = device.made()["id"]
        erase = partial(device.ask, "DELETE", "auth/me", json={"password": PASSWORD})
        gone, *answers = run_concurrently(erase, *(partial(device.claim, batch_id) for _ in range(4)))
        assert gone.status == 202
        assert {answer.status for answer in answers} <= {201, 401, 404}
        assert not User.objects.filter(id=device.account.user.id).exists()


def test_one_id_or_key_makes_one_batch(make_device: MakeDevice) -> None:
    device = make_device(tier="team")
    chosen, key = str(uuid4()), {"Idempotency-Key": "one"}
    for ask in (partial(device.create, id=chosen), partial(device.create, headers=key)):
        answers = run_concurrently(*(ask for _ in range(6)))
        assert Counter(answer.status for answer in answers) == {201: 1, 200: 5}
    assert Batch.objects.count() == 2


def test_two_workers_tell_of_each_batch_once(make_device: MakeDevice) -> None:
    device = make_device(tier="team")
    for _ in range(20):
        device.made(next_due_at=ago(MINUTE))
    assert sum(run_concurrently(*(tell_due for _ in range(4)))) == 20


def test_claims_beside_the_deletion_of_their_batch_are_answered(make_device: MakeDevice) -> None:
    device = make_device(tier="team")
    for _ in range(5):
        batch_id = device.made()["id"]
        delete = partial(device.ask, "DELETE", f"batches/{batch_id}")
        gone, *answers = run_concurrently(delete, *(partial(device.claim, batch_id) for _ in range(4)))
        assert gone.status == 204
        assert {answer.status for answer in answers} <= {201, 404}
        assert not BatchRun.objects.exists()
