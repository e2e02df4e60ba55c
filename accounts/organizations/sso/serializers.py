"""Shapes of docs/api.md § 16 that are about sign-on."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from accounts.handoff.codes import APP_SCHEME
from accounts.handoff.serializers import HandoffSerializer
from accounts.keys.fields import NumberField
from accounts.organizations.models import Connection
from accounts.organizations.models.sso import MOST_SESSION_HOURS
from accounts.organizations.sso.provider.exchange import callback_url
from adiuva.api.fields import FlagField, IdField, PatternField

USUAL_SESSION_HOURS = 24
MOST_ISSUER_CHARACTERS, MOST_CLIENT_CHARACTERS, MOST_SECRET_CHARACTERS = 2048, 255, 4096


class VisibleField(PatternField):
    """RFC 6749, appendix A: client ids and secrets are printable ASCII."""

    pattern = r"[ -~]+"


class NewSsoConnectionSerializer(serializers.Serializer[Any]):
    issuer = VisibleField(max_length=MOST_ISSUER_CHARACTERS, help_text="To the character as the provider writes it.")
    client_id = VisibleField(max_length=MOST_CLIENT_CHARACTERS)
    client_secret = VisibleField(
        max_length=MOST_SECRET_CHARACTERS,
        required=False,
        write_only=True,
        help_text="May be left out where issuer and client stay as they are.",
    )
    just_in_time = FlagField(default=False)
    enforced = FlagField(default=False, help_text="Needs an owner whose own account is linked.")
    session_hours = NumberField(default=USUAL_SESSION_HOURS, min_value=1, max_value=MOST_SESSION_HOURS)


class SsoConnectionSerializer(serializers.Serializer[Connection]):
    issuer = serializers.CharField()
    client_id = serializers.CharField()
    just_in_time = serializers.BooleanField()
    enforced = serializers.BooleanField()
    session_hours = serializers.IntegerField(min_value=1, max_value=MOST_SESSION_HOURS)
    callback_url = serializers.SerializerMethodField(help_text="The redirect URI to register at the provider.")
    updated_at = serializers.DateTimeField()

    def get_callback_url(self, connection: Connection) -> str:
        return callback_url(connection)


class StartSignOnSerializer(HandoffSerializer):
    organization = IdField()

    def validate_redirect_uri(self, value: str) -> str:
        """Other addresses of the scheme open other pages of the app: whoever wrote this link must not choose one."""
        parts = urlsplit(value)
        if parts.scheme == APP_SCHEME and parts.netloc != "sso":
            raise serializers.ValidationError("Of the app's scheme this is adiuva://sso.")
        return value
