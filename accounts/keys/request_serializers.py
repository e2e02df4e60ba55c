"""Shapes of ``POST /auth/prelogin`` and of a new device's requests (docs/api.md § 13)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.keys import requests
from accounts.keys.fields import BytesField, DeviceNameField
from accounts.keys.serializers import MAX_ENVELOPE_BYTES, KdfSerializer
from accounts.models import KeyRequest, KeyRequestState
from accounts.serializers import AccountEmailField
from adiuva.api.fields import FlagField
from adiuva.api.pagination import ListSerializer

MAX_PUBLIC_KEY_BYTES = 2048
STATES = (*KeyRequestState.values, requests.EXPIRED)


class AnyEmailField(AccountEmailField):
    """What an older account may have and a new one may not is taken of everybody: that it was refused of those alone
    who have no account would tell which are there.
    """

    def is_kept(self, email: str) -> bool:
        return True


class PreloginSerializer(serializers.Serializer[Any]):
    email = AnyEmailField()


class PreloginAnswerSerializer(serializers.Serializer[Any]):
    """Its fields go out in this order. A database that sorts the keys of a document would tell real ones by theirs."""

    kdf = KdfSerializer()


class KeyQuestionSerializer(serializers.Serializer[Any]):
    public_key = BytesField(most=MAX_PUBLIC_KEY_BYTES)
    device_name = DeviceNameField()


class KeyQuestionAskedSerializer(serializers.Serializer[KeyRequest]):
    id = serializers.UUIDField()
    fingerprint = serializers.SerializerMethodField(help_text="First 20 hex digits of SHA-256 of the key's bytes.")
    expires_in = serializers.SerializerMethodField(help_text="seconds")

    def get_fingerprint(self, request: KeyRequest) -> str:
        return requests.fingerprint_of(bytes(request.public_key))

    def get_expires_in(self, request: KeyRequest) -> int:
        return int((request.expires_at - request.created_at).total_seconds())


class KeyAnswerSerializer(serializers.Serializer[Any]):
    """Either of both. Validated data are ``{"blob": bytes}`` or, of a denial, ``{"blob": None}``."""

    needs_a_body = True

    blob = BytesField(
        most=MAX_ENVELOPE_BYTES, required=False, help_text="The master key, sealed for the request's public key."
    )
    denied = FlagField(required=False, help_text="true, in place of a blob: no.")

    default_error_messages = {"one": "Either a blob, or denied: true."}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("blob" in attrs) == attrs.get("denied", False):
            self.fail("one")
        return {"blob": attrs.get("blob")}


class KeyRequestSerializer(serializers.Serializer[KeyRequest]):
    """``context["session_id"]``: who reads. The asking session alone is given the answer."""

    id = serializers.UUIDField()
    state = serializers.SerializerMethodField()
    public_key = BytesField(most=MAX_PUBLIC_KEY_BYTES)
    device_name = serializers.CharField()
    fingerprint = serializers.SerializerMethodField(help_text="First 20 hex digits of SHA-256 of the key's bytes.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    blob = BytesField(
        most=MAX_ENVELOPE_BYTES, required=False, help_text="Of an answered one, for the session that asked."
    )

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_state(self, request: KeyRequest) -> str:
        return requests.state_of(request, now=datetime.now(UTC))

    def get_fingerprint(self, request: KeyRequest) -> str:
        return requests.fingerprint_of(bytes(request.public_key))

    def to_representation(self, instance: KeyRequest) -> dict[str, Any]:
        shown = super().to_representation(instance)
        reader: UUID = self.context["session_id"]
        if instance.blob is None or instance.session_id != reader:
            del shown["blob"]
        return shown


class KeyRequestPageSerializer(ListSerializer):
    items = KeyRequestSerializer(many=True)
