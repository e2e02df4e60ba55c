"""The records one turn knows: those the client sent, those it answered with, and those the turn itself made."""

from collections.abc import Iterable, Mapping
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
# An id that a person wrote out is as good as one in the context. Short ones would be found in any text.
_MIN_WRITTEN_ID = 8


class RunRecords:
    """Rows by table and id. A model may only touch records found here, so that a made-up id never becomes an action."""

    def __init__(self, written: str = "") -> None:
        self._tables: dict[Table, dict[str, Row]] = {table: {} for table in CONTEXT_KEYS}
        self._written = written

    @classmethod
    def of(cls, data: Mapping[str, Any], query: str = "") -> Self:
        """The records of a ChatRequest's ``context``; ``query`` and the conversation so far may name ids as well."""
        history = data.get("conversation_history")
        entries = history if isinstance(history, list) else []
        said = [entry["content"] for entry in entries if isinstance(entry, Mapping) and "content" in entry]
        records = cls("\n".join(text for text in [query, *said] if isinstance(text, str)))
        for table, key in CONTEXT_KEYS.items():
            records.learn(table, data.get(key))
        return records

    def learn(self, table: Table, rows: Any) -> None:
        """Add the rows found in ``rows``: a list of them, one of them, or an object that holds such lists."""
        for row in _rows_in(rows):
            record_id = row.get("id")
            if isinstance(record_id, str | int) and not isinstance(record_id, bool):
                known = self._tables[table].setdefault(str(record_id), {})
                known.update(row)
                if table == "tasks":
                    self._learn_from_task(str(record_id), row)

    def _learn_from_task(self, task_id: str, task: Row) -> None:
        project_id = task.get("project_id")
        if isinstance(project_id, str) and project_id:
            self._tables["projects"].setdefault(project_id, {"id": project_id})
        comments = task.get("comments")
        if isinstance(comments, list):
            self.learn(
                "task_comments", [{"task_id": task_id, **item} for item in comments if isinstance(item, Mapping)]
            )

    def knows(self, table: Table, record_id: str) -> bool:
        if record_id in self._tables[table]:
            return True
        return len(record_id) >= _MIN_WRITTEN_ID and record_id in self._written

    def rows(self, table: Table) -> list[Row]:
        return list(self._tables[table].values())

    def apply(self, action: Action) -> None:
        """Let later calls of the turn see what ``action`` does."""
        if action.record_id is None:
            return
        rows = self._tables[action.table]
        if action.type == "create_record":
            rows[action.record_id] = {"id": action.record_id, **action.data}
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
            if isinstance(item, list):
                yield from _rows_in(item)
    elif isinstance(value, list):
        yield from (dict(item) for item in value if isinstance(item, Mapping))
