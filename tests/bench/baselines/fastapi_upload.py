"""`POST /storage/records` beside the routes of `fastapi_app`: the same promises to a client, made with its tools.

A quota known to be full refuses before the body; then bytes are counted and hashed while they come, and lie on the disk
under a key of their own (file and folders synced) before one transaction makes them count: the user's counters locked,
account and tier read anew, the epoch of the change feed, the quota, the row, the counters. What fails takes the file
along. One visit to a thread for all that touches the disk.
"""

import asyncio
import contextlib
import hashlib
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Header, HTTPException, Query, Request, Response
from sqlalchemy import ForeignKey, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, contains_eager, mapped_column

from tests.bench.baselines.fastapi_app import (
    Base,
    Caller,
    Database,
    Record,
    RecordMeta,
    Subscription,
    User,
    app,
    main,
)

GIB = 1024**3
QUOTA = {"free": 0, "pro": 5 * GIB, "power": 25 * GIB, "team": None}
MAX_RECORD_BYTES = 100 * 1024 * 1024
IN_MEMORY_BYTES = 1024 * 1024
ROOT = Path(os.environ["DATA_DIR"]) / "baseline-blobs"
UNFINISHED = ROOT / ".unfinished"


class Usage(Base):
    __tablename__ = "storage_usage"
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    storage_bytes: Mapped[int] = mapped_column(default=0)
    backup_bytes: Mapped[int] = mapped_column(default=0)
    storage_limit_bytes: Mapped[int | None]
    last_seq: Mapped[int] = mapped_column(default=0)
    pruned_seq: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime]


class Epoch(Base):
    __tablename__ = "storage_feed_epoch"
    id: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[uuid.UUID | None]
    revision_floor: Mapped[int]


class CreatedMeta(RecordMeta):
    etag: str


class Draft:
    """A body on its way to the disk: in memory until there is much of it. Its methods block, but for `add`."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.size = 0
        self._digest = hashlib.sha256()
        self._parts: list[bytes] = []
        self._waiting = 0
        self._path = UNFINISHED / uuid.uuid4().hex
        self._file: int | None = None

    def add(self, part: bytes) -> bool:
        """True when it is time to `write`."""
        self.size += len(part)
        self._waiting += len(part)
        self._digest.update(part)
        self._parts.append(part)
        return self._waiting >= IN_MEMORY_BYTES

    @property
    def checksum(self) -> str:
        return self._digest.hexdigest()

    def write(self) -> None:
        if self._file is None:
            UNFINISHED.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        for part in self._parts:
            os.write(self._file, part)
        self._parts, self._waiting = [], 0

    def publish(self) -> None:
        self.write()
        assert self._file is not None
        os.fsync(self._file)
        os.close(self._file)
        target = ROOT / self.key
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.rename(target)
        for folder in target.parents:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            os.fsync(opened)
            os.close(opened)
            if folder == ROOT:
                break

    def discard(self) -> None:
        for path in (self._path, ROOT / self.key):
            path.unlink(missing_ok=True)


def require(holds: bool, status: int) -> None:
    if not holds:
        raise HTTPException(status)


def require_room(usage: Usage | None, tier: str, size: int) -> None:
    limit = QUOTA[tier] if usage is None or usage.storage_limit_bytes is None else usage.storage_limit_bytes
    used = 0 if usage is None else usage.storage_bytes
    require(limit is None or (limit != 0 and used + size <= limit), 402)


@app.post("/api/v1/storage/records", response_model=CreatedMeta, status_code=201)
async def create(
    request: Request,
    response: Response,
    caller: Caller,
    db: Database,
    table_name: Annotated[str, Query(pattern="^[a-z][a-z0-9_]{0,63}$")],
    x_checksum: Annotated[str, Header(pattern="^[0-9a-f]{64}$")],
    chosen: Annotated[uuid.UUID | None, Query(alias="id")] = None,
    content_length: Annotated[int, Header()] = 0,
) -> Any:
    user, tier = caller
    require_room(await db.get(Usage, user.id), tier, content_length)
    await db.commit()  # a body that is slow must not keep a pooled connection
    record_id = chosen or uuid.uuid4()
    draft = Draft(f"{user.id}/{table_name}/{record_id}.{uuid.uuid4().hex}")
    try:
        async for part in request.stream():
            require(draft.size + len(part) <= MAX_RECORD_BYTES, 413)
            if draft.add(part):
                await asyncio.to_thread(draft.write)
        require(draft.checksum == x_checksum, 400)
        await asyncio.to_thread(draft.publish)
        meta = await commit(db, user.id, record_id, table_name=table_name, draft=draft, is_chosen=chosen is not None)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.discard()
        raise
    response.headers["ETag"] = meta.etag
    response.headers["Location"] = f"{request.url.path}/{record_id}"
    return meta


async def commit(
    db: AsyncSession, user_id: uuid.UUID, record_id: uuid.UUID, *, table_name: str, draft: Draft, is_chosen: bool
) -> CreatedMeta:
    now = datetime.now(UTC)
    async with db.begin():
        locked = (
            select(Usage).where(Usage.user_id == user_id).with_for_update().execution_options(populate_existing=True)
        )
        usage = await db.scalar(locked)
        if usage is None:
            first = {"user_id": user_id, "updated_at": now}
            zeros = {"storage_bytes": 0, "backup_bytes": 0, "last_seq": 0, "pruned_seq": 0}
            await db.execute(insert(Usage).values(**first, **zeros).on_conflict_do_nothing())
            usage = await db.scalar(locked)
            assert usage is not None
        user = await db.scalar(
            select(User)
            .outerjoin(User.subscription)
            .options(contains_eager(User.subscription))
            .where(User.id == user_id, User.is_active)
            .execution_options(populate_existing=True)
        )
        if user is None:
            raise HTTPException(401)
        require(not is_chosen or await db.get(Record, (user_id, record_id)) is None, 409)
        floor = await db.scalar(select(Epoch.revision_floor).where(Epoch.epoch.is_not(None)))
        subscription: Subscription | None = user.subscription
        require_room(usage, subscription.tier if subscription else "free", draft.size)
        usage.storage_bytes += draft.size
        usage.last_seq += 1
        usage.updated_at = now
        record = Record(
            user_id=user_id,
            id=record_id,
            table_name=table_name,
            s3_key=draft.key,
            checksum=draft.checksum,
            size_bytes=draft.size,
            revision=(floor or 0) + 1,
            seq=usage.last_seq,
            created_at=now,
            updated_at=now,
        )
        db.add(record)
    fields = {name: getattr(record, name) for name in RecordMeta.model_fields}
    return CreatedMeta(**fields, etag=f'"{record.revision}-{record.checksum[:16]}"')


if __name__ == "__main__":
    main()
