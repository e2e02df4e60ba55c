"""Shapes of a hand-off, whatever login it is for."""

from typing import Any

from rest_framework import serializers

from accounts.handoff.codes import CHALLENGE, LONGEST_ADDRESS, LONGEST_STATE, Request, is_app_address
from adiuva.api.fields import PatternField, StringField


class CodeChallengeField(PatternField):
    pattern = CHALLENGE
    default_error_messages = {"pattern": "Must be the base64url of a SHA-256: 43 characters."}


class AppAddressField(StringField):
    default_error_messages = {"address": "Must be http://127.0.0.1:*, http://[::1]:* or adiuva://*, without fragment."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_app_address(text):
            self.fail("address")
        return text


class HandoffSerializer(serializers.Serializer[Any]):
    """What an app opens a page with (RFC 7636 § 4.3, RFC 8252)."""

    code_challenge = CodeChallengeField()
    code_challenge_method = serializers.ChoiceField(choices=["S256"])
    redirect_uri = AppAddressField(max_length=LONGEST_ADDRESS)
    state = StringField(max_length=LONGEST_STATE, trim_whitespace=False)

    @staticmethod
    def request_of(data: dict[str, Any]) -> Request:
        return Request(code_challenge=data["code_challenge"], redirect_uri=data["redirect_uri"], state=data["state"])


class HandoffCodeSerializer(serializers.Serializer[Any]):
    """A verifier of another form than RFC 7636's is a wrong one: no answer of its own."""

    code = StringField(max_length=512, trim_whitespace=False)
    code_verifier = StringField(max_length=512, trim_whitespace=False)
