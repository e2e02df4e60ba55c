"""The frames of a map run (docs/api.md § 14): reading the client's and writing the server's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adiuva.api import json as strict_json
from adiuva.api.errors import PayloadTooLarge, Problem, ValidationFailed
from agents.actions import Action
from agents.llm.port import Usage

MAX_NEED = 20
MAX_RECORD_BYTES = 16 * 1024
MAX_KEY_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class MapFrame:
    """Asks for a map run, not validated yet. ``request_id`` is as in a ``ChatFrame``."""

    body: dict[str, Any]
    request_id: str | None


@dataclass(frozen=True, slots=True)
class MapItem:
    """``problem`` is set where the record cannot be worked on, which fails this item only."""

    key: str
    record: dict[str, Any]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ItemsFrame:
    """``problem`` is set, and there are no ``items``, where the client has not kept to the protocol."""

    items: tuple[MapItem, ...]
    problem: Problem | None = None
    request_id: str | None = None


def parse_items(value: dict[str, Any], own_id: str | None) -> ItemsFrame:
    items = value.get("items")
    if not isinstance(items, list):
        return _refuse("items", "This must be a list.", own_id)
    if len(items) > MAX_NEED:
        return _refuse("items", f"These are more than {MAX_NEED}, which is more than is ever asked for.", own_id)
    for index, item in enumerate(items):
        key = item.get("key") if isinstance(item, dict) else None
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS or _find_bad_text(key):
            field = f"items.{index}.key" if isinstance(item, dict) else f"items.{index}"
            return _refuse(field, f"An item needs a key of 1 to {MAX_KEY_CHARACTERS} characters.", own_id)
    return ItemsFrame(tuple(_item(item["key"], item.get("record")) for item in items), request_id=own_id)


def _refuse(field: str, message: str, own_id: str | None) -> ItemsFrame:
    return ItemsFrame((), ValidationFailed({field: [message]}), own_id)


def _item(key: str, record: Any) -> MapItem:
    """Compact JSON in UTF-8 counts, so that a client's spacing or escaping makes no difference."""
    if not isinstance(record, dict):
        return MapItem(key, {}, ValidationFailed({"record": ["This must be an object."]}))
    if _find_bad_text(record):
        return MapItem(key, {}, ValidationFailed({"record": ["This holds a NUL character or a lone surrogate."]}))
    if len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_RECORD_BYTES:
        return MapItem(key, {}, PayloadTooLarge(f"This record is larger than {MAX_RECORD_BYTES} bytes."))
    return MapItem(key, record)


def _find_bad_text(value: Any) -> bool:
    try:
        strict_json.check_text(value)
    except ValidationFailed:
        return True
    return False


@dataclass(slots=True)
class Tally:
    """How far a run is: of ``total`` items, those that are done and those that have failed."""

    total: int = 0
    done: int = 0
    failed: int = 0

    @property
    def is_complete(self) -> bool:
        return self.done + self.failed == self.total

    def progress(self) -> dict[str, Any]:
        return {"type": "progress", "completed": self.done, "failed": self.failed, "total": self.total}


def need(count: int) -> dict[str, Any]:
    return {"type": "need", "count": count}


def item(key: str, actions: Sequence[Action], usage: Usage, error: dict[str, Any] | None) -> dict[str, Any]:
    """``error``: the body of the problem that it failed with."""
    status: Literal["done", "failed"] = "done" if error is None else "failed"
    frame = {
        "type": "item",
        "key": key,
        "status": status,
        "actions": [action.as_dict() for action in actions],
        "usage": usage.as_dict(),
    }
    return frame if error is None else {**frame, "error": error}


def done(tally: Tally, usage: Usage, *, error: dict[str, Any] | None = None, cancelled: bool = False) -> dict[str, Any]:
    """``error``: what ended the run before its last item; ``items`` are as a batch's run is finished with."""
    counts = {
        "total": tally.total,
        "done": tally.done,
        "failed": tally.failed,
        "skipped": tally.total - tally.done - tally.failed,
    }
    frame: dict[str, Any] = {
        "type": "done",
        "done": True,
        "outcome": "succeeded" if tally.done == tally.total and not cancelled else "partial",
        "items": counts,
        "usage": usage.as_dict(),
    }
    if error is not None:
        frame["error"] = error
    return {**frame, "cancelled": True} if cancelled else frame
