"""BatchSpecs for tests."""

from typing import Any

TIDY: dict[str, Any] = {
    "version": 1,
    "name": "Prioritise open tasks",
    "trigger": {
        "kind": "schedule",
        "rrule": "FREQ=WEEKLY;BYDAY=MO,TH",
        "anchor": "2030-01-07T09:00:00",
        "timezone": "Europe/Rome",
        "catch_up": "latest",
    },
    "selection": {"table": "tasks", "where": [{"field": "status", "op": "ne", "value": "done"}], "limit": 100},
    "steps": [
        {
            "id": "prioritise",
            "type": "map",
            "instruction": "Give the task a priority by its due date.",
            "tools": ["update_task"],
        }
    ],
    "limits": {"max_items": 100, "max_tokens": 200_000, "max_minutes": 30},
    "approval": "destructive",
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """``TIDY`` with another value at ``path`` (``trigger.rrule``, ``steps.0.tools``)."""
    return _changed(TIDY, path.split("."), value)


def _changed(node: Any, names: list[str], value: Any) -> Any:
    if not names:
        return value
    if isinstance(node, list):
        index = int(names[0])
        rest = _changed(node[index] if index < len(node) else {}, names[1:], value)
        return [*node[:index], rest, *node[index + 1 :]]
    return {**node, names[0]: _changed(node.get(names[0]), names[1:], value)}


def without(path: str) -> dict[str, Any]:
    *names, last = path.split(".")
    node: Any = TIDY
    for name in names:
        node = node[int(name)] if isinstance(node, list) else node[name]
    rest = {name: value for name, value in node.items() if name != last}
    return changed(".".join(names), rest) if names else rest


def where(table: str, *conditions: tuple[str, str, Any]) -> dict[str, Any]:
    found = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
    return changed("selection", {"table": table, "where": found, "limit": 10})
