"""A client of tus 1.0, as plain as the protocol."""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

UPLOADS = "storage/uploads"
VERSION = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"


def encode_metadata(fields: dict[str, str]) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in fields.items())


def record_fields(content: bytes, **others: str) -> dict[str, str]:
    checksum = hashlib.sha256(content).hexdigest()
    return {"target": "record", "table_name": "notes", "checksum": checksum, "id": str(uuid.uuid4())} | others


def backup_fields(content: bytes, **others: str) -> dict[str, str]:
    checksum = hashlib.sha256(content).hexdigest()
    timestamp = "2026-11-22T18:20:05Z"
    return {"target": "backup", "version": "7", "timestamp": timestamp, "checksum": checksum} | others


def part_checksum(content: bytes, algorithm: str = "sha256") -> dict[str, str]:
    digest = hashlib.new(algorithm, content, usedforsecurity=False).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


@dataclass
class TusDevice:
    api: ApiClient
    account: Account

    def request(self, method: str, path: str, **kwargs: Any) -> Answer:
        headers = VERSION | kwargs.pop("headers", {})
        answer = self.api.request(method, path, token=self.account.access_token, headers=headers, **kwargs)
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        return answer

    def create(self, fields: dict[str, str], length: int, **headers: str) -> Answer:
        asked = {"Upload-Length": str(length), "Upload-Metadata": encode_metadata(fields)} | headers
        return self.request("POST", UPLOADS, headers=asked)

    def begin(self, fields: dict[str, str], length: int) -> str:
        answer = self.create(fields, length)
        assert answer.status == 201, answer
        return str(answer.headers["Location"])

    def send(self, path: str, offset: int, part: bytes, **headers: str) -> Answer:
        headers = {"Upload-Offset": str(offset)} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("PATCH", path, body=part, content_type=PART, headers=headers)

    def head(self, path: str) -> Answer:
        return self.request("HEAD", path)

    def offset(self, path: str) -> int:
        answer = self.head(path)
        assert answer.status == 200, answer
        return int(answer.headers["Upload-Offset"])

    def read(self, path: str) -> Answer:
        return self.api.get(path, token=self.account.access_token)

    def records(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.read("storage/records").json["items"]
        return items

    def used(self, kind: str = "storage") -> int:
        used: int = self.read("storage/quota").json[kind]["used_bytes"]
        return used
