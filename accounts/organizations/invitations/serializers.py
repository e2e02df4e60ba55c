"""Shapes of docs/api.md § 16 that invitations have."""

from typing import Any

from rest_framework import serializers

from accounts.organizations.models import Invitation, Role
from accounts.recovery.mail_tokens import MAX_TOKEN
from accounts.serializers import AccountEmailField
from adiuva.api.fields import StringField
from adiuva.api.pagination import ListSerializer


class NewInvitationSerializer(serializers.Serializer[Any]):
    email = AccountEmailField()
    role = serializers.ChoiceField(choices=Role.values)


class InvitationSerializer(serializers.Serializer[Invitation]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.values)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class InvitationPageSerializer(ListSerializer):
    items = InvitationSerializer(many=True)


class InvitationTokenSerializer(serializers.Serializer[Any]):
    token = StringField(max_length=MAX_TOKEN)
