"""What the routes of earlier states take and answer (docs/api.md § 7)."""

from typing import Any

from rest_framework import serializers

from accounts.keys.fields import NumberField
from adiuva.api.pagination import ListSerializer
from storage.models.usage import MOST_VERSION_DAYS, MOST_VERSIONS
from storage.versions.pruning import VersionSettings


class VersionSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    checksum = serializers.CharField()
    size_bytes = serializers.IntegerField()
    created_at = serializers.DateTimeField(help_text="When the record came to be so.")


class VersionListSerializer(ListSerializer):
    items = VersionSerializer(many=True)


class TrashSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    table_name = serializers.CharField()
    revision = serializers.IntegerField(help_text="The one to restore.")
    size_bytes = serializers.IntegerField()
    deleted_at = serializers.DateTimeField(source="replaced_at")


class TrashListSerializer(ListSerializer):
    items = TrashSerializer(many=True)


class SettingsSerializer(serializers.Serializer[VersionSettings]):
    versions = NumberField(
        min_value=0, max_value=MOST_VERSIONS, required=False, help_text="Earlier states of each record, at most."
    )
    days = NumberField(min_value=0, max_value=MOST_VERSION_DAYS, required=False, help_text="For so long, at most.")
