"""Serializer fields that take what they say and nothing that merely resembles it."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers


class StringField(serializers.CharField):
    """DRF's ``CharField`` turns ``12345678`` into a password; a JSON string is asked for here."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailAddressField(serializers.EmailField, StringField):
    pass


def rfc_3339(moment: datetime) -> str:
    """As DRF writes times here; ``strftime`` would not pad a year before 1000."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
