"""Shapes of docs/api.md § 3 that mailed links are about."""

from typing import Any

from rest_framework import serializers

from accounts.keys.serializers import EnvelopeInputsSerializer, KdfSerializer
from accounts.recovery.mail_tokens import MAX_TOKEN
from accounts.serializers import (
    AccountEmailField,
    AuthTokensSerializer,
    LoginEmailField,
    NewPasswordField,
    PasswordField,
)
from adiuva.api.fields import StringField


class MailTokenSerializer(serializers.Serializer[Any]):
    token = StringField(max_length=MAX_TOKEN)


class ResetRequestSerializer(serializers.Serializer[Any]):
    email = LoginEmailField()


class ResetSerializer(MailTokenSerializer):
    new_password = NewPasswordField()
    kdf = KdfSerializer(required=False, help_text="Without it the password itself is sent from now on.")
    envelopes = EnvelopeInputsSerializer(required=False)


class ResetAnswerSerializer(AuthTokensSerializer):
    locked = serializers.BooleanField(help_text="The account had key envelopes and none is left.")


class EmailChangeSerializer(serializers.Serializer[Any]):
    new_email = AccountEmailField()
    password = PasswordField()
