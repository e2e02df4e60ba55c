"""Sealed bytes for tests, and what may be stored after requests that got no answer."""

import base64
import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LIVE_BYTES = 64 * 1024  # from here on the server reads a body while it arrives
FORMS = ("stream", "slow stream", "chunked", "multipart", "json")


@dataclass(frozen=True, slots=True)
class Content:
    data: bytes
    checksum: str

    @classmethod
    def of(cls, data: bytes) -> "Content":
        return cls(data, hashlib.sha256(data).hexdigest())

    @property
    def size(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"<{self.size} bytes, {self.checksum[:8]}>"


def some_content(rng: random.Random) -> Content:
    """Never the same twice; about a third is long enough to be read while it arrives."""
    sizes = [rng.randrange(16, 2048), rng.randrange(2048, LIVE_BYTES), rng.randrange(LIVE_BYTES, 6 * LIVE_BYTES)]
    return Content.of(rng.randbytes(rng.choice(sizes)))


def upload_arguments(form: str, content: Content, *, table: str | None, record_id: str | None) -> dict[str, Any]:
    """For ``httpx``: one of the three forms of an upload, the first of them at three paces."""
    fields = {name: value for name, value in {"table_name": table, "id": record_id}.items() if value is not None}
    if form == "json":
        blob = base64.b64encode(content.data).decode()
        return {"json": {**fields, "checksum": content.checksum, "blob": blob}}
    if form == "multipart":
        return {"data": {**fields, "checksum": content.checksum}, "files": {"blob": ("blob", content.data)}}
    headers = {"Content-Type": "application/octet-stream", "X-Checksum": content.checksum}
    if form == "stream":
        return {"params": fields, "headers": headers, "content": content.data}
    if form == "slow stream":
        headers["Content-Length"] = str(content.size)  # otherwise httpx sends chunks
    return {"params": fields, "headers": headers, "content": slowly(content.data)}


def slowly(data: bytes, *, pauses: int = 6) -> Iterator[bytes]:
    step = max(1, len(data) // pauses)
    for start in range(0, len(data), step):
        yield data[start : start + step]
        time.sleep(0.01)


@dataclass(slots=True)
class KnownState:
    """What may be stored under one id: ``None`` for nothing. One possibility is certainty."""

    possible: set[Content | None]

    @classmethod
    def nothing(cls) -> "KnownState":
        return cls({None})

    @property
    def certain(self) -> bool:
        return len(self.possible) == 1

    @property
    def may_be_there(self) -> bool:
        return self.possible != {None}

    def is_now(self, content: Content | None) -> None:
        """An answer said so."""
        self.possible = {content}

    def may_be(self, content: Content | None) -> None:
        """A request for it got no answer."""
        self.possible.add(content)

    def observe(self, checksum: str | None) -> None:
        """It was looked up: ``checksum`` of what is there. Fails when it cannot be that."""
        found = {one for one in self.possible if (one.checksum if one else None) == checksum}
        assert found, f"found {checksum}, possible was {self.possible}"
        self.possible = found
