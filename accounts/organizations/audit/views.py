"""Who did what in an organisation: docs/api.md § 16."""

from datetime import UTC, datetime

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.models import User
from accounts.organizations.access import MANAGERS, require_role
from accounts.organizations.audit.recording import KEPT
from accounts.organizations.models import AuditEntry, AuditType, AuditVia
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import KeysFirst, ListSerializer, page_parameters, requested_page, serialized_by
from adiuva.api.views import ApiView

ENTRIES, MOST_ENTRIES = 50, 200


class AuditUserSerializer(serializers.Serializer[User]):
    id = serializers.UUIDField()
    email = serializers.EmailField()


class AuditEntrySerializer(serializers.Serializer[AuditEntry]):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    type = serializers.ChoiceField(choices=AuditType.values)
    via = serializers.ChoiceField(choices=AuditVia.values)
    actor = AuditUserSerializer(allow_null=True, help_text="null: no user, or one whose account is gone")
    target_user = AuditUserSerializer(allow_null=True)
    target = serializers.CharField(help_text="a domain, an id or a role; empty where it was done to a user alone")


class AuditPageSerializer(ListSerializer):
    items = AuditEntrySerializer(many=True)


class AuditView(ApiView):
    @extend_schema(
        operation_id="listAuditEntries",
        summary="List what was done in an organisation in the last year, newest first",
        description="For owners and admins: who did what to members, invitations, domains and sign-on, and through "
        "which way.",
        parameters=page_parameters(limit=ENTRIES, most=MOST_ENTRIES),
        responses={
            200: AuditPageSerializer,
            400: problem("validation_error"),
            403: problem("permission_denied: the caller is a member with another role"),
            404: problem("not_found"),
        },
    )
    def get(self, request: Request, pk: str) -> Response:
        organization_id = require_role(identity_of(request).user, pk, MANAGERS).organization_id
        page = requested_page(request, limit=ENTRIES, most=MOST_ENTRIES)
        entries = AuditEntry.objects.of_organization(organization_id).filter(at__gt=datetime.now(UTC) - KEPT)
        entries = entries.select_related("actor", "target_user")
        return Response(page.of(KeysFirst(entries), serialized_by(AuditEntrySerializer)))
