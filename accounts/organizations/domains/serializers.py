"""Shapes of domains, and of looking for the way to sign in (docs/api.md § 16)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.organizations.domains.lookup import spell_domain
from accounts.organizations.domains.service import txt_name
from accounts.organizations.models import Domain
from accounts.serializers import AccountEmailField
from adiuva.api.fields import StringField
from adiuva.api.pagination import ListSerializer

STATUSES = ("pending", "verified")


class DomainNameField(StringField):
    """In whatever spelling; comes out as it is kept."""

    default_error_messages = {
        "domain": "This must be a domain such as example.com, without the name of a host, an address or a port."
    }

    def to_internal_value(self, data: Any) -> str:
        try:
            return spell_domain(super().to_internal_value(data))
        except ValueError:
            self.fail("domain")


class NewDomainSerializer(serializers.Serializer[Any]):
    domain = DomainNameField(help_text="Also with letters beyond ASCII.")


class DomainSerializer(serializers.Serializer[Domain]):
    domain = serializers.CharField(source="name", help_text="In lower case and ASCII (A-labels).")
    status = serializers.SerializerMethodField()
    txt_name = serializers.SerializerMethodField()
    txt_value = serializers.CharField()
    verified_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ChoiceField(STATUSES))
    def get_status(self, domain: Domain) -> str:
        return STATUSES[domain.verified_at is not None]

    def get_txt_name(self, domain: Domain) -> str:
        return txt_name(domain)


class DomainPageSerializer(ListSerializer):
    items = DomainSerializer(many=True)


class DiscoverySerializer(serializers.Serializer[Any]):
    email = AccountEmailField()


class DiscoveryAnswerSerializer(serializers.Serializer[Any]):
    sso = serializers.BooleanField()
    enforced = serializers.BooleanField()
    start_url = serializers.URLField(allow_null=True)
