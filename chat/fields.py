"""The lists of a context: what a client keeps, and what it was told so far."""

from typing import Any

from drf_spectacular.utils import extend_schema_field

from adiuva.api.fields import ItemsField

ROLES = ("user", "assistant")

_OBJECT = {"type": "object", "additionalProperties": True}


@extend_schema_field({"type": "array", "items": _OBJECT})
class RecordsField(ItemsField):
    """``[{…}]``: records as the client keeps them."""

    def problem_of(self, item: Any) -> list[str] | None:
        return None if isinstance(item, dict) else ["This must be an object."]


@extend_schema_field({"type": "array", "items": {"oneOf": [_OBJECT, {"type": "string"}]}})
class DocumentsField(ItemsField):
    """``[{…} | "…"]``: documents with what describes them, or their text alone."""

    def problem_of(self, item: Any) -> list[str] | None:
        return None if isinstance(item, dict | str) else ["This must be an object or a string."]


@extend_schema_field(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["role", "content"],
            "properties": {"role": {"type": "string", "enum": list(ROLES)}, "content": {"type": "string"}},
        },
    }
)
class HistoryField(ItemsField):
    """``[{role: "user" | "assistant", content}]``; content may be empty, as an answer made of actions is."""

    def problem_of(self, item: Any) -> list[str] | dict[str, list[str]] | None:
        if not isinstance(item, dict):
            return ["This must be an object."]
        if item.get("role") not in ROLES:
            return {"role": [f"This must be one of: {', '.join(ROLES)}."]}
        if not isinstance(item.get("content"), str):
            return {"content": ["This must be a string."]}
        return None
