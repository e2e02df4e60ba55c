"""Serializer fields that take a JSON type for what it is: DRF's own turn ``1`` into ``"1"`` and ``"yes"`` into true.

Lists are checked in one plain loop: a context of 512 KiB can hold 100,000 items, and a nested serializer each
would take seconds.
"""

from abc import ABC, abstractmethod
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

ROLES = ("user", "assistant")

_OBJECT = {"type": "object", "additionalProperties": True}


class TextField(serializers.CharField):
    default_error_messages = {"invalid": "This must be a string."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    default_error_messages = {"invalid": "This must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class ObjectField(serializers.DictField):
    """A JSON object, whatever is in it."""

    default_error_messages = {"not_a_dict": "This must be an object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict")
        return data


class ItemsField(ABC, serializers.Field[list[Any], Any, list[Any], Any]):
    """A JSON list; a wrong item is named by its index (``context.notes.3``). Only the first is named."""

    default_error_messages = {"not_a_list": "This must be a list."}

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        for index, item in enumerate(data):
            problem = self.problem_of(item)
            if problem is not None:
                raise serializers.ValidationError({str(index): problem})
        return data

    @abstractmethod
    def problem_of(self, item: Any) -> Any:
        """What is wrong with ``item``: a list of messages, or a mapping of its keys to such; None when it is right."""

    def to_representation(self, value: list[Any]) -> list[Any]:
        return value


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
