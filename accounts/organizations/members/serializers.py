"""Shapes of docs/api.md § 16 that members have."""

from typing import Any

from rest_framework import serializers

from accounts.organizations.models import Membership, Role
from adiuva.api.pagination import ListSerializer


class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.values)


class MemberSerializer(serializers.Serializer[Membership]):
    user_id = serializers.UUIDField()
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(choices=Role.values)
    joined_at = serializers.DateTimeField()


class MemberPageSerializer(ListSerializer):
    items = MemberSerializer(many=True)
