"""Shapes of docs/api.md § 3."""

import unicodedata
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import live_tier
from accounts.models import Session, User, normalize_email
from adiuva.api.fields import EmailAddressField, StringField

MAX_PASSWORD = 256
TIERS = ("free", "pro", "power", "team")


class AccountEmailField(EmailAddressField):
    """The spelling that is kept, so that what is validated is what the database will see (NFKC may lengthen it)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        email = normalize_email(super().to_internal_value(data))
        # RFC 5892 § 2.10 refuses them too; the database's tables may be newer than ours and know a lower case of one.
        if any(unicodedata.category(character) == "Cn" for character in email):
            self.fail("invalid")
        return email


class PasswordField(StringField):
    """Spaces are part of a password."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=MAX_PASSWORD, **kwargs)


class CredentialsSerializer(serializers.Serializer[Any]):
    email = AccountEmailField()
    password = PasswordField()


class RegistrationSerializer(CredentialsSerializer):
    password = PasswordField(min_length=8)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh_token = StringField(max_length=512)


class PasswordChangeSerializer(serializers.Serializer[Any]):
    current_password = PasswordField()
    new_password = PasswordField(min_length=8)


class AccountDeletionSerializer(serializers.Serializer[Any]):
    password = PasswordField()


class AuthTokensSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["bearer"], default="bearer")
    expires_at = serializers.DateTimeField(help_text="of the access token")
    expires_in = serializers.IntegerField(help_text="seconds")


class UserProfileSerializer(serializers.Serializer[User]):
    # Fields by name: a ``ModelSerializer`` finds them out anew for each answer, a tenth of this route's CPU.

    id = serializers.UUIDField()
    email = serializers.EmailField()
    tier = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=TIERS))
    def get_tier(self, user: User) -> str:
        return live_tier.read(user)


class SessionSerializer(serializers.ModelSerializer[Session]):
    current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = ("id", "created_at", "last_used_at", "user_agent", "current")
        read_only_fields = fields

    def get_current(self, session: Session) -> bool:
        return bool(session.id == self.context["session_id"])


class SessionListSerializer(serializers.Serializer[Any]):
    items = SessionSerializer(many=True)


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="seconds")
