"""The operations of a batch: what a client may ask, and which refusals follow from the state a record is in."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from adiuva.api.errors import (
    ChecksumMismatch,
    Conflict,
    PayloadTooLarge,
    PreconditionFailed,
    Problem,
    QuotaExceeded,
    ValidationFailed,
)
from adiuva.api.preconditions import ANY, is_matched
from storage.checksums import checksum_of
from storage.models import CHECKSUM, TABLE_NAME, StorageRecord

_CHECKSUM, _TABLE_NAME = re.compile(CHECKSUM), re.compile(TABLE_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """``is_sound``: the bytes that came are those of ``checksum``."""

    id: UUID
    table_name: str
    checksum: str
    size_bytes: int
    is_sound: bool
    if_match: str | None
    must_be_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    id: UUID
    if_match: str | None


Operation = Put | Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one operation, as the answer says it; ``state`` is the record's then, as far as there is one."""

    id: UUID
    status: int
    code: str | None = None
    revision: int | None = None
    etag: str | None = None
    seq: int | None = None

    @classmethod
    def of(cls, state: StorageRecord, *, status: int) -> "Result":
        return cls(id=state.id, status=status, revision=state.revision, etag=state.etag, seq=state.seq)

    @classmethod
    def refused(cls, record_id: UUID, problem: type[Problem], *, state: StorageRecord | None = None) -> "Result":
        return cls(
            id=record_id,
            status=problem.status,
            code=problem.code,
            revision=state.revision if state else None,
            etag=state.etag if state else None,
        )

    @property
    def is_refusal(self) -> bool:
        return self.code is not None

    def as_dict(self) -> dict[str, Any]:
        said = {"id": str(self.id), "status": self.status}
        for name in ("revision", "etag", "seq", "code"):
            if (value := getattr(self, name)) is not None:
                said[name] = value
        return said


def settle(operation: Operation, state: StorageRecord | None) -> Result | None:
    """Where nothing is to be done: it is refused, or done already. ``state`` is the record, or its tombstone. None for
    what has to be carried out, if the quota has room for it.
    """
    live = state if state is not None and state.deleted_at is None else None
    if isinstance(operation, Put):
        return _settle_put(operation, live)
    if live is not None:
        return _refuse_condition(operation, live)
    return Result(id=operation.id, status=204) if state is None else Result.of(state, status=204)


def _settle_put(put: Put, live: StorageRecord | None) -> Result | None:
    if put.size_bytes > settings.MAX_RECORD_BYTES:
        return Result.refused(put.id, PayloadTooLarge)
    is_same = live is not None and (live.table_name, live.checksum) == (put.table_name, put.checksum)
    if live is not None and live.table_name != put.table_name:
        return Result.refused(put.id, Conflict, state=live)
    if not is_same and (refusal := _refuse_condition(put, live)):
        return refusal
    if not put.is_sound:
        return Result.refused(put.id, ChecksumMismatch)
    return Result.of(live, status=200) if live is not None and is_same else None


def _refuse_condition(operation: Operation, live: StorageRecord | None) -> Result | None:
    is_met = not (isinstance(operation, Put) and operation.must_be_new and live is not None)
    if operation.if_match is not None:
        is_met = live is not None and is_matched(operation.if_match, live.etag)
    return None if is_met else Result.refused(operation.id, PreconditionFailed, state=live)


def over_quota(operation: Operation) -> Result:
    return Result.refused(operation.id, QuotaExceeded)


def parse_operation(sent: Any, *, field: str) -> tuple[Operation, bytes]:
    """The operation and its bytes, of JSON (base64) or CBOR (a byte string).

    Raises:
        ValidationFailed: with the names of what is wrong below ``field``.
    """
    if not isinstance(sent, Mapping):
        raise ValidationFailed({field: ["This must be an object."]})
    errors: dict[str, list[str]] = {}
    fields = _Fields(sent, errors)
    kind, record_id = sent.get("op"), fields.id()
    if_match, if_none_match = fields.condition("if_match"), fields.condition("if_none_match")
    if if_none_match is not None and (kind != "put" or if_none_match != ANY or if_match is not None):
        errors["if_none_match"] = ["Only *, of a put, and without if_match."]
    operation: Operation
    blob = b""
    if kind == "put":
        table_name, checksum, blob = fields.table_name(), fields.checksum(), fields.blob()
        operation = Put(
            id=record_id,
            table_name=table_name,
            checksum=checksum,
            size_bytes=len(blob),
            is_sound=not errors and checksum_of(blob) == checksum,
            if_match=if_match,
            must_be_new=if_none_match is not None,
        )
    else:
        if kind != "delete":
            errors["op"] = ["Must be put or delete."]
        operation = Delete(id=record_id, if_match=if_match)
    if errors:
        raise ValidationFailed({f"{field}.{name}": messages for name, messages in errors.items()})
    return operation, blob


_NO_ID = UUID(int=0)
Value = TypeVar("Value")


class _Fields:
    """By hand: a serializer takes ten times as long, and a batch has 500."""

    def __init__(self, sent: Mapping[str, Any], errors: dict[str, list[str]]) -> None:
        self._sent = sent
        self._errors = errors

    def id(self) -> UUID:
        value = self._sent.get("id")
        try:
            if isinstance(value, str):
                return UUID(value)
        except ValueError:
            pass
        return self._refuse("id", "Must be a valid UUID.", _NO_ID)

    def condition(self, name: str) -> str | None:
        value = self._sent.get(name)
        return value if value is None or isinstance(value, str) else self._refuse(name, "This must be a string.", None)

    def table_name(self) -> str:
        return self._matching("table_name", _TABLE_NAME)

    def checksum(self) -> str:
        return self._matching("checksum", _CHECKSUM)

    def _matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self._sent.get(name)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        return self._refuse(name, f"Must match {pattern.pattern}.", "")

    def blob(self) -> bytes:
        value = self._sent.get("blob")
        if isinstance(value, bytes):
            return value
        try:
            if isinstance(value, str):
                return base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            pass
        return self._refuse("blob", "Must be base64, or a byte string in CBOR.", b"")

    def _refuse(self, name: str, message: str, instead: Value) -> Value:
        self._errors[name] = [message]
        return instead
