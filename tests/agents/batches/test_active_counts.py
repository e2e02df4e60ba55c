"""Active batches are those that the live tier has room for, whatever becomes of it."""

from collections.abc import Callable

import pytest

from agents.batches.jobs import reconcile_tiers
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.agents.batches.registry import MINUTE, Device, ago, row_of

pytestmark = pytest.mark.django_db
MakeDevice = Callable[..., Device]

ACTIVE, SUSPENDED, PAUSED = ("active", None), ("suspended", "tier"), ("paused", "user")


def move(device: Device, tier: Tier) -> None:
    set_tier(user=device.account.user, tier=tier)


def test_free_has_two_and_is_told_which_tier_has_more(make_device: MakeDevice) -> None:
    device = make_device()
    first = device.made()["id"]
    device.made()
    spare = device.made(state="paused")["id"]
    refused = (device.create(), device.activate(spare), device.put(spare, state="active"))
    for answer in refused:
        assert (answer.status, answer.code) == (402, "quota_exceeded")
        told = {name: answer.json[name] for name in ("resource", "limit", "used", "required_tier")}
        assert told == {"resource": "batch_active", "limit": 2, "used": 2, "required_tier": "pro"}
    assert device.activate(first).status == 200  # it is active already
    assert device.listed()["total"] == 3
    device.pause(first)
    assert device.activate(spare).json["state"] == "active"


def test_a_suspended_one_names_a_higher_tier_also_beside_paused_ones(make_device: MakeDevice) -> None:
    device = make_device(tier="pro")
    ids = [device.made()["id"] for _ in range(3)]
    move(device, Tier.FREE)
    for one in ids[:2]:
        device.pause(one)
    answer = device.claim(ids[2])
    assert (answer.status, answer.json["used"], answer.json["required_tier"]) == (402, 0, "pro")


def test_pro_has_ten_and_power_as_many_as_one_likes(make_device: MakeDevice) -> None:
    device = make_device(tier="pro")
    for _ in range(10):
        device.made()
    answer = device.create()
    assert (answer.status, answer.json["used"], answer.json["required_tier"]) == (402, 10, "power")
    move(device, Tier.POWER)
    assert device.create().status == 201
    assert device.listed()["active_limit"] is None


def test_what_is_asked_for_again_needs_no_room(make_device: MakeDevice) -> None:
    device = make_device()
    key = {"Idempotency-Key": "k"}
    device.create(headers=key)
    device.made()
    assert device.create(headers=key).status == 200


def test_a_downgrade_suspends_all_but_the_oldest_activated(make_device: MakeDevice) -> None:
    device = make_device(tier="power")
    ids = [device.made(next_due_at=ago(MINUTE))["id"] for _ in range(4)]
    device.pause(ids[0])
    device.activate(ids[0])
    move(device, Tier.FREE)
    assert device.states() == [SUSPENDED, ACTIVE, ACTIVE, SUSPENDED]
    page = device.listed()
    assert (page["active"], page["active_limit"], page["total"]) == (2, 2, 4)


@pytest.mark.parametrize("slot", [None, ago(MINUTE)], ids=["manual", "due"])
def test_after_a_downgrade_no_run_begins_of_what_is_too_many(make_device: MakeDevice, slot: str | None) -> None:
    """The first request after it may be a claim."""
    device = make_device(tier="power")
    ids = [device.made()["id"] for _ in range(3)]
    held = device.claim(ids[2]).json
    move(device, Tier.FREE)
    answer = device.claim(ids[2], slot)
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    told = {name: answer.json[name] for name in ("resource", "limit", "used", "required_tier")}
    assert told == {"resource": "batch_active", "limit": 2, "used": 2, "required_tier": "pro"}
    assert device.claim(ids[1]).status == 201
    assert device.finish(held).status == 200  # what had begun ends well
    assert device.activate(ids[2]).code == "quota_exceeded"


def test_a_refused_activation_leaves_no_more_than_the_tier_allows(make_device: MakeDevice) -> None:
    device = make_device(tier="power")
    batches = [device.made() for _ in range(4)]
    spare = device.made(state="paused")["id"]
    move(device, Tier.FREE)
    for answer in (device.activate(spare), device.create()):
        assert answer.code == "quota_exceeded"
        assert [row_of(batch).state for batch in batches] == ["active", "active", "suspended", "suspended"]


def test_an_upgrade_wakes_them_oldest_first(make_device: MakeDevice) -> None:
    device = make_device(tier="power")
    for _ in range(12):
        device.made(next_due_at=ago(MINUTE))
    move(device, Tier.FREE)
    assert device.states().count(SUSPENDED) == 10
    move(device, Tier.PRO)
    assert device.states() == [ACTIVE] * 10 + [SUSPENDED] * 2
    move(device, Tier.FREE)
    assert device.states() == [ACTIVE] * 2 + [SUSPENDED] * 10
    move(device, Tier.TEAM)
    assert device.states() == [ACTIVE] * 12


def test_room_that_a_user_makes_is_for_the_one_they_choose(make_device: MakeDevice) -> None:
    device = make_device(tier="power")
    ids = [device.made()["id"] for _ in range(4)]
    move(device, Tier.FREE)
    device.listed()
    device.pause(ids[0])
    assert device.states() == [PAUSED, ACTIVE, SUSPENDED, SUSPENDED]
    assert device.activate(ids[3]).json["state"] == "active"
    assert device.activate(ids[2]).code == "quota_exceeded"
    assert device.pause(ids[2]).json["reason"] == "user"
    move(device, Tier.PRO)
    assert device.states() == [PAUSED, ACTIVE, PAUSED, ACTIVE]


def test_the_job_finds_whose_tier_has_changed(make_device: MakeDevice) -> None:
    downgraded, upgraded, untouched = (make_device(tier="power") for _ in range(3))
    made = {device: [device.made(next_due_at=ago(MINUTE)) for _ in range(3)] for device in (downgraded, untouched)}
    made[upgraded] = [upgraded.made() for _ in range(3)]
    move(upgraded, Tier.FREE)
    upgraded.listed()
    move(upgraded, Tier.PRO)
    move(downgraded, Tier.FREE)
    reconcile_tiers()

    def states(device: Device) -> list[str]:
        return [row_of(batch).state for batch in made[device]]

    assert states(downgraded) == ["active", "active", "suspended"]
    assert states(upgraded) == states(untouched) == ["active"] * 3
