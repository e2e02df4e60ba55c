"""A client of the bulk routes, in each of their two forms."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from adiuva.api.cbor import SEQUENCE, read_sequence, write
from storage.checksums import checksum_of
from tests.storage.records.devices import Device
from tests.support.client import Answer

JSON = "application/json"
FORMS = (JSON, SEQUENCE)
MOST_VALUES = 100_000


def put(data: bytes, *, table: str = "notes", record_id: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "op": "put",
        "id": record_id or str(uuid4()),
        "table_name": table,
        "checksum": checksum_of(data),
        "blob": data,
        **more,
    }


def delete(record_id: str, **more: Any) -> dict[str, Any]:
    return {"op": "delete", "id": record_id, **more}


@dataclass(frozen=True, slots=True)
class Bulk:
    """What it answers is the same for both forms: blobs are bytes."""

    device: Device
    form: str = JSON

    def send(self, operations: Sequence[Any], **members: Any) -> Answer:
        return self.post("batch", {**members, "operations": list(operations)}, listed="operations")

    def batch(self, *operations: Mapping[str, Any], **members: Any) -> list[dict[str, Any]]:
        answer = self.send(operations, **members)
        assert answer.status == 200, answer
        results: list[dict[str, Any]] = self.read(answer, listed="results")["results"]
        return results

    def statuses(self, *operations: Mapping[str, Any], **members: Any) -> list[int]:
        return [result["status"] for result in self.batch(*operations, **members)]

    def fetch(self, ids: Sequence[str]) -> dict[str, Any]:
        answer = self.post("fetch", {"ids": list(ids)})
        assert answer.status == 200, answer
        return self.read(answer, listed="records")

    def feed(self, query: str = "include=blob") -> dict[str, Any]:
        answer = self.device.api.get(f"storage/changes?{query}", token=self.device.token, headers={"Accept": self.form})
        assert answer.status == 200, answer
        return self.read(answer, listed="changes")

    def post(self, route: str, body: dict[str, Any], *, listed: str | None = None) -> Answer:
        return self.device.api.post(
            f"storage/records/{route}",
            body=self.encode(body, listed=listed),
            content_type=self.form,
            token=self.device.token,
            headers={"Accept": self.form, "Content-Type": self.form},  # Django's client forgets that of an empty body
        )

    def encode(self, body: dict[str, Any], *, listed: str | None) -> bytes:
        if self.form == JSON:
            return as_json(body).encode()
        items = list(body.pop(listed)) if listed else []
        return b"".join(map(write, [*([body] if body else []), *items]))

    def read(self, answer: Answer, *, listed: str) -> dict[str, Any]:
        assert answer.headers["Content-Type"] == self.form
        if self.form == JSON:
            said: dict[str, Any] = answer.json
            for item in said[listed]:
                if isinstance(item.get("blob"), str):
                    item["blob"] = base64.b64decode(item["blob"], validate=True)
            return said
        items = list(read_sequence(answer.content, most_values=MOST_VALUES))
        rest = items.pop() if listed != "results" else {}
        return {listed: items, **rest}


def as_json(value: Any) -> str:
    return json.dumps(value, default=lambda data: base64.b64encode(data).decode())
