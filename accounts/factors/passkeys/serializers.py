"""Shapes of passkeys: WebAuthn level 3 § 5.1 in its JSON form, names as they are there."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from accounts.factors.passkeys.relying_party import MAX_CREDENTIAL_ID
from accounts.handoff.serializers import HandoffSerializer
from adiuva.api.fields import ObjectField, PatternField, StringField, TextField

LONGEST_ID = -(-MAX_CREDENTIAL_ID * 4 // 3)
LONGEST_PART = 16_384  # characters of base64url; an attestation with its certificates has about 6,000
LONGEST_NAME = 64


class Base64UrlField(PatternField):
    """RFC 4648 § 5 without padding, and kept as it is."""

    pattern = r"[A-Za-z0-9_-]+"
    default_error_messages = {"pattern": "Must be base64url without padding."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": LONGEST_PART} | kwargs)


class PublicKeyField(PatternField):
    pattern = r"public-key"


class PasskeyCredentialSerializer(serializers.Serializer[Any]):
    """What ``PublicKeyCredential.toJSON()`` gives, as the body itself or as its ``credential``."""

    id = Base64UrlField(max_length=LONGEST_ID)
    rawId = Base64UrlField(max_length=LONGEST_ID)
    type = PublicKeyField()
    authenticatorAttachment = TextField(required=False, allow_null=True, max_length=32)
    clientExtensionResults = ObjectField(required=False)

    beside: tuple[str, ...] = ()  # what is no part of the credential, and stands beside it in either form

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """``{"credential": …}`` and what stands beside it. A field of the credential has its name there as its path."""
        if not isinstance(data, Mapping) or not isinstance(data.get("credential"), Mapping):
            return self._apart(super().to_internal_value(data))
        beside = {name: data[name] for name in self.beside if name in data}
        return self._apart(super().to_internal_value(dict(data["credential"]) | beside))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        credential = attrs["credential"]
        if credential["id"] != credential["rawId"]:
            raise serializers.ValidationError({"rawId": ["This must be the id."]})
        return attrs

    @classmethod
    def read(cls, credential: Any) -> dict[str, Any]:
        """One that is a field of somebody else's body. Raises ``ValidationError`` on ``credential``."""
        serializer = cls(data=credential if credential is not None else {})
        if not serializer.is_valid():
            raise serializers.ValidationError({"credential": serializer.errors})
        found: dict[str, Any] = serializer.validated_data["credential"]
        return found

    def _apart(self, values: dict[str, Any]) -> dict[str, Any]:
        beside = {name: values.pop(name) for name in self.beside if name in values}
        values.pop("authenticatorAttachment", None)  # the library refuses one that it does not know; nothing reads it
        return beside | {"credential": values}


class PasskeyAttestationResponseSerializer(serializers.Serializer[Any]):
    clientDataJSON = Base64UrlField()
    attestationObject = Base64UrlField()
    transports = serializers.ListField(child=StringField(max_length=32), required=False, max_length=16)


class PasskeyAssertionResponseSerializer(serializers.Serializer[Any]):
    clientDataJSON = Base64UrlField()
    authenticatorData = Base64UrlField()
    signature = Base64UrlField()
    userHandle = Base64UrlField(required=False, allow_null=True)


class PasskeyRegistrationSerializer(PasskeyCredentialSerializer):
    """``RegistrationResponseJSON``, and ``name`` beside it."""

    response = PasskeyAttestationResponseSerializer()
    name = TextField(required=False, max_length=LONGEST_NAME, default="", allow_blank=True)

    beside: tuple[str, ...] = ("name",)


class PasskeyAssertionSerializer(PasskeyCredentialSerializer):
    """``AuthenticationResponseJSON``."""

    response = PasskeyAssertionResponseSerializer()


class PasskeyHandoffSerializer(HandoffSerializer):
    credential = PasskeyAssertionSerializer()


class PasskeyRedirectSerializer(serializers.Serializer[Any]):
    redirect_to = serializers.CharField(help_text="`redirect_uri` with `code` and `state`")


class PasskeyPageSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    url = serializers.CharField(help_text="of the page, with the ticket behind its `#`")
    expires_in = serializers.IntegerField(help_text="seconds")


class PasskeyTicketSerializer(serializers.Serializer[Any]):
    ticket = StringField(max_length=128, trim_whitespace=False)


class PasskeyTicketRegistrationSerializer(PasskeyRegistrationSerializer):
    """``ticket`` beside the credential."""

    ticket = StringField(max_length=128, trim_whitespace=False)

    beside = ("name", "ticket")


class PasskeyLoginOptionsSerializer(serializers.Serializer[Any]):
    challenge_id = serializers.UUIDField(required=False, allow_null=True, help_text="of `second_factor_required`")


class RelyingPartySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class PasskeyAccountSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="base64url of the account's id, 16 bytes")
    name = serializers.CharField()
    displayName = serializers.CharField()


class PasskeyAlgorithmSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    alg = serializers.IntegerField(help_text="COSE")


class PasskeyDescriptorSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    id = serializers.CharField(help_text="base64url")
    transports = serializers.ListField(child=serializers.CharField(), required=False)


class PasskeySelectionSerializer(serializers.Serializer[Any]):
    residentKey = serializers.CharField()
    requireResidentKey = serializers.BooleanField()
    userVerification = serializers.CharField()


class PasskeyCreationOptionsSerializer(serializers.Serializer[Any]):
    """``PublicKeyCredentialCreationOptionsJSON``."""

    rp = RelyingPartySerializer()
    user = PasskeyAccountSerializer()
    challenge = serializers.CharField(help_text="base64url, five minutes, once")
    pubKeyCredParams = PasskeyAlgorithmSerializer(many=True)
    timeout = serializers.IntegerField(help_text="milliseconds")
    excludeCredentials = PasskeyDescriptorSerializer(many=True)
    authenticatorSelection = PasskeySelectionSerializer()
    attestation = serializers.CharField()


class PasskeyRequestOptionsSerializer(serializers.Serializer[Any]):
    """``PublicKeyCredentialRequestOptionsJSON``."""

    challenge = serializers.CharField(help_text="base64url, five minutes, once")
    timeout = serializers.IntegerField(help_text="milliseconds")
    rpId = serializers.CharField()
    allowCredentials = PasskeyDescriptorSerializer(many=True)
    userVerification = serializers.CharField()
