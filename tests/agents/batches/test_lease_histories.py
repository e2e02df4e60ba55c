"""Any history of two devices and one batch: who holds a slot, what an overtaken device may do, and how each ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.sessions import start_session
from agents.batches.models import BatchRun
from tests.agents.batches.registry import HOUR, Device, ago, end_lease, row_of, sealed
from tests.support.accounts import TESTS, make_account

DEVICES, DUE, BY_HAND = 2, 3, 5
SLOTS = DUE + BY_HAND  # due times, the earliest first, then runs by hand
STEPS = 40


@dataclass
class Known:
    """What the server has promised of a slot. ``holder`` has it, or had it last."""

    run: dict[str, Any]
    holder: int
    revision: int
    attempt: int = 1
    is_leased: bool = True
    outcome: str | None = None


@dataclass(frozen=True)
class Grant:
    """What a device was told, and goes on believing."""

    slot: int
    attempt: int


class Step(NamedTuple):
    act: str
    device: int
    slot: int
    which: int
    outcome: str


class History:
    def __init__(self) -> None:
        cache.clear()
        account = make_account(tier="team")
        tokens = [start_session(user=account.user, origin=TESTS).access_token for _ in range(DEVICES)]
        self.devices = [Device(account, token=token) for token in tokens]
        self.slots = [*(ago((DUE - n) * HOUR) for n in range(DUE)), *(str(uuid4()) for _ in range(BY_HAND))]
        self.batch_id = str(self.devices[0].made(next_due_at=self.slots[0])["id"])
        self.revision, self.failures, self.settled = 1, 0, -1
        self.due: int | None = 0
        self.is_paused = False
        self.known: dict[int, Known] = {}
        self.grants: list[Grant] = []

    def claim(self, device: int, slot: int, *, is_current: bool = True) -> None:
        revision = self.revision if is_current else self.revision + 1
        answer = self.devices[device].claim(self.batch_id, self.slots[slot], revision=revision)
        known = self.known.get(slot)
        if known and known.outcome:
            assert (answer.status, answer.json["outcome"]) == (200, known.outcome)
        elif known and known.is_leased and known.holder == device:
            assert (answer.status, answer.json["attempt"]) == (200, known.attempt)
        elif known and known.is_leased:
            assert answer.code == "lease_held"
        elif slot < DUE and self.is_paused:
            assert answer.code == "conflict"
        elif not is_current:
            assert answer.code == "precondition_failed"
        elif known:
            known.attempt, known.holder, known.is_leased = known.attempt + 1, device, True
            known.revision = self.revision
            assert (answer.status, answer.json["attempt"]) == (201, known.attempt)
            self.grants.append(Grant(slot, known.attempt))
        else:
            assert (answer.status, answer.json["attempt"]) == (201, 1)
            self.known[slot] = Known(run=answer.json, holder=device, revision=self.revision)
            self.grants.append(Grant(slot, 1))

    def renew(self, grant: Grant) -> None:
        known = self.known[grant.slot]
        answer = self.devices[0].renew(known.run, attempt=grant.attempt)
        if grant.attempt != known.attempt:
            assert answer.code == "lease_lost"
        elif known.outcome:
            assert answer.code == "conflict"
        else:
            assert (answer.status, answer.json["attempt"]) == (200, known.attempt)
            known.is_leased = True

    def finish(self, grant: Grant, outcome: str) -> None:
        known, slot = self.known[grant.slot], grant.slot
        following = slot + 1 if slot + 1 < DUE else None
        answer = self.devices[0].finish(
            known.run,
            attempt=grant.attempt,
            outcome=outcome,
            next_due_at=None if following is None else self.slots[following],
        )
        if grant.attempt != known.attempt:
            assert answer.code == "lease_lost"
            return
        if known.outcome is None:
            known.outcome, known.is_leased = outcome, False
            self._settle(slot, following=following if known.revision == self.revision else None)
            self.failures = {"failed": self.failures + 1, "skipped": self.failures}.get(outcome, 0)
            self.is_paused = self.is_paused or self.failures >= 5
        assert (answer.status, answer.json["outcome"]) == (200, known.outcome)

    def take(self, step: Step) -> None:
        if step.act in {"renew", "finish", "fall silent"} and not self.grants:
            return
        grant = self.grants[step.which % len(self.grants)] if self.grants else None
        match step.act:
            case "claim" | "stale claim":
                self.claim(step.device, step.slot, is_current=step.act == "claim")
            case "pause" | "activate":
                self.pause_or_activate(is_paused=step.act == "pause")
            case "edit":
                self.edit(step.slot if step.slot < DUE else None)
            case "renew" if grant:
                self.renew(grant)
            case "finish" if grant:
                self.finish(grant, step.outcome)
            case "fall silent" if grant:
                self.fall_silent(grant)

    def _settle(self, slot: int, *, following: int | None) -> None:
        self.settled = max(self.settled, slot if slot < DUE else -1)
        if self.due is not None and self.due <= self.settled:
            self.due = None
        if following is not None and following > max(self.settled, -1 if self.due is None else self.due):
            self.due = following

    def fall_silent(self, grant: Grant) -> None:
        known = self.known[grant.slot]
        if known.is_leased:
            end_lease(known.run)
            known.is_leased = False

    def pause_or_activate(self, *, is_paused: bool) -> None:
        ask = self.devices[1].pause if is_paused else self.devices[1].activate
        assert ask(self.batch_id).status == 200
        if self.is_paused and not is_paused:
            self.failures = 0
        self.is_paused = is_paused

    def edit(self, due: int | None) -> None:
        self.revision += 1
        times: dict[str, Any] = {} if due is None else {"next_due_at": self.slots[due]}
        answer = self.devices[1].put(self.batch_id, **sealed(b"%d" % self.revision), **times)
        assert (answer.status, answer.json["revision"]) == (200, self.revision)
        if due is not None and due > self.settled:
            self.due = due

    def the_batch_is_what_has_happened(self) -> None:
        cache.clear()  # the limiter's windows
        batch = row_of({"id": self.batch_id})
        assert batch.state == ("paused" if self.is_paused else "active")
        assert (batch.revision, batch.consecutive_failures) == (self.revision, self.failures)
        assert batch.next_due_at == (None if self.due is None else datetime.fromisoformat(self.slots[self.due]))
        rows = BatchRun.objects.values_list("slot", "attempt", "outcome")
        told = {(one.run["slot"], one.attempt, one.outcome or "") for one in self.known.values()}
        assert set(rows.filter(batch__public_id=self.batch_id)) == told


ACTS = (*["claim"] * 5, "stale claim", "renew", *["finish"] * 3, *["fall silent"] * 2, "pause", "activate", "edit")
OUTCOMES = (*["failed"] * 4, "succeeded", "partial", "skipped")
steps = st.builds(
    Step,
    act=st.sampled_from(ACTS),
    device=st.integers(0, DEVICES - 1),
    slot=st.integers(0, SLOTS - 1),
    which=st.integers(0, STEPS),
    outcome=st.sampled_from(OUTCOMES),
)


@pytest.mark.slow
@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=st.lists(steps, min_size=STEPS, max_size=STEPS))
def test_a_slot_is_held_by_one_and_ends_once_whatever_happens(history: list[Step]) -> None:
    batch = History()
    for step in history:
        batch.take(step)
        batch.the_batch_is_what_has_happened()
