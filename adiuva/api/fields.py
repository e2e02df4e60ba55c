"""Serializer fields that take what they say and nothing that merely resembles it.

DRF's own turn ``1`` into ``"1"`` and ``"yes"`` into true. Lists are checked in one plain loop: a context of 512 KiB can
hold 100,000 items, and a nested serializer each would take seconds.
"""

import base64
import binascii
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

Value = TypeVar("Value")


def drop_none(values: Mapping[str, Value | None]) -> dict[str, Value]:
    """``values`` without those that are None: null stands for absent."""
    return {name: value for name, value in values.items() if value is not None}


def rfc_3339(moment: datetime) -> str:
    """As DRF writes times here; ``strftime`` would not pad a year before 1000."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class StringField(serializers.CharField):
    """A JSON string: ``12345678`` is no password."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TextField(StringField):
    default_error_messages = {"invalid": "This must be a string."}


class EmailAddressField(serializers.EmailField, StringField):
    pass


class PatternField(StringField):
    """A text that ``pattern`` matches whole, and as it is: nothing is trimmed."""

    pattern: str
    default_error_messages = {"pattern": "Must match {pattern}."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(self.pattern, text):
            self.fail("pattern", pattern=self.pattern)
        return text


class IdField(serializers.UUIDField):
    """DRF would take a number for a UUID."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        value: UUID = super().to_internal_value(data)
        return value


@extend_schema_field(OpenApiTypes.BYTE)
class Base64Field(serializers.Field[bytes, str, bytes, Any]):
    """RFC 4648 § 4, padded, without line ends."""

    default_error_messages = {"invalid": "Must be base64."}

    def to_internal_value(self, data: str) -> bytes:
        try:
            return base64.b64decode(data, validate=True)
        except (TypeError, ValueError, binascii.Error):
            self.fail("invalid")


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
