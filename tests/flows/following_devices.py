"""A device that keeps notes, works offline, and follows the change feed by the rules of docs/api.md § 7."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.contract import CHECKED
from tests.support.server import RunningServer

PASSWORD = "a long sentence is best"


@dataclass(frozen=True, slots=True)
class Note:
    text: bytes
    revision: int
    etag: str


class Device:
    """``notes`` are those that it and the server had in common when it last heard of them, ``unsent`` its own new ones.
    ``told`` is what the feed has said of cursors that go on nowhere.
    """

    def __init__(self, server: RunningServer, email: str) -> None:
        told = {"email": email, "password": PASSWORD}
        self._tokens = httpx.post(f"{server.url}/api/v1/auth/login", json=told, timeout=30).json()
        self.notes: dict[str, Note] = {}
        self.unsent: dict[str, bytes] = {}
        self.told: list[str] = []
        self._since = "0"
        self._reason = ""
        self._http = self._connect(server)

    def turn_to(self, server: RunningServer) -> None:
        """The server is back, perhaps elsewhere."""
        self.close()
        self._http = self._connect(server)

    def close(self) -> None:
        self._http.close()

    def _connect(self, server: RunningServer) -> httpx.Client:
        bearer = {"Authorization": f"Bearer {self._tokens['access_token']}"}
        return httpx.Client(base_url=f"{server.url}/api/v1/", headers=bearer, timeout=30, event_hooks=CHECKED)

    @property
    def texts(self) -> dict[str, bytes]:
        return {one: note.text for one, note in self.notes.items()}

    def write(self, text: bytes) -> str:
        note_id = str(uuid.uuid4())
        self.unsent[note_id] = text
        return note_id

    def change(self, note_id: str, text: bytes) -> None:
        answer = self._upload("PUT", f"storage/records/{note_id}", text, {"If-Match": self.notes[note_id].etag})
        assert answer.status_code == 200, answer.text
        self._keep(answer.json(), text)

    def delete(self, note_id: str) -> None:
        assert self._http.delete(f"storage/records/{note_id}").status_code == 204
        del self.notes[note_id]

    def synchronise(self) -> None:
        """Reads the feed to its end, then sends what it has and the feed has not."""
        changes: dict[str, dict[str, Any]] = {}
        has_more = True
        while has_more:
            answer = self._http.get("storage/changes", params={"since": self._since, "limit": 2})
            if answer.status_code == 410:
                # What one restore has lost must not be dropped for a pruning before the feed was read to its end.
                self.told.append(answer.json()["reason"])
                self._reason = "restored" if "restored" in {self._reason, self.told[-1]} else "pruned"
                self._since, changes = "0", {}
                continue
            assert answer.status_code == 200, answer.text
            page = answer.json()
            changes |= {change["id"]: change for change in page["changes"]}
            self._since, has_more = page["next"], page["has_more"]
        for change in changes.values():
            self._apply(change)
        for note_id in self.notes.keys() - changes.keys() if self._reason else ():
            self._came_not(note_id)
        self._reason = ""
        for note_id, text in list(self.unsent.items()):
            self._create(note_id, text)
            del self.unsent[note_id]

    def _apply(self, change: dict[str, Any]) -> None:
        own = self.notes.get(change["id"])
        if self._reason == "restored" and own is not None and own.revision > change["revision"]:
            self._send_again(own, change)
        elif change["op"] == "delete":
            self.notes.pop(change["id"], None)
        elif own is None or own.etag != change["etag"]:
            answer = self._http.get(f"storage/records/{change['id']}")
            assert answer.headers["ETag"] == change["etag"]
            self._keep(change, answer.content)

    def _send_again(self, own: Note, change: dict[str, Any]) -> None:
        """It has a later state of the record than the feed: later also than its deletion, if that is what came."""
        if change["op"] == "delete":
            self._create(change["id"], own.text)
            return
        path = f"storage/records/{change['id']}"
        answer = self._upload("PUT", path, own.text, {"If-Match": change["etag"]})
        assert answer.status_code == 200, answer.text
        self._keep(answer.json(), own.text)

    def _came_not(self, note_id: str) -> None:
        if self._reason == "pruned":
            del self.notes[note_id]
        else:
            self._create(note_id, self.notes[note_id].text)

    def _create(self, note_id: str, text: bytes) -> None:
        """200: another device was faster, with the same."""
        answer = self._upload("POST", f"storage/records?table_name=notes&id={note_id}", text, {"If-None-Match": "*"})
        assert answer.status_code in {200, 201}, answer.text
        self._keep(answer.json(), text)

    def _upload(self, method: str, path: str, text: bytes, headers: dict[str, str]) -> httpx.Response:
        headers |= {"X-Checksum": hashlib.sha256(text).hexdigest(), "Content-Type": "application/octet-stream"}
        return self._http.request(method, path, content=text, headers=headers)

    def _keep(self, told: dict[str, Any], text: bytes) -> None:
        assert told["checksum"] == hashlib.sha256(text).hexdigest()
        self.notes[told["id"]] = Note(text, told["revision"], told["etag"])
