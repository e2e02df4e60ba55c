"""The records one turn knows: those the client sent, those it answered with, and those the turn itself made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from agents.actions import Action, Table

Row = dict[str, Any]

# Where each table's rows stand in a ChatRequest's context.
CONTEXT_KEYS: Mapping[Table, str] = {
    "tasks": "recent_tasks",
    "task_comments": "task_comments",
    "projects": "projects",
    "checkpoints": "checkpoints",
    "notes": "notes",
}
# What a row may hold of other tables: (key, table, and the field of those rows that names this one).
_NESTED: Mapping[Table, Sequence[tuple[str, Table, str]]] = {
    "tasks": [("comments", "task_comments", "task_id")],
    "projects": [
        ("tasks", "tasks", "project_id"),
        ("checkpoints", "checkpoints", "project_id"),
        ("notes", "notes", "project_id"),
    ],
}
# An id that a person wrote out is as good as one in the context. Short ones would be found in any text.
_MIN_WRITTEN_ID = 8


class RunRecords:
    """Rows by table and id. A model may only touch records found here, so that a made-up id never becomes an action."""

    def __init__(self, written: str = "") -> None:
        self._tables: dict[Table, dict[str, Row]] = {table: {} for table in CONTEXT_KEYS}
        self._created: set[tuple[Table, str]] = set()
        self._written = written

    @classmethod
    def of(cls, data: Mapping[str, Any], query: str = "") -> Self:
        """The records of a ChatRequest's ``context``; ``query`` and the conversation so far may name ids as well."""
        history = data.get("conversation_history")
        entries = history if isinstance(history, list) else []
        contents = [entry["content"] for entry in entries if isinstance(entry, Mapping) and "content" in entry]
        records = cls("\n".join(text for text in [query, *contents] if isinstance(text, str)))
        for table, key in CONTEXT_KEYS.items():
            records.learn(table, data.get(key))
        return records

    def learn(self, table: Table, rows: Any) -> None:
        """Add the rows found in ``rows``: a list of them, one of them, or an object that holds such."""
        for row in _rows_in(rows):
            record_id = row.get("id")
            if isinstance(record_id, str | int) and not isinstance(record_id, bool):
                known = self._tables[table].setdefault(str(record_id), {})
                known.update(row)
                self._learn_from_row(table, str(record_id), row)

    def _learn_from_row(self, table: Table, record_id: str, row: Row) -> None:
        """The project that a row belongs to is known by its id, and so are the rows it holds."""
        project_id = row.get("project_id")
        if isinstance(project_id, str) and project_id:
            self._tables["projects"].setdefault(project_id, {"id": project_id})
        for key, inner, owner in _NESTED.get(table, ()):
            items = row.get(key)
            if isinstance(items, list):
                self.learn(inner, [{owner: record_id, **item} for item in items if isinstance(item, Mapping)])

    def knows(self, table: Table, record_id: str) -> bool:
        if record_id in self._tables[table]:
            return True
        return len(record_id) >= _MIN_WRITTEN_ID and record_id in self._written

    def was_created(self, table: Table, record_id: str) -> bool:
        """The turn itself made that record."""
        return (table, record_id) in self._created

    def rows(self, table: Table) -> list[Row]:
        return list(self._tables[table].values())

    def apply(self, action: Action) -> None:
        """Let later calls of the turn see what ``action`` does."""
        if action.record_id is None:
            return
        rows = self._tables[action.table]
        if action.type == "create_record":
            rows[action.record_id] = {"id": action.record_id, **action.data}
            self._created.add((action.table, action.record_id))
        elif action.type == "update_record":
            rows.setdefault(action.record_id, {"id": action.record_id}).update(action.data)
        elif action.type == "delete_record":
            rows.pop(action.record_id, None)
            # Not even an id the user wrote: what is deleted is gone for the rest of the turn.
            self._written = self._written.replace(action.record_id, "")


def _rows_in(value: Any) -> Iterable[Row]:
    if isinstance(value, Mapping):
        if "id" in value:
            yield dict(value)
            return
        for item in value.values():
            if isinstance(item, list) or (isinstance(item, Mapping) and "id" in item):
                yield from _rows_in(item)
    elif isinstance(value, list):
        yield from (dict(item) for item in value if isinstance(item, Mapping))


def data_after(data: Mapping[str, Any], actions: Iterable[Action]) -> Mapping[str, Any]:
    """A ChatRequest's ``context`` as it is once the client has carried out ``actions``."""
    changed: dict[str, list[Any]] = {}
    for action in actions:
        if action.record_id is None or action.type == "query_records":
            continue
        key = CONTEXT_KEYS[action.table]
        rows = changed.get(key, data.get(key) or [])
        if action.type == "create_record":
            changed[key] = [*rows, {"id": action.record_id, **action.data}]
        elif action.type == "update_record":
            changed[key] = [{**row, **action.data} if _has_id(row, action.record_id) else row for row in rows]
        elif action.type == "delete_record":
            changed[key] = [row for row in rows if not _has_id(row, action.record_id)]
    return {**data, **changed}


def _has_id(row: Any, record_id: str) -> bool:
    return isinstance(row, Mapping) and str(row.get("id")) == record_id
