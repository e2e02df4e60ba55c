"""Serializer fields of this room."""

import base64
import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import EnvelopeKind
from adiuva.api.fields import Base64Field, PatternField, StringField

CHECKSUM = r"^[0-9a-f]{64}$"
REF = r"^[a-z0-9][a-z0-9_-]{0,63}$"
KEY_ID = r"^[!-~]{1,64}$"
# A person reads the name on another device, to say yes to it: no line ends, and nothing that turns the text around.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class BytesField(Base64Field):
    """Base64 of ``least`` to ``most`` bytes."""

    default_error_messages = {
        "short": "Must be base64 of at least {least} bytes.",
        "long": "Must be base64 of at most {most} bytes.",
    }

    def __init__(self, *, most: int, least: int = 1, help_text: str = "", **kwargs: Any) -> None:
        bounds = f"Base64 of {least} to {most} bytes."
        super().__init__(help_text=f"{help_text} {bounds}".strip(), **kwargs)
        self._least, self._most = least, most

    def to_internal_value(self, data: Any) -> bytes:
        value = super().to_internal_value(data)
        if len(value) < self._least:
            self.fail("short", least=self._least)
        if len(value) > self._most:
            self.fail("long", most=self._most)
        return value

    def to_representation(self, value: bytes) -> str:  # type: ignore[override]  # the base has no type for it
        return base64.b64encode(value).decode()


class SaltField(BytesField):
    """Kept as text, in base64's one spelling of these bytes: it is a part of a JSON document."""

    def to_internal_value(self, data: Any) -> str:  # type: ignore[override]
        return base64.b64encode(super().to_internal_value(data)).decode()

    def to_representation(self, value: Any) -> str:  # type: ignore[override]
        return str(value)


class NumberField(serializers.IntegerField):
    """A JSON number: DRF would take ``"3"``, ``3.0`` and ``true``."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class KindField(serializers.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=EnvelopeKind.choices, **kwargs)


@extend_schema_field({"type": "string", "pattern": REF})
class RefField(PatternField):
    pattern = REF


@extend_schema_field({"type": "string", "pattern": KEY_ID, "description": "The client's name of the key inside."})
class KeyIdField(PatternField):
    pattern = KEY_ID


@extend_schema_field({"type": "string", "pattern": CHECKSUM, "description": "SHA-256 of the blob's bytes."})
class ChecksumField(PatternField):
    pattern = CHECKSUM


class DeviceNameField(StringField):
    default_error_messages = {"unreadable": "The name holds a character that is not to be seen."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if _UNREADABLE.search(name):
            self.fail("unreadable")
        return name
