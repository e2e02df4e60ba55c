"""Shapes of docs/api.md § 16 that organisations as a whole have."""

import unicodedata
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.organizations.models import Membership, Role
from accounts.organizations.models.members import MOST_NAME_CHARACTERS
from accounts.organizations.seats import payment
from adiuva.api.fields import StringField

_UNSEEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS: Final = {"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}  # Persian, Indic scripts and emoji need them


class NameField(StringField):
    """It stands in mails to strangers: nothing in it is invisible, or turns the direction of reading."""

    default_error_messages = {"unseen": "The name holds a control character or another that is not seen."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MOST_NAME_CHARACTERS, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if any(unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS for sign in name) or not (
            set(name) - _JOINERS
        ):
            self.fail("unseen")
        return name


class OrganizationNameSerializer(serializers.Serializer[Any]):
    name = NameField()


class OrganizationSerializer(serializers.Serializer[Membership]):
    """As a member sees it."""

    id = serializers.UUIDField(source="organization.id")
    name = serializers.CharField(source="organization.name")
    seats = serializers.SerializerMethodField(help_text="that are paid for now")
    role = serializers.ChoiceField(choices=Role.values, help_text="the caller's")

    @extend_schema_field(serializers.IntegerField())
    def get_seats(self, membership: Membership) -> int:
        return payment().seats(membership.organization_id)
