"""Batches are created, listed, changed and deleted; what a lost answer or another user may do to them."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agents.batches.models import Batch
from tests.agents.batches.registry import DAY, HOUR, SEALED, Device, ago, row_of, sealed, shown

pytestmark = pytest.mark.django_db
MakeDevice = Callable[..., Device]


@pytest.fixture
def device(make_device: MakeDevice) -> Device:
    return make_device(tier="team")


def test_a_batch_is_what_was_sealed_with_states_and_numbers_beside_it(device: Device) -> None:
    due = ago(-HOUR)
    answer = device.create(next_due_at=due)
    batch = answer.json
    assert answer.status == 201
    assert (answer.headers["Location"], answer.headers["ETag"]) == (f"/api/v1/batches/{batch['id']}", batch["etag"])
    assert set(batch) == {
        *("id", "state", "reason", "trigger", "next_due_at", "spec", "checksum", "revision", "last_run"),
        *("consecutive_failures", "lease", "etag", "created_at", "updated_at"),
    }
    assert base64.b64decode(batch["spec"]) == SEALED
    assert batch["checksum"] == hashlib.sha256(SEALED).hexdigest()
    assert (batch["state"], batch["reason"], batch["trigger"], batch["revision"]) == ("active", None, "schedule", 1)
    assert (batch["last_run"], batch["lease"], batch["consecutive_failures"]) == (None, None, 0)
    assert batch["next_due_at"] == shown(due)
    assert device.get(batch["id"]) == batch


def test_the_list_is_oldest_first_with_the_count_of_active_ones(make_device: MakeDevice) -> None:
    device = make_device()
    ids = [device.made(state=state)["id"] for state in ("active", "paused", "active")]
    page = device.listed()
    assert [batch["id"] for batch in page["items"]] == ids
    assert {name: page[name] for name in ("total", "page", "limit", "active", "active_limit")} == {
        "total": 3,
        "page": 1,
        "limit": 50,
        "active": 2,
        "active_limit": 2,
    }
    second = device.ask("GET", "batches?limit=2&page=2").json
    assert [batch["id"] for batch in second["items"]] == ids[2:]
    assert device.ask("GET", "batches?page=0").code == "validation_error"


def test_a_list_shows_of_each_its_last_run_and_its_lease(device: Device, make_device: MakeDevice) -> None:
    one, other = device.made()["id"], device.made()["id"]
    device.run(one, outcome="failed")
    last = device.run(one)
    held = device.claim(other).json
    first, second = device.listed()["items"]
    assert (first["last_run"], first["lease"]) == (last, None)
    assert (second["last_run"], second["lease"]["run_id"]) == (None, held["run_id"])


def test_the_same_id_and_content_again_is_the_batch_there_is(device: Device) -> None:
    chosen = str(uuid4())
    first = device.create(id=chosen, next_due_at=ago(HOUR))
    device.pause(chosen)
    again = device.create(id=chosen, next_due_at=ago(HOUR - DAY))
    assert (first.status, again.status) == (201, 200)
    assert (again.json["id"], again.json["state"]) == (chosen, "paused")


@pytest.mark.parametrize("other", [sealed(b"other"), {"trigger": "manual"}, {"state": "paused"}])
def test_the_same_id_with_another_content_is_a_conflict(device: Device, other: dict[str, Any]) -> None:
    chosen = device.made(id=str(uuid4()))["id"]
    answer = device.create(id=chosen, **other)
    assert (answer.status, answer.code) == (409, "conflict")


def test_two_users_may_choose_the_same_id(device: Device, make_device: MakeDevice) -> None:
    chosen = device.made(id=str(uuid4()))["id"]
    stranger = make_device(tier="team")
    assert stranger.create(id=chosen, **sealed(b"theirs")).status == 201
    assert base64.b64decode(device.get(chosen)["spec"]) == SEALED


def test_an_idempotency_key_makes_one_batch(device: Device, make_device: MakeDevice) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = device.create(headers=key), device.create(headers=key)
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]
    other = device.create(headers=key, **sealed(b"other"))
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert make_device(tier="team").create(headers=key, **sealed(b"other")).status == 201


def test_a_key_of_yesterday_is_new(device: Device) -> None:
    key = {"Idempotency-Key": "one"}
    first = device.create(headers=key).json
    Batch.objects.filter(public_id=first["id"]).update(created_at=datetime.now(UTC) - DAY - timedelta(seconds=1))
    second = device.create(headers=key, **sealed(b"other"))
    assert second.status == 201
    assert device.create(headers=key, **sealed(b"other")).json["id"] == second.json["id"]


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"checksum": "0" * 64}, 400, "checksum_mismatch"),
        ({"checksum": "A" * 64}, 400, "validation_error"),
        ({"spec": "not base64!"}, 400, "validation_error"),
        ({"spec": ""}, 400, "validation_error"),
        ({"trigger": "now"}, 400, "validation_error"),
        ({"state": "suspended"}, 400, "validation_error"),
        ({"state": None}, 400, "validation_error"),
        ({"id": "mine"}, 400, "validation_error"),
        ({"next_due_at": "2026-11-29 08:00"}, 400, "validation_error"),
        ({"next_due_at": "2026-02-30T08:00:00Z"}, 400, "validation_error"),
        (sealed(b"x" * (64 * 1024 + 1)), 413, "payload_too_large"),
    ],
)
def test_what_cannot_be_a_batch_is_refused(device: Device, wrong: dict[str, Any], status: int, code: str) -> None:
    answer = device.create(**wrong)
    assert (answer.status, answer.code) == (status, code)
    assert device.listed()["total"] == 0


def test_sixty_four_kib_are_taken(device: Device) -> None:
    assert device.create(**sealed(b"x" * 64 * 1024)).status == 201


def test_unknown_fields_are_ignored(device: Device, make_device: MakeDevice) -> None:
    stranger = make_device()
    batch = device.made(user=str(stranger.account.user.id), consecutive_failures=9, revision=7, tier="team")
    assert (batch["consecutive_failures"], batch["revision"]) == (0, 1)
    assert stranger.listed()["total"] == 0


def test_a_new_spec_is_a_new_revision(device: Device) -> None:
    batch = device.made(next_due_at=ago(-HOUR))
    answer = device.put(batch["id"], **sealed(b"second"), trigger="manual", next_due_at=None)
    changed = answer.json
    assert (answer.status, changed["revision"], changed["trigger"], changed["next_due_at"]) == (200, 2, "manual", None)
    assert base64.b64decode(changed["spec"]) == b"second"
    assert changed["etag"] == answer.headers["ETag"] != batch["etag"]
    assert changed == device.get(batch["id"])


@pytest.mark.parametrize("due", ["0001-01-01T00:00:00.000000Z", "0999-12-31T23:59:59.000000Z"])
def test_a_due_time_is_shown_as_it_is_taken(device: Device, due: str) -> None:
    batch = device.made(next_due_at=due)
    assert batch["next_due_at"] == due
    assert device.put(batch["id"], next_due_at=batch["next_due_at"]).status == 200


def test_what_is_left_out_stays_as_it_is(device: Device) -> None:
    batch = device.made(next_due_at=ago(-HOUR))
    moved = device.put(batch["id"], next_due_at=ago(-DAY)).json
    changed = {"next_due_at", "etag", "updated_at"}
    assert {name for name in batch if batch[name] != moved[name]} == changed
    assert device.put(batch["id"], spec=sealed(b"half")["spec"]).code == "validation_error"
    assert device.put(batch["id"], **(sealed(b"x") | {"checksum": "0" * 64})).code == "checksum_mismatch"


def test_another_trigger_has_no_due_time_unless_it_says_so(device: Device) -> None:
    batch_id = device.made(next_due_at=ago(-HOUR))["id"]
    assert device.put(batch_id, trigger="manual").json["next_due_at"] is None
    due = shown(ago(-DAY))
    assert device.put(batch_id, trigger="schedule", next_due_at=due).json["next_due_at"] == due
    assert device.put(batch_id, trigger="schedule", state="paused").json["next_due_at"] == due


def test_putting_pauses_and_activates(device: Device) -> None:
    batch_id = device.made()["id"]
    paused = device.put(batch_id, state="paused").json
    assert (paused["state"], paused["reason"]) == ("paused", "user")
    assert device.put(batch_id, state="active").json["state"] == "active"
    assert device.put(batch_id, state="suspended").code == "validation_error"


def test_a_due_time_that_has_run_is_not_due_again(device: Device) -> None:
    slot, following = ago(HOUR), ago(-HOUR)
    batch = device.made(next_due_at=slot)
    device.run(batch["id"], slot, next_due_at=following)
    assert device.put(batch["id"], next_due_at=slot).json["next_due_at"] == shown(following)


def test_a_change_of_what_was_not_seen_is_refused(device: Device) -> None:
    batch = device.made()
    seen = {"If-Match": batch["etag"]}
    etag = device.put(batch["id"], headers=seen, **sealed(b"second")).json["etag"]
    stale = device.put(batch["id"], headers=seen, **sealed(b"third"))
    assert (stale.status, stale.code, stale.json["etag"]) == (412, "precondition_failed", etag)
    for method, path in (("DELETE", ""), ("POST", "/pause"), ("POST", "/activate")):
        assert device.ask(method, f"batches/{batch['id']}{path}", headers=seen).code == "precondition_failed"
    assert device.ask("DELETE", f"batches/{batch['id']}", headers={"If-Match": etag}).status == 204


def test_a_run_is_no_change_of_what_is_edited(device: Device) -> None:
    batch = device.made()
    run = device.claim(batch["id"]).json
    assert device.get(batch["id"])["etag"] == batch["etag"]
    device.finish(run)
    assert device.put(batch["id"], headers={"If-Match": batch["etag"]}, **sealed(b"second")).status == 200


def test_a_deleted_batch_is_gone_with_its_runs(device: Device) -> None:
    batch = device.made(id=str(uuid4()))
    run = device.claim(batch["id"]).json
    assert device.ask("DELETE", f"batches/{batch['id']}").status == 204
    assert device.ask("DELETE", f"batches/{batch['id']}").code == "not_found"
    assert device.ask("GET", f"batches/{batch['id']}").code == "not_found"
    assert {device.renew(run).code, device.finish(run).code} == {"not_found"}
    assert device.create(id=batch["id"], **sealed(b"anew")).status == 201


def test_another_users_batch_is_not_there(device: Device, make_device: MakeDevice) -> None:
    batch, stranger = device.made(), make_device(tier="team")
    answers = [
        *(stranger.ask(method, f"batches/{batch['id']}") for method in ("GET", "DELETE")),
        *(stranger.put(batch["id"], state=state) for state in ("paused", "nonsense")),
        *(stranger.activate(batch["id"]), stranger.pause(batch["id"]), stranger.activate("nonsense")),
    ]
    assert {answer.code for answer in answers} == {"not_found"}
    assert device.get(batch["id"]) == batch


def test_an_account_has_so_many_batches_at_most(device: Device) -> None:
    row = row_of(device.made(state="paused"))
    more = [
        Batch(
            user=row.user, public_id=uuid4(), spec=b"x", checksum=row.checksum, trigger="manual", state="paused",
            reason="user", created_as="", created_at=row.created_at, updated_at=row.created_at,
        )
        for _ in range(499)
    ]  # fmt: skip
    Batch.objects.bulk_create(more)
    answer = device.create(state="paused", **sealed(b"another"))
    assert (answer.status, answer.code) == (409, "conflict")
