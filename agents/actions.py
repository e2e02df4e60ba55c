"""The change or query a client is asked to carry out on its own (encrypted) data."""

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

ActionType = Literal[
    "create_record",
    "update_record",
    "delete_record",
    "query_records",
    "index_document",
    "send_notification",
    "call_agent",
]
Table = Literal["tasks", "task_comments", "projects", "checkpoints", "notes"]


def new_id() -> str:
    """A random UUID as the wire writes it."""
    return str(uuid.uuid4())


class Ids(Protocol):
    """Where the ids of a turn's actions come from, and those of the records that they create."""

    def record(self) -> str:
        """For the record that the next action creates."""
        ...

    def action(self) -> str: ...


class RandomIds:
    def record(self) -> str:
        return new_id()

    def action(self) -> str:
        return new_id()


class DerivedIds:
    """UUIDv5 (RFC 9562 § 5.5) of ``{name}:{n}`` in ``namespace``, n from 0: the same work done again has the same ids.

    A record that action n creates has that of ``{name}:{n}:record``.
    """

    def __init__(self, *, namespace: UUID, name: str) -> None:
        self._namespace = namespace
        self._name = name
        self._next = 0

    def record(self) -> str:
        return self._derive(f"{self._next}:record")

    def action(self) -> str:
        derived = self._derive(str(self._next))
        self._next += 1
        return derived

    def _derive(self, suffix: str) -> str:
        return str(uuid.uuid5(self._namespace, f"{self._name}:{suffix}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step for the client; ``id`` is unique, so that it is applied once.

    ``name`` is the tool that made it. ``record_id`` names the record; for a ``create_record`` it is the fresh
    id the new record shall have, for a ``query_records`` it is null unless one record is read. ``data`` holds only
    the fields that were given.
    ``destructive`` is true where data would be lost.
    """

    name: str
    type: ActionType
    table: Table
    record_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    destructive: bool = False
    id: str = field(default_factory=new_id)

    def as_dict(self) -> dict[str, Any]:
        """The Action of docs/api.md § 5: ``{id, name, type, table, record_id, data, destructive}``."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "table": self.table,
            "record_id": self.record_id,
            "data": self.data,
            "destructive": self.destructive,
        }
