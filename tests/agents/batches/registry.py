"""How tests make batches and run their slots, over HTTP."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from agents.batches.models import Batch, BatchRun
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ITEMS = {"total": 3, "done": 2, "failed": 0, "skipped": 1}
SEALED = b"sealed by the client"


def sealed(spec: bytes = SEALED) -> dict[str, Any]:
    return {"spec": base64.b64encode(spec).decode(), "checksum": hashlib.sha256(spec).hexdigest()}


def ago(span: timedelta) -> str:
    """A time in whole seconds, as devices write them."""
    return (datetime.now(UTC) - span).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def shown(time: str) -> str:
    """What ``ago`` gave, as answers have it."""
    return time.replace("Z", ".000000Z")


class Device:
    """One session of an account."""

    def __init__(self, account: Account, *, token: str | None = None) -> None:
        self.account = account
        self._api = ApiClient()
        self._token = token or account.access_token

    def ask(self, method: str, path: str, **kwargs: Any) -> Answer:
        return self._api.request(method, path, token=self._token, **kwargs)

    def create(self, *, headers: dict[str, str] | None = None, **content: Any) -> Answer:
        body = {**sealed(), "trigger": "schedule", "state": "active"} | content
        return self.ask("POST", "batches", json=body, headers=headers)

    def made(self, **content: Any) -> dict[str, Any]:
        answer = self.create(**content)
        assert answer.status == 201, answer
        batch: dict[str, Any] = answer.json
        return batch

    def get(self, batch_id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"batches/{batch_id}")
        assert answer.status == 200, answer
        batch: dict[str, Any] = answer.json
        return batch

    def put(self, batch_id: str, *, headers: dict[str, str] | None = None, **changes: Any) -> Answer:
        return self.ask("PUT", f"batches/{batch_id}", json=changes, headers=headers)

    def listed(self) -> dict[str, Any]:
        answer = self.ask("GET", "batches")
        assert answer.status == 200, answer
        page: dict[str, Any] = answer.json
        return page

    def states(self) -> list[tuple[str, str | None]]:
        return [(batch["state"], batch["reason"]) for batch in self.listed()["items"]]

    def activate(self, batch_id: str) -> Answer:
        return self.ask("POST", f"batches/{batch_id}/activate")

    def pause(self, batch_id: str) -> Answer:
        return self.ask("POST", f"batches/{batch_id}/pause")

    def claim(self, batch_id: str, slot: str | None = None, *, revision: int = 1) -> Answer:
        body = {"slot": slot or str(uuid4()), "spec_revision": revision}
        return self.ask("POST", f"batches/{batch_id}/runs", json=body)

    def renew(self, run: dict[str, Any], *, attempt: int | None = None) -> Answer:
        body = {"attempt": attempt or run["attempt"]}
        return self.ask("PATCH", f"batches/runs/{run['run_id']}", json=body)

    def finish(self, run: dict[str, Any], *, attempt: int | None = None, **result: Any) -> Answer:
        body = {"attempt": attempt or run["attempt"], "outcome": "succeeded", "items": ITEMS} | result
        return self.ask("POST", f"batches/runs/{run['run_id']}/finish", json=body)

    def run(self, batch_id: str, slot: str | None = None, *, revision: int = 1, **result: Any) -> dict[str, Any]:
        """From its claim to its end."""
        answer = self.finish(self.claim(batch_id, slot, revision=revision).json, **result)
        assert answer.status == 200, answer
        run: dict[str, Any] = answer.json
        return run


def end_lease(run: dict[str, Any]) -> None:
    """As if its device had been silent for 120 s."""
    BatchRun.objects.filter(id=run["run_id"]).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))


def row_of(batch: dict[str, Any]) -> Batch:
    row: Batch = Batch.objects.get(public_id=batch["id"])
    return row
