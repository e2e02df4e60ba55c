"""Shapes of SCIM tokens (docs/api.md § 16)."""

from typing import Any

from rest_framework import serializers

from accounts.organizations.models import ScimToken
from adiuva.api.pagination import ListSerializer


class ScimTokenSerializer(serializers.ModelSerializer[ScimToken]):
    class Meta:
        model = ScimToken
        fields = ("id", "created_at", "last_used_at")


class ScimTokenPageSerializer(ListSerializer):
    items = ScimTokenSerializer(many=True)


class NewScimTokenSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    token = serializers.CharField(help_text="Shown once.")
