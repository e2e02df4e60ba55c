"""Devices of one user that race for the due slots of their batches (docs/api.md § 14), and the board on which a
referee, who sees all of them at once, holds what the server has promised to each.
"""

import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.support.server import RunningServer

ITEMS = 2  # of a run: what a device does under one lease
Answer = httpx.Response


@dataclass(frozen=True, slots=True)
class Slot:
    """``at`` is what names it to the server: a due time or, of one that is run by hand, a client's UUID. ``then`` is
    when its batch is due next, after a due time.
    """

    batch_id: str
    at: str
    due: datetime | None = None
    then: str | None = None


@dataclass(frozen=True, slots=True)
class Nature:
    """How a device is. Chances are of one slot or one answer; ``skew_seconds`` is how far its clock is ahead: by it
    the device knows what is due, and when to renew its lease.
    """

    seed: int
    skew_seconds: int
    loses: float
    sleeps: float
    dies_after: int | None


@dataclass(frozen=True, slots=True)
class Lease:
    run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Granted:
    """``at``: when the answer had come; ``until``: when the lease ends. Seconds of the true clock."""

    device: str
    at: float
    until: float


@dataclass(slots=True)
class Board:
    """Filled by all devices at once. ``staged`` is what was done under a lease, by run and attempt, and counts once the
    server has taken that attempt's end: a device that was taken over has worked for nothing.
    """

    granted: dict[Lease, list[Granted]] = field(default_factory=lambda: defaultdict(list))
    accepted: dict[Slot, set[Lease]] = field(default_factory=lambda: defaultdict(set))
    staged: dict[Lease, list[str]] = field(default_factory=lambda: defaultdict(list))
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self, lease: Lease, granted: Granted, *, asked_at: float) -> None:
        """``asked_at``: when the request was sent; leases of lower attempts may not have been alive at its answer."""
        with self.lock:
            self.granted[lease].append(granted)
            if len({one.device for one in self.granted[lease]}) > 1:
                self.faults.append(f"{lease} was given to two devices: {self.granted[lease]}")
            for other, grants in self.granted.items():
                if other.run_id != lease.run_id or other.attempt >= lease.attempt:
                    continue
                alive = [one for one in grants if one.at < asked_at and one.until > granted.at]
                if alive:
                    self.faults.append(f"{lease} was granted at {granted.at} while {other} was held: {alive}")

    def must_be_lost(self, lease: Lease, *, asked_at: float) -> bool:
        """Whether somebody had been told of a later attempt before a request under ``lease`` was sent."""
        with self.lock:
            return any(
                one.at < asked_at
                for other, grants in self.granted.items()
                if other.run_id == lease.run_id and other.attempt > lease.attempt
                for one in grants
            )

    def fault(self, line: str) -> None:
        with self.lock:
            self.faults.append(line)


class GoneError(Exception):
    """The request may have been carried out or not, and it is no use to ask again: the device has died."""


class Device(threading.Thread):
    """Has a session of its own, works off ``slots`` until it knows each of them ended, and asks whichever server."""

    def __init__(
        self,
        name: str,
        servers: Sequence[RunningServer],
        tokens: Mapping[str, str],
        *,
        slots: Sequence[Slot],
        nature: Nature,
        board: Board,
        lease_seconds: float,
        ends_at: float,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._clients = [
            httpx.Client(
                base_url=f"{server.url}/api/v1/",
                headers={"Authorization": f"Bearer {tokens['access_token']}"},
                timeout=20,
            )
            for server in servers
        ]
        self._nature = nature
        self._open = [slot for slot in slots if slot.due is None or slot.due.timestamp() <= self._now()]
        self._board = board
        self._lease_seconds = lease_seconds
        self._ends_at = ends_at
        self._rng = random.Random(f"{name} {nature.seed}")  # noqa: S311 - no secret
        self._done = 0

    def run(self) -> None:
        try:
            while self._open and time.monotonic() < self._ends_at:
                slot = self._choose()
                self._take(slot)
                if self._nature.dies_after is not None and self._done >= self._nature.dies_after:
                    self._claim(slot)  # and never comes back
                    return
        except GoneError:
            return
        except Exception as error:  # noqa: BLE001 - the referee says it
            self._board.fault(f"{self.name}: {error!r}")
        finally:
            for client in self._clients:
                client.close()

    def _choose(self) -> Slot:
        """Due times one after another, as they became due; what is run by hand in any order."""
        heads: dict[str, Slot] = {}
        for slot in self._open:
            if slot.due is not None:
                heads.setdefault(slot.batch_id, slot)
        by_hand = [slot for slot in self._open if slot.due is None]
        return self._rng.choice([*heads.values(), *by_hand[:6]])

    # --- one slot ---

    def _take(self, slot: Slot) -> None:
        held = self._claim(slot)
        if held is None:
            self._pause(0.0, 0.05)
            return
        lease, until = held
        sleeps_at = self._rng.randrange(ITEMS) if self._rng.random() < self._nature.sleeps else None
        for number in range(ITEMS):
            with self._board.lock:
                self._board.staged[lease].append(f"{self.name}:{number}")
            if number == sleeps_at:
                time.sleep(self._lease_seconds * self._rng.uniform(0.9, 1.6))
            else:
                self._pause(0.0, self._lease_seconds / 30)
            if until - self._now() < self._lease_seconds / 2:
                renewed = self._renew(lease)
                if renewed is None:
                    return
                until = renewed
        self._finish(slot, lease)

    def _claim(self, slot: Slot) -> tuple[Lease, float] | None:
        """None where there is nothing to do now: another one has it, or it has ended."""
        asked_at = time.time()
        answer = self._ask("POST", f"batches/{slot.batch_id}/runs", {"slot": slot.at, "spec_revision": 1})
        told = answer.json()
        self._board.told[f"claim {answer.status_code}"] += 1
        if answer.status_code == 409:
            assert told["code"] == "lease_held", told
            return None
        assert answer.status_code in {200, 201}, answer.text
        if told.get("outcome"):
            assert answer.status_code == 200
            self._forget_what_has_ended(slot)
            return None
        lease = Lease(told["run_id"], told["attempt"])
        until = datetime.fromisoformat(told["lease_expires_at"]).timestamp()
        self._board.grant(lease, Granted(self.name, time.time(), until), asked_at=asked_at)
        return lease, until

    def _renew(self, lease: Lease) -> float | None:
        asked_at = time.time()
        answer = self._ask("PATCH", f"batches/runs/{lease.run_id}", {"attempt": lease.attempt})
        if not self._still_mine(answer, lease, asked_at):
            return None
        until = datetime.fromisoformat(answer.json()["lease_expires_at"]).timestamp()
        self._board.grant(lease, Granted(self.name, time.time(), until), asked_at=asked_at)
        return until

    def _finish(self, slot: Slot, lease: Lease) -> None:
        body = {
            "attempt": lease.attempt,
            "outcome": "succeeded",
            "items": {"total": ITEMS, "done": ITEMS, "failed": 0, "skipped": 0},
        } | ({"next_due_at": slot.then} if slot.then else {})
        asked_at = time.time()
        answer = self._ask("POST", f"batches/runs/{lease.run_id}/finish", body)
        if self._still_mine(answer, lease, asked_at):
            with self._board.lock:
                self._board.accepted[slot].add(lease)
            self._open = [one for one in self._open if one != slot]
            self._done += 1
            if self._rng.random() < 0.2:  # told twice: a queue of one's own that was sent again
                again = self._ask("POST", f"batches/runs/{lease.run_id}/finish", body)
                assert (again.status_code, again.json()) == (200, answer.json()), again.text

    def _still_mine(self, answer: Answer, lease: Lease, asked_at: float) -> bool:
        self._board.told[f"{answer.request.method} {answer.status_code}"] += 1
        if answer.status_code == 410:
            assert answer.json()["code"] == "lease_lost", answer.text
            return False
        assert answer.status_code == 200, answer.text
        if self._board.must_be_lost(lease, asked_at=asked_at):
            self._board.fault(f"{self.name} under {lease}, which another one has taken over, heard {answer.text}")
        return True

    def _forget_what_has_ended(self, slot: Slot) -> None:
        """This one, and whatever else others have done of its batch meanwhile."""
        listed = self._ask("GET", f"batches/{slot.batch_id}/runs?limit=100").json()["items"]
        ended = {same_slot(run["slot"]) for run in listed if run["outcome"]}
        assert same_slot(slot.at) in ended
        self._open = [one for one in self._open if one.batch_id != slot.batch_id or same_slot(one.at) not in ended]

    # --- the wire ---

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Asks again where no answer came or it was lost, whichever server; not for ever."""
        while time.monotonic() < self._ends_at:
            try:
                answer = self._rng.choice(self._clients).request(method, path, json=body)
            except httpx.TransportError:
                self._board.told["no answer"] += 1
                self._pause(0.02, 0.1)
                continue
            if answer.status_code == 503:
                self._pause(0.1, 0.3)
            elif answer.status_code == 429:
                time.sleep(float(answer.headers["Retry-After"]))
            elif self._rng.random() < self._nature.loses:
                self._board.told["lost"] += 1
            else:
                return answer
        raise GoneError

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self._rng.uniform(least, most))

    def _now(self) -> float:
        """By this device's clock."""
        return time.time() + self._nature.skew_seconds


def due_times(*, count: int, last: datetime, apart: timedelta) -> list[datetime]:
    """Of a schedule that nobody was there to run, up to ``last``."""
    return [last - apart * (count - 1 - number) for number in range(count)]


def due_slots(batch_id: str, times: Sequence[datetime], *, apart: timedelta) -> list[Slot]:
    return [Slot(batch_id, rfc3339(at), at, rfc3339(at + apart)) for at in times]


def manual_slots(batch_id: str, *, count: int, rng: random.Random) -> list[Slot]:
    return [Slot(batch_id, str(uuid.UUID(int=rng.getrandbits(128), version=4))) for _ in range(count)]


def same_slot(at: str) -> str | datetime:
    """A due time may be written in several ways."""
    return datetime.fromisoformat(at) if at.endswith("Z") else at


def rfc3339(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
