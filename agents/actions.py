"""The change or query a client is asked to carry out on its own (encrypted) data."""

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

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
