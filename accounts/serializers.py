"""Shapes of docs/api.md § 3."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import live_tier
from accounts.keys.serializers import EnvelopeInputsSerializer, KdfSerializer
from accounts.models import Session, User
from accounts.organizations.models import membership_of
from adiuva.api.fields import EmailAddressField, StringField
from adiuva.locales import Locale
from adiuva.spelling import LONGEST, address_fault, normalize_email, password_forms

MAX_EMAIL = 254
MIN_PASSWORD, MAX_PASSWORD = 8, 256
MAX_BREAK_GLASS_CODE = 64
TIERS = ("free", "pro", "power", "team")


class AccountEmailField(EmailAddressField):
    """The spelling that is kept, so that what is validated is what the database will see (NFKC may lengthen it)."""

    default_error_messages = {"invisible": "The address holds an invisible character."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_EMAIL, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        typed = super().to_internal_value(data)
        if len(typed) > LONGEST:
            self.fail("max_length", max_length=MAX_EMAIL)
        email, fault = normalize_email(typed), address_fault(typed)
        if fault is not None and not (address_fault(email) and self.is_kept(email)):
            self.fail(fault)
        return email

    def is_kept(self, email: str) -> bool:
        """Whether an account has this spelling, from before it was refused."""
        return False


class LoginEmailField(AccountEmailField):
    """Nobody is locked out by what a new address must not be."""

    def is_kept(self, email: str) -> bool:
        return User.objects.filter(email=email).exists()


class PasswordField(StringField):
    """One that is there already. Spaces are part of a password."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=MAX_PASSWORD, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        typed = super().to_internal_value(data)
        return typed if len(typed) <= MAX_PASSWORD else password_forms(typed)[0]


class NewPasswordField(PasswordField):
    """In NFC, whose characters are counted."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=MIN_PASSWORD, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return password_forms(super().to_internal_value(data))[0]


class CredentialsSerializer(serializers.Serializer[Any]):
    email = LoginEmailField()
    password = PasswordField()
    break_glass_code = StringField(
        max_length=MAX_BREAK_GLASS_CODE,
        required=False,
        help_text="One of the organisation's, where it asks for its provider and that cannot be reached.",
    )


class RegistrationSerializer(serializers.Serializer[Any]):
    email = AccountEmailField()
    password = NewPasswordField()
    kdf = KdfSerializer(required=False)
    envelopes = EnvelopeInputsSerializer(required=False)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh_token = StringField(max_length=512)


class PasswordChangeSerializer(serializers.Serializer[Any]):
    current_password = PasswordField()
    new_password = NewPasswordField()
    kdf = KdfSerializer(required=False, help_text="Without it the account's stays as it is.")
    envelopes = EnvelopeInputsSerializer(
        required=False,
        help_text="In place of those of the same kind and ref. Each password envelope there is must be among them.",
    )


class AccountDeletionSerializer(serializers.Serializer[Any]):
    password = PasswordField(required=False, help_text="Not needed in a fresh session.")


class AuthTokensSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(help_text="of the access token")
    expires_in = serializers.IntegerField(help_text="seconds")

    @extend_schema_field(serializers.ChoiceField(choices=["bearer"]))
    def get_token_type(self, _tokens: Any) -> str:
        return "bearer"


class MembershipSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.CharField()


class UserProfileSerializer(serializers.Serializer[User]):
    # Fields by name: a ``ModelSerializer`` finds them out anew for each answer, a tenth of this route's CPU. What the
    # user's row does not say is in the context's ``identity``.

    id = serializers.UUIDField()
    email = serializers.EmailField()
    email_verified = serializers.BooleanField()
    locale = serializers.ChoiceField(choices=Locale.choices)
    tier = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    has_second_factor = serializers.SerializerMethodField()
    organization = serializers.SerializerMethodField(help_text="null: of none")

    @extend_schema_field(serializers.ChoiceField(choices=TIERS))
    def get_tier(self, user: User) -> str:
        return live_tier.read(user)

    def get_has_second_factor(self, _user: User) -> bool:
        return bool(self.context["identity"].has_second_factor)

    @extend_schema_field(MembershipSerializer(allow_null=True))
    def get_organization(self, user: User) -> dict[str, str] | None:
        membership = membership_of(user)
        if membership is None:
            return None
        organization = membership.organization
        return {"id": str(organization.id), "name": organization.name, "role": membership.role}


class ProfileChangesSerializer(serializers.Serializer[Any]):
    locale = serializers.ChoiceField(choices=Locale.choices, required=False, help_text="of mails")


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
