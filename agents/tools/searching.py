"""How read tools look through the rows that came with the turn."""

from collections.abc import Iterable

from agents.tools.records import Row


def holds(row: Row, search: str | None, fields: Iterable[str]) -> bool:
    """Every word of ``search`` stands in one of the row's ``fields``, in whatever case; no search fits every row."""
    text = " ".join(str(row.get(field) or "") for field in fields).casefold()
    return all(word in text for word in (search or "").casefold().split())
