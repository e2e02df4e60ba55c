"""``SyncStream`` in the tests' own process, and what it tells of."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator, validate

from storage.quota import lock_usage
from storage.sync.consumer import SyncStream
from storage.sync.openapi import SERVER_FRAMES
from tests.support.accounts import Account
from tests.support.sockets import Frame, WireSocket

PATH = "/api/v1/sync"


class SyncSocket(WireSocket):
    def check(self, frame: Frame) -> None:
        schemas = {schema["properties"]["type"]["const"]: schema for schema in SERVER_FRAMES.values()}
        schema = schemas[frame["type"]] | {"additionalProperties": False}
        validate(frame, schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


Connect = Callable[..., Awaitable[SyncSocket]]


def sync_socket(account: Account | None = None, *, query: str = "", **options: Any) -> SyncSocket:
    """``options`` go to ``SyncStream``."""
    return SyncSocket(SyncStream, PATH, query=f"token={account.access_token}" if account else query, **options)


def change_feed(user_id: UUID, *, times: int = 1) -> int:
    """Commits as a record does; returns the number of the last change."""
    seq = 0
    for _ in range(times):
        with lock_usage(user_id) as usage:
            seq = usage.next_seq()
    return seq
