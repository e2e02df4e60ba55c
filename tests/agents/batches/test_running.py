"""Slots and leases: one device at a time, an end once, and nothing that an overtaken device says counts."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest

from adiuva.api.fields import rfc_3339
from agents.batches.leases import KEPT_RUNS
from agents.batches.models import BatchRun
from tests.agents.batches.registry import DAY, HOUR, ITEMS, MINUTE, Device, ago, end_lease, row_of, sealed, shown

pytestmark = pytest.mark.django_db
MakeDevice = Callable[..., Device]


@pytest.fixture
def laptop(make_device: MakeDevice) -> Device:
    return make_device(tier="team")  # two hundred requests a minute


@pytest.fixture
def phone(make_device: MakeDevice, laptop: Device) -> Device:
    return make_device(of=laptop)


@pytest.fixture
def slot() -> str:
    return ago(MINUTE)


@pytest.fixture
def batch_id(laptop: Device, slot: str) -> str:
    return str(laptop.made(next_due_at=slot)["id"])


def test_a_slot_is_leased_for_two_minutes(laptop: Device, batch_id: str, slot: str) -> None:
    answer = laptop.claim(batch_id, slot)
    assert answer.status == 201
    run = answer.json
    assert (run["attempt"], run["outcome"], run["items"]) == (1, None, None)
    lasts = datetime.fromisoformat(run["lease_expires_at"]) - datetime.fromisoformat(run["started_at"])
    assert lasts.total_seconds() == 120
    lease = {"run_id": run["run_id"], "attempt": 1, "expires_at": run["lease_expires_at"]}
    assert laptop.get(batch_id)["lease"] == lease


def test_who_lost_the_answer_gets_the_same_lease_again(laptop: Device, batch_id: str, slot: str) -> None:
    first = laptop.claim(batch_id, slot).json
    again = laptop.claim(batch_id, slot.replace("Z", "+00:00"))
    assert (again.status, again.json) == (200, first)


def test_another_device_hears_until_when_it_is_held(laptop: Device, phone: Device, batch_id: str, slot: str) -> None:
    run = laptop.claim(batch_id, slot).json
    answer = phone.claim(batch_id, slot)
    assert (answer.status, answer.code) == (409, "lease_held")
    assert answer.json["lease_expires_at"] == run["lease_expires_at"]


def test_a_lease_that_has_ended_is_taken_over(laptop: Device, phone: Device, batch_id: str, slot: str) -> None:
    run = laptop.claim(batch_id, slot).json
    end_lease(run)
    assert laptop.get(batch_id)["lease"] is None
    taken = phone.claim(batch_id, slot)
    assert taken.status == 201
    assert (taken.json["run_id"], taken.json["attempt"]) == (run["run_id"], 2)
    assert laptop.claim(batch_id, slot).code == "lease_held"


def test_an_overtaken_device_changes_nothing(laptop: Device, phone: Device, batch_id: str, slot: str) -> None:
    run = laptop.claim(batch_id, slot).json
    end_lease(run)
    taken = phone.claim(batch_id, slot).json
    for answer in (laptop.renew(run), laptop.finish(run, outcome="failed")):
        assert (answer.status, answer.code) == (410, "lease_lost")
    assert phone.finish(taken).json["outcome"] == "succeeded"
    for answer in (laptop.renew(run), laptop.finish(run, outcome="failed")):
        assert (answer.status, answer.code) == (410, "lease_lost")
    assert laptop.get(batch_id)["last_run"]["outcome"] == "succeeded"


def test_a_device_that_slept_through_its_lease_goes_on_where_nobody_took_it(
    laptop: Device, phone: Device, batch_id: str, slot: str
) -> None:
    run = laptop.claim(batch_id, slot).json
    end_lease(run)
    renewed = laptop.renew(run)
    assert (renewed.status, renewed.json["attempt"]) == (200, 1)
    assert phone.claim(batch_id, slot).code == "lease_held"
    end_lease(run)
    assert laptop.finish(run).status == 200
    assert phone.claim(batch_id, slot).json["outcome"] == "succeeded"


def test_finishing_again_is_the_stored_result(laptop: Device, batch_id: str, slot: str) -> None:
    run = laptop.claim(batch_id, slot).json
    first = laptop.finish(run, outcome="partial", error_code="provider_down")
    again = laptop.finish(run, outcome="failed")
    assert (first.status, again.status) == (200, 200)
    assert first.json == again.json
    assert (again.json["outcome"], again.json["items"], again.json["error_code"]) == ("partial", ITEMS, "provider_down")
    assert laptop.get(batch_id)["consecutive_failures"] == 0
    assert laptop.renew(run).code == "conflict"


def test_a_finished_slot_is_the_run_that_it_had(laptop: Device, phone: Device, batch_id: str, slot: str) -> None:
    run = laptop.run(batch_id, slot)
    answer = phone.claim(batch_id, slot, revision=7)
    assert (answer.status, answer.json) == (200, run)
    assert (run["lease_expires_at"], run["finished_at"] is None) == (None, False)


def test_a_finished_slot_is_due_no_more(laptop: Device, batch_id: str, slot: str) -> None:
    laptop.run(batch_id, slot)
    assert laptop.get(batch_id)["next_due_at"] is None


def test_finishing_moves_the_due_time_forward_only(laptop: Device, batch_id: str, slot: str) -> None:
    later, latest = ago(-HOUR), ago(-DAY)
    first, second = laptop.claim(batch_id, slot).json, laptop.claim(batch_id).json
    laptop.finish(first, next_due_at=latest)
    laptop.finish(second, next_due_at=later)
    assert laptop.get(batch_id)["next_due_at"] == shown(latest)


def test_a_due_time_of_another_spec_is_not_taken(laptop: Device, batch_id: str, slot: str) -> None:
    run = laptop.claim(batch_id, slot).json
    sooner, later = ago(-HOUR), ago(-DAY)
    laptop.put(batch_id, **sealed(b"another schedule"), next_due_at=sooner)
    laptop.finish(run, next_due_at=later)
    assert laptop.get(batch_id)["next_due_at"] == shown(sooner)


def test_slots_may_end_in_any_order(laptop: Device, batch_id: str) -> None:
    laptop.put(batch_id, next_due_at=ago(7 * DAY))
    tomorrow = ago(-DAY)
    laptop.run(batch_id, ago(DAY), next_due_at=tomorrow)
    assert laptop.claim(batch_id, ago(2 * DAY)).status == 201
    assert laptop.get(batch_id)["next_due_at"] == tomorrow.replace("Z", ".000000Z")


def test_a_device_with_a_fast_clock_ends_its_own_slot_alone(laptop: Device, batch_id: str) -> None:
    soon = ago(-2 * HOUR)
    laptop.put(batch_id, next_due_at=soon)
    laptop.run(batch_id, ago(-365 * DAY))
    assert laptop.get(batch_id)["next_due_at"] == soon.replace("Z", ".000000Z")


def test_a_slot_that_has_ended_ahead_of_time_is_due_no_more(laptop: Device, batch_id: str) -> None:
    ahead = ago(-2 * DAY)
    laptop.put(batch_id, next_due_at=ahead)
    laptop.run(batch_id, ahead)
    assert laptop.get(batch_id)["next_due_at"] is None


def test_a_paused_batch_runs_by_hand_only(laptop: Device, batch_id: str, slot: str) -> None:
    laptop.pause(batch_id)
    answer = laptop.claim(batch_id, slot)
    assert (answer.status, answer.code) == (409, "conflict")
    assert laptop.claim(batch_id).status == 201


def test_pausing_does_not_end_a_run(laptop: Device, batch_id: str, slot: str) -> None:
    run = laptop.claim(batch_id, slot).json
    laptop.pause(batch_id)
    assert laptop.renew(run).status == 200
    assert laptop.finish(run).status == 200


def test_another_revision_is_not_run(laptop: Device, batch_id: str, slot: str) -> None:
    etag = laptop.put(batch_id, **sealed(b"another")).json["etag"]
    answer = laptop.claim(batch_id, slot, revision=1)
    assert (answer.status, answer.code, answer.json["etag"]) == (412, "precondition_failed", etag)
    assert laptop.claim(batch_id, slot, revision=2).json["spec_revision"] == 2


def test_five_failures_in_a_row_pause_it(laptop: Device, batch_id: str) -> None:
    for outcome in ("failed", "failed", "partial", "failed", "skipped", "failed", "failed", "failed"):
        laptop.run(batch_id, outcome=outcome)
    assert (laptop.get(batch_id)["state"], laptop.get(batch_id)["consecutive_failures"]) == ("active", 4)
    laptop.run(batch_id, outcome="failed", error_code="no_key")
    batch = laptop.get(batch_id)
    assert (batch["state"], batch["reason"], batch["consecutive_failures"]) == ("paused", "failing", 5)
    assert laptop.pause(batch_id).json["reason"] == "failing"
    assert laptop.activate(batch_id).json["consecutive_failures"] == 0


def test_the_last_fifty_runs_are_listed_newest_first(laptop: Device, batch_id: str) -> None:
    runs = [laptop.run(batch_id)["run_id"] for _ in range(3)]
    page = laptop.ask("GET", f"batches/{batch_id}/runs?limit=2").json
    assert ([run["run_id"] for run in page["items"]], page["total"]) == ([runs[2], runs[1]], 3)


def test_runs_are_kept_up_to_a_number_and_what_is_forgotten_never_runs_again(
    laptop: Device, batch_id: str, slot: str
) -> None:
    laptop.run(batch_id, slot)
    by_hand = laptop.run(batch_id)
    batch = row_of({"id": batch_id})
    due = [datetime.fromisoformat(slot) - n * HOUR for n in range(1, KEPT_RUNS + 60)]
    BatchRun.objects.bulk_create(
        BatchRun(
            batch=batch, user=batch.user, slot=rfc_3339(at), due_at=at, spec_revision=1, started_at=at,
            finished_at=at, outcome="succeeded", total=0, done=0, failed=0, skipped=0,
        )
        for at in due
    )  # fmt: skip
    laptop.claim(batch_id)
    kept = BatchRun.objects.filter(batch=batch)
    assert kept.exclude(due_at=None).count() == KEPT_RUNS
    assert kept.filter(id=by_hand["run_id"]).exists()
    remembered, forgotten = (laptop.claim(batch_id, rfc_3339(at)) for at in (due[KEPT_RUNS - 2], due[KEPT_RUNS]))
    assert remembered.status == 200
    assert (forgotten.status, forgotten.code) == (409, "conflict")
    assert laptop.ask("GET", f"batches/{batch_id}/runs").json["total"] == 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"slot": "tomorrow"},
        {"slot": "2026-11-29T08:00:00"},
        {"slot": 5},
        {"slot": None},
        {"slot": "0001-01-01T00:00:00+14:00"},
        {"spec_revision": "1"},
        {"spec_revision": 0},
        {"spec_revision": True},
    ],
)
def test_a_claim_says_which_slot_and_revision(laptop: Device, batch_id: str, wrong: dict[str, object]) -> None:
    body = {"slot": str(uuid4()), "spec_revision": 1} | wrong
    answer = laptop.ask("POST", f"batches/{batch_id}/runs", json=body)
    assert (answer.status, list(answer.json["errors"])) == (400, list(wrong))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"outcome": "done"}, "outcome"),
        ({"items": ITEMS | {"done": 4}}, "items"),
        ({"items": ITEMS | {"done": -1}}, "items.done"),
        ({"items": {"total": 1}}, "items.done"),
        ({"error_code": "No Key"}, "error_code"),
        ({"error_code": "x" * 41}, "error_code"),
        ({"error_code": "text_of_1"}, "error_code"),
        ({"next_due_at": "tomorrow"}, "next_due_at"),
        ({"attempt": "1"}, "attempt"),
    ],
)
def test_a_result_is_numbers_only(laptop: Device, batch_id: str, wrong: dict[str, object], field: str) -> None:
    run = laptop.claim(batch_id).json
    answer = laptop.ask(
        "POST",
        f"batches/runs/{run['run_id']}/finish",
        json={"attempt": 1, "outcome": "failed", "items": ITEMS} | wrong,
    )
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_another_users_runs_are_not_there(make_device: MakeDevice, laptop: Device, batch_id: str) -> None:
    stranger, run = make_device(tier="team"), laptop.claim(batch_id).json
    answers = (stranger.claim(batch_id), stranger.renew(run), stranger.finish(run))
    assert {answer.code for answer in answers} == {"not_found"}
    assert stranger.ask("GET", f"batches/{batch_id}/runs").code == "not_found"
    assert stranger.ask("PATCH", "batches/runs/nonsense", json={}).code == "not_found"
