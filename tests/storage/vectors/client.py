"""Shapes that the tests of vectors share."""

import base64
import hashlib
from typing import Any
from uuid import uuid4

from storage.models import StorageUsage, StoredVector
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

UPSERT, SEARCH, VECTORS = "storage/vectors/upsert", "storage/vectors/search", "storage/vectors"


def encode(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def item(blob: bytes = b"sealed", *, id: str | None = None, vector: Any = None, **other: Any) -> dict[str, Any]:  # noqa: A002 - the wire's word
    made = {"id": id or str(uuid4()), "blob": encode(blob), "checksum": hashlib.sha256(blob).hexdigest()}
    return made | ({} if vector is None else {"vector": vector}) | other


class Client:
    """One account's vectors over HTTP."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._api = ApiClient()

    def upsert(self, *items: dict[str, Any]) -> Answer:
        return self._api.post(UPSERT, json={"vectors": list(items)}, token=self.account.access_token)

    def search(self, **body: Any) -> Answer:
        return self._api.post(SEARCH, json=body, token=self.account.access_token)

    def delete(self, *ids: str) -> Answer:
        return self._api.delete(VECTORS, json={"ids": list(ids)}, token=self.account.access_token)

    def search_ids(self, **body: Any) -> list[str]:
        answer = self.search(**body)
        assert answer.status == 200, answer
        return [hit["id"] for hit in answer.json["results"]]

    def send(self, path: str, body: Any, method: str = "POST") -> Answer:
        return self._api.request(method, path, json=body, token=self.account.access_token)

    def usage(self) -> tuple[int, int, int | None]:
        """Vectors, bytes, dimension: as the database has them. The rows always sum up to the bytes."""
        rows = StoredVector.objects.for_user(self.account.user.id)
        usage = StorageUsage.objects.filter(user_id=self.account.user.id).first()
        size = usage.storage_bytes if usage else 0
        assert sum(len(row.blob) for row in rows) == sum(row.size_bytes for row in rows) == size
        return len(rows), size, usage.vector_dimension if usage else None
