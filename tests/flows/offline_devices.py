"""A device that works offline, and keeps in step by the bulk routes (docs/api.md § 7) while answers are lost."""

import base64
import hashlib
import io
import json
import random
import time
import uuid
from dataclasses import dataclass
from typing import Any

import cbor2
import httpx

from tests.flows.following_devices import PASSWORD, Note
from tests.support.contract import CHECKED
from tests.support.server import RunningServer

LOST_ANSWERS = 0.15
INLINE_BYTES = 400  # what is larger does not come with the feed
SEQUENCE, JSON = "application/cbor-seq", "application/json"
Item = dict[str, Any]


class LostError(Exception):
    """The request may have been carried out, or not."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """``text`` is None for a deletion. ``etag`` is that of the state it was made on; None for what is new."""

    text: bytes | None
    etag: str | None


class Device:
    """``notes`` are those that the server had when the device last heard of it, ``unsent`` what it did since: one
    change of a note at most. Of two that changed the same, the later one keeps its text as another note.
    """

    def __init__(self, server: RunningServer, email: str, *, form: str, rng: random.Random) -> None:
        told = {"email": email, "password": PASSWORD}
        tokens = httpx.post(f"{server.url}/api/v1/auth/login", json=told, timeout=30).raise_for_status().json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        self._http = httpx.Client(base_url=f"{server.url}/api/v1/", headers=bearer, timeout=60, event_hooks=CHECKED)
        self._form = form
        self._rng = rng
        self._since = "0"
        self._reason = ""
        self.notes: dict[str, Note] = {}
        self.unsent: dict[str, Unsent] = {}
        self.reasons: list[str] = []
        self.loses_answers = True

    def close(self) -> None:
        self._http.close()

    @property
    def untouched(self) -> list[str]:
        return sorted(self.notes.keys() - self.unsent.keys())

    def write(self, text: bytes) -> None:
        self.unsent[str(uuid.UUID(int=self._rng.getrandbits(128), version=4))] = Unsent(text, None)

    def change(self, note_id: str, text: bytes | None) -> None:
        self.unsent[note_id] = Unsent(text, self.notes[note_id].etag)

    def synchronise(self) -> None:
        """Raises ``LostError``; what has come by then is kept."""
        self._pull()
        while self.unsent:
            self._push()

    # --- reading ---

    def _pull(self) -> None:
        changes: dict[str, Item] = {}
        has_more = True
        since, reason = self._since, self._reason
        while has_more:
            query = f"since={since}&limit=50&include=blob&max_blob_bytes={INLINE_BYTES}"
            answer = self._ask("GET", f"storage/changes?{query}")
            if answer.status_code == 410:
                self.reasons.append(answer.json()["reason"])
                reason = "restored" if "restored" in {reason, self.reasons[-1]} else "pruned"
                since, changes = "0", {}
                continue
            *items, end = self._items(answer, "changes")
            changes |= {change["id"]: change for change in items}
            since, has_more = end["next"], end["has_more"]
        self._fetch(changes)
        for change in changes.values():
            self._apply(change, reason)
        if reason:
            for note_id in self.notes.keys() - changes.keys():
                self.unsent[note_id] = Unsent(self.notes[note_id].text, None)
        self._since, self._reason = since, ""

    def _fetch(self, changes: dict[str, Item]) -> None:
        """The bytes that did not come with the feed; of a record that is gone since then its deletion will come."""
        wanted = [one for one, change in changes.items() if change["op"] == "put" and change["blob"] is None]
        while wanted:
            answer = self._ask("POST", "storage/records/fetch", [{"ids": wanted}])
            *records, end = self._items(answer, "records")
            assert not end["too_large"]
            for record in records:
                changes[record["id"]] |= record
            for missing in end["missing"]:
                del changes[missing]
            wanted = end["more"]

    def _apply(self, change: Item, reason: str) -> None:
        note_id, own, unsent = change["id"], self.notes.get(change["id"]), self.unsent.get(change["id"])
        is_deletion = change["op"] == "delete"
        if reason == "restored" and own is not None and own.revision > change["revision"]:
            self.unsent[note_id] = Unsent(own.text, None if is_deletion else change["etag"])
            return
        if is_deletion:
            self.notes.pop(note_id, None)
        else:
            assert hashlib.sha256(change["blob"]).hexdigest() == change["checksum"]
            self.notes[note_id] = Note(change["blob"], change["revision"], change["etag"])
        if unsent is not None and unsent.text == (None if is_deletion else change["blob"]):
            del self.unsent[note_id]  # it had arrived

    # --- writing ---

    def _push(self) -> None:
        sent = dict(self.unsent)
        answer = self._ask("POST", "storage/records/batch", [self._operation(*one) for one in sent.items()])
        results = self._items(answer, "results")
        assert [result["id"] for result in results] == list(sent)
        for result in results:
            self._settle(result, sent[result["id"]])

    def _operation(self, note_id: str, unsent: Unsent) -> Item:
        condition = {"if_match": unsent.etag} if unsent.etag else {"if_none_match": "*"}
        if unsent.text is None:
            return {"op": "delete", "id": note_id, **condition}
        checksum = hashlib.sha256(unsent.text).hexdigest()
        put = {"op": "put", "id": note_id, "table_name": "notes", "checksum": checksum, "blob": unsent.text}
        return put | condition

    def _settle(self, result: Item, unsent: Unsent) -> None:
        note_id, status = result["id"], result["status"]
        assert status in {200, 201, 204, 412}, result
        del self.unsent[note_id]
        if status == 204:
            self.notes.pop(note_id, None)
        elif status == 412 and unsent.text is not None:
            self.write(unsent.text)
        elif status in {200, 201}:
            assert unsent.text is not None
            self.notes[note_id] = Note(unsent.text, result["revision"], result["etag"])

    # --- the wire ---

    def _ask(self, method: str, path: str, items: list[Item] | None = None) -> httpx.Response:
        while True:
            try:
                answer = self._http.request(
                    method,
                    path,
                    content=None if items is None else self._body(items),
                    headers={"Accept": self._form, **({} if items is None else {"Content-Type": self._form})},
                )
            except httpx.TransportError as error:
                raise LostError from error
            if answer.status_code != 429:
                break
            time.sleep(float(answer.headers["Retry-After"]))
        if answer.status_code == 503 or (self.loses_answers and self._rng.random() < LOST_ANSWERS):
            raise LostError
        assert answer.status_code in {200, 410}, answer.text
        return answer

    def _body(self, items: list[Item]) -> bytes:
        is_fetch = "ids" in items[0]
        if self._form == SEQUENCE:
            return b"".join(cbor2.dumps(item) for item in (items if is_fetch else [{"atomic": False}, *items]))
        if is_fetch:
            return json.dumps(items[0]).encode()
        readable = [
            item | {"blob": base64.b64encode(item["blob"]).decode()} if "blob" in item else item for item in items
        ]
        return json.dumps({"operations": readable}).encode()

    def _items(self, answer: httpx.Response, name: str) -> list[Item]:
        """Those of the list, and then what is said beside it where there is anything."""
        if answer.headers["Content-Type"] == SEQUENCE:
            stream = io.BytesIO(answer.content)
            items = []
            while stream.tell() < len(answer.content):
                items.append(cbor2.load(stream))
            return items
        document = answer.json()
        listed: list[Item] = document.pop(name)
        for item in listed:
            if item.get("blob") is not None:
                item["blob"] = base64.b64decode(item["blob"])
        return [*listed, document] if document else listed
