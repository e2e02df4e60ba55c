"""Shapes of second factors: docs/api.md § 3."""

from typing import Any

from rest_framework import serializers

from accounts.models import Factor, FactorType
from accounts.serializers import AuthTokensSerializer, PasswordField
from adiuva.api.fields import IdField, ObjectField, StringField, TextField

METHODS = ("totp", "passkey", "recovery_code")
MAX_NAME, MAX_CODE = 64, 64  # characters


class FactorSerializer(serializers.ModelSerializer[Factor]):
    type = serializers.ChoiceField(choices=FactorType.values)
    confirmed = serializers.SerializerMethodField(help_text="Until then it counts for nothing.")

    class Meta:
        model = Factor
        fields = ("id", "type", "name", "confirmed", "created_at", "last_used_at")
        read_only_fields = fields

    def get_confirmed(self, factor: Factor) -> bool:
        return factor.confirmed_at is not None


class FactorListSerializer(serializers.Serializer[Any]):
    items = FactorSerializer(many=True)
    recovery_codes_left = serializers.IntegerField()


class TotpNameSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=MAX_NAME, required=False, allow_blank=True)


class PendingTotpSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    secret = serializers.CharField(help_text="base32, shown once")
    otpauth_uri = serializers.CharField(help_text="the same, for a QR code")


class CodeSerializer(serializers.Serializer[Any]):
    code = StringField(max_length=MAX_CODE)


class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="shown once")


class _ProofSerializer(serializers.Serializer[Any]):
    """A second factor: ``code``, or ``credential`` for a passkey; what the other methods bring is ignored."""

    method = serializers.ChoiceField(choices=METHODS)
    code = StringField(max_length=MAX_CODE, required=False, help_text="totp, recovery_code")
    credential = ObjectField(required=False, help_text="passkey: what WebAuthn's toJSON() gives")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        method = attrs.get("method")
        if method is None:
            return attrs
        needed, other = ("credential", "code") if method == "passkey" else ("code", "credential")
        if needed not in attrs:
            raise serializers.ValidationError({needed: ["This field is required."]})
        attrs.pop(other, None)
        return attrs


class SecondFactorSerializer(_ProofSerializer):
    challenge_id = IdField()


class ReauthenticationSerializer(_ProofSerializer):
    needs_a_body = True

    password = PasswordField(required=False)
    method = serializers.ChoiceField(choices=METHODS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("password" in attrs) == ("method" in attrs):
            raise serializers.ValidationError("Either password or method is needed.")
        if "password" in attrs:
            return {"password": attrs["password"]}
        return super().validate(attrs)


class SecondFactorTokensSerializer(AuthTokensSerializer):
    locked = serializers.BooleanField(
        required=False, help_text="Of a reset only: nothing opens the account's data any more."
    )
