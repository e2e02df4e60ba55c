"""Shapes of docs/api.md § 13."""

import hashlib
from typing import Any

from rest_framework import serializers

from accounts.keys.fields import BytesField, ChecksumField, KeyIdField, KindField, NumberField, RefField, SaltField
from accounts.models import KeyEnvelope
from adiuva.api.errors import ChecksumMismatch
from adiuva.api.pagination import ListSerializer

MAX_ENVELOPE_BYTES = 4096
MOST_ENVELOPES = 50  # of an account

ALGORITHM = "argon2id"
# What a client derives its secrets with unless it has a reason not to, and what a made-up kdf says (RFC 9106 § 4, the
# second recommended option). An account with other numbers can be told from one that does not exist.
DEFAULT_PARAMETERS = {"algorithm": ALGORITHM, "memory_kib": 65536, "iterations": 3, "parallelism": 4}
SALT_BYTES = 16


class KdfSerializer(serializers.Serializer[Any]):
    """Bounds: below them the password is guessed cheaply, above them a client would hang or run out of memory on its
    own login. Validated data are what ``users.kdf`` holds.
    """

    algorithm = serializers.ChoiceField(choices=[ALGORITHM])
    salt = SaltField(least=16, most=32)
    memory_kib = NumberField(min_value=8192, max_value=1_048_576)
    iterations = NumberField(min_value=1, max_value=20)
    parallelism = NumberField(min_value=1, max_value=16)


class EnvelopeContentSerializer(serializers.Serializer[Any]):
    """Raises ``ChecksumMismatch`` as well."""

    blob = BytesField(most=MAX_ENVELOPE_BYTES)
    checksum = ChecksumField()
    key_id = KeyIdField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if hashlib.sha256(attrs["blob"]).hexdigest() != attrs["checksum"]:
            raise ChecksumMismatch("The SHA-256 of an envelope's blob is not the checksum given.")
        return attrs


class EnvelopeInputSerializer(EnvelopeContentSerializer):
    """One of ``envelopes``."""

    kind = KindField()
    ref = RefField()


class EnvelopeInputsSerializer(serializers.ListSerializer[Any]):
    """``envelopes``, next to a new password; validated data are what ``replace_envelopes`` takes."""

    child = EnvelopeInputSerializer()
    default_error_messages = {"twice": "{kind}/{ref} is there twice."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MOST_ENVELOPES, **kwargs)

    def validate(self, attrs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen: set[tuple[str, str]] = set()
        for one in attrs:
            if (one["kind"], one["ref"]) in seen:
                self.fail("twice", kind=one["kind"], ref=one["ref"])
            seen.add((one["kind"], one["ref"]))
        return attrs


class EnvelopeSerializer(serializers.Serializer[KeyEnvelope]):
    kind = KindField()
    ref = serializers.CharField()
    blob = BytesField(most=MAX_ENVELOPE_BYTES)
    checksum = serializers.CharField()
    key_id = serializers.CharField()
    etag = serializers.CharField(help_text="As in the header, quotes included.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EnvelopePageSerializer(ListSerializer):
    items = EnvelopeSerializer(many=True)
