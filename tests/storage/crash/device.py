"""A client that remembers every answer, and does all that a client can do."""

import random
import uuid
from collections.abc import Callable
from typing import Any

from tests.storage.crash.contents import FORMS, Content, KnownState, some_content, upload_arguments
from tests.storage.crash.follower import Follower
from tests.storage.crash.http_client import HttpClient, NoAnswerError

TABLES = ("notes", "tasks")


class Device:
    """Several devices may share an account; each has records, vectors and backups of its own there.

    ``records``, ``vectors`` and ``backups`` hold what is known by id. ``unclaimed`` are new records and backups that
    got no answer, and so no id: each may be there once.
    """

    def __init__(self, client: HttpClient, rng: random.Random, *, uses_vectors: bool) -> None:
        self.client = client
        self.rng = rng
        self.uses_vectors = uses_vectors
        self.records: dict[str, KnownState] = {}
        self.tables: dict[str, str] = {}
        self.vectors: dict[str, KnownState] = {}
        self.backups: dict[str, KnownState] = {}
        self.unclaimed: set[Content] = set()
        self.follower = Follower(client)
        self._etags: dict[str, str] = {}
        self._sent: dict[str, Content] = {}

    def do_something(self) -> None:
        """One operation; that it may get no answer is in the books afterwards."""
        operations: dict[Callable[[], None], int] = {
            self.create: 6,
            self.put: 6,
            self.get: 3,
            self.delete: 3,
            self.restore: 3,
            self.put_backup: 2,
            self.delete_backup: 1,
            self.follow: 3,
        }
        if self.uses_vectors:
            operations |= {self.upsert_vectors: 2, self.delete_vectors: 1}
        self.rng.choices(list(operations), weights=list(operations.values()))[0]()

    # --- records ---

    def create(self) -> None:
        content = some_content(self.rng)
        table, form = self.rng.choice(TABLES), self.rng.choice(FORMS)
        record_id = self.rng.choice([None, self._new_id(), self._one_of(self.records, there=False)])
        known = self.records.setdefault(record_id, KnownState.nothing()) if record_id else None
        try:
            answer = self._upload("POST", "storage/records", form, content, table=table, record_id=record_id)
        except NoAnswerError:
            if known is None:
                self.unclaimed.add(content)
            else:
                known.may_be(content)
                self._etags.pop(str(record_id), None)
            return
        if answer.status_code == 409:
            assert known is not None
            assert known.may_be_there
            known.possible.discard(None)
            return
        assert answer.status_code == 201, answer.text
        meta = answer.json()
        assert (meta["checksum"], meta["size_bytes"], meta["table_name"]) == (content.checksum, content.size, table)
        assert record_id in {None, meta["id"]}
        self.tables[meta["id"]] = table
        self.records.setdefault(meta["id"], KnownState.nothing()).is_now(content)
        self._etags[meta["id"]] = answer.headers["ETag"]

    def put(self) -> None:
        record_id = self._one_of(self.records, there=True)
        if record_id is None:
            return self.create()
        content, form, known = some_content(self.rng), self.rng.choice(FORMS), self.records[record_id]
        etag = self._etags.get(record_id) if known.certain and self.rng.random() < 0.3 else None
        try:
            answer = self._upload("PUT", f"storage/records/{record_id}", form, content, etag=etag)
        except NoAnswerError:
            known.may_be(content)
            self._etags.pop(record_id, None)
            return None
        if answer.status_code == 404:
            known.observe(None)
            return None
        assert answer.status_code == 200, answer.text
        assert answer.json()["checksum"] == content.checksum
        known.is_now(content)
        self._etags[record_id] = answer.headers["ETag"]
        return None

    def get(self) -> None:
        record_id = self._one_of(self.records, there=True)
        if record_id is None:
            return
        try:
            answer = self.client.request("GET", f"storage/records/{record_id}")
        except NoAnswerError:
            return
        if answer.status_code == 404:
            self.records[record_id].observe(None)
            return
        assert answer.status_code == 200, answer.text
        assert Content.of(answer.content).checksum == answer.headers["X-Checksum"]
        self.records[record_id].observe(answer.headers["X-Checksum"])
        self._etags[record_id] = answer.headers["ETag"]

    def delete(self) -> None:
        self._delete(self.records, "storage/records")

    def restore(self) -> None:
        """Something that a record was, whether it is there now or not."""
        if not self.records:
            return
        record_id = self.rng.choice(list(self.records))
        path = f"storage/records/{record_id}/versions"
        try:
            listed = self.client.request("GET", path)
        except NoAnswerError:
            return
        if listed.status_code == 404 or not listed.json()["items"]:
            return
        version, known = self.rng.choice(listed.json()["items"]), self.records[record_id]
        content = self._sent[version["checksum"]]
        try:
            answer = self.client.request("POST", f"{path}/{version['revision']}/restore")
        except NoAnswerError:
            known.may_be(content)
            self._etags.pop(record_id, None)
            return
        if answer.status_code in {404, 409}:  # a request without an answer came through meanwhile; another table
            return
        assert answer.status_code == 200, answer.text
        assert (answer.json()["checksum"], answer.json()["size_bytes"]) == (content.checksum, content.size)
        known.is_now(content)
        self._etags[record_id] = answer.headers["ETag"]

    # --- backups ---

    def put_backup(self) -> None:
        content = some_content(self.rng)
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Backup-Version": "1",
            "X-Backup-Timestamp": "2026-01-01T00:00:00Z",
            "X-Backup-Checksum": content.checksum,
        }
        try:
            answer = self.client.request("PUT", "backup", headers=headers, content=content.data)
        except NoAnswerError:
            self.unclaimed.add(content)
            return
        assert answer.status_code == 201, answer.text
        self.backups[answer.json()["id"]] = KnownState({content})

    def delete_backup(self) -> None:
        self._delete(self.backups, "backup")

    # --- vectors ---

    def upsert_vectors(self) -> None:
        ids = {self._new_id(), self._one_of(self.vectors, there=True) or self._new_id()}
        vectors = {one: Content.of(self.rng.randbytes(self.rng.randrange(1, 500))) for one in sorted(ids)}
        sent = [
            upload_arguments("json", content, table=None, record_id=one)["json"] for one, content in vectors.items()
        ]
        known = {one: self.vectors.setdefault(one, KnownState.nothing()) for one in vectors}
        try:
            answer = self.client.request("POST", "storage/vectors/upsert", json={"vectors": sent})
        except NoAnswerError:
            for one, content in vectors.items():
                known[one].may_be(content)
            return
        assert (answer.status_code, answer.json()) == (200, {"upserted": len(vectors)})
        for one, content in vectors.items():
            known[one].is_now(content)

    def delete_vectors(self, record_id: str | None = None) -> None:
        one = record_id or self._one_of(self.vectors, there=True)
        if one is None:
            return
        known = self.vectors[one]
        try:
            answer = self.client.request("DELETE", "storage/vectors", json={"ids": [one]})
        except NoAnswerError:
            known.may_be(None)
            return
        assert answer.status_code == 200, answer.text
        assert answer.json()["deleted"] in {int(content is not None) for content in known.possible}
        known.is_now(None)

    # --- the feed ---

    def follow(self) -> None:
        try:
            self.follower.read_on(pages=1)
        except NoAnswerError:
            return

    # ---

    def _upload(
        self,
        method: str,
        path: str,
        form: str,
        content: Content,
        *,
        table: str | None = None,
        record_id: str | None = None,
        etag: str | None = None,
    ) -> Any:
        self._sent[content.checksum] = content
        arguments = upload_arguments(form, content, table=table, record_id=record_id)
        if etag is not None:
            arguments["headers"] = {**arguments.get("headers", {}), "If-Match": etag}
        return self.client.request(method, path, **arguments)

    def _delete(self, known: dict[str, KnownState], path: str) -> None:
        one = self._one_of(known, there=True)
        if one is None:
            return
        try:
            answer = self.client.request("DELETE", f"{path}/{one}")
        except NoAnswerError:
            known[one].may_be(None)
            return
        if answer.status_code == 404:
            known[one].observe(None)
            return
        assert answer.status_code == 204, answer.text
        known[one].is_now(None)

    def _one_of(self, known: dict[str, KnownState], *, there: bool) -> str | None:
        """An id under which something may be, or surely nothing is."""
        ids = [one for one, about in known.items() if about.may_be_there is there]
        return self.rng.choice(ids) if ids else None

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
