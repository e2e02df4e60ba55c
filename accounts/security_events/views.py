"""What happened to the caller's account: docs/api.md § 3."""

from datetime import UTC, datetime

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.models import SecurityEvent, SecurityEventType
from accounts.security_events.recording import KEPT
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import KeysFirst, ListSerializer, page_parameters, requested_page
from adiuva.api.views import ApiView

EVENTS, MOST_EVENTS = 50, 200


class SecurityEventSerializer(serializers.ModelSerializer[SecurityEvent]):
    type = serializers.ChoiceField(choices=SecurityEventType.values)

    class Meta:
        model = SecurityEvent
        fields = ("at", "type", "session_id", "ip", "user_agent")
        read_only_fields = fields


class SecurityEventListSerializer(ListSerializer):
    items = SecurityEventSerializer(many=True)


class EventsView(ApiView):
    @extend_schema(
        operation_id="listSecurityEvents",
        summary="List security events of the last 90 days, newest first",
        description="`session_id` is null where there is no session (a failed login) and `ip` where the server was not "
        "told an address. Of failed logins the first one from a network in each ten minutes is kept, and at most 50 a "
        "day; of wrong second factors at most 50 a day.",
        parameters=page_parameters(limit=EVENTS, most=MOST_EVENTS),
        responses={200: SecurityEventListSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        page = requested_page(request, limit=EVENTS, most=MOST_EVENTS)
        events = SecurityEvent.objects.for_user(identity_of(request).user.id).filter(at__gt=datetime.now(UTC) - KEPT)
        return Response(page.of(KeysFirst(events), lambda rows: SecurityEventSerializer(list(rows), many=True).data))
