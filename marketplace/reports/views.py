"""``POST /plugins/{id}/reports`` (docs/api.md § 9)."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.fields import TextField
from adiuva.api.openapi.responses import problem
from marketplace.catalog.admission import MarketplaceView
from marketplace.models import PluginReport, ReportReason
from marketplace.models.desk import MOST_REPORT_CHARACTERS
from marketplace.reports.service import report, require_few_reports, require_may_report


class ReportSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=ReportReason.choices)
    text = TextField(
        max_length=MOST_REPORT_CHARACTERS,
        allow_blank=True,
        default="",
        help_text="For reviewers only, never for the plugin's author. `other` needs one.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["reason"] == ReportReason.OTHER and not attrs["text"]:
            raise serializers.ValidationError({"text": "Say what is wrong."})
        return attrs


class ReportedSerializer(serializers.Serializer[PluginReport]):
    plugin_id = serializers.CharField()
    version = serializers.CharField(help_text="The one that you have installed, else the live one.")
    reason = serializers.ChoiceField(choices=ReportReason.choices)
    reported_at = serializers.DateTimeField()


class ReportsView(MarketplaceView):
    open_methods = frozenset({"POST"})
    verified_methods = frozenset({"POST"})

    @extend_schema(
        operation_id="reportPlugin",
        summary="Report a plugin to the reviewers",
        request=ReportSerializer,
        responses={
            202: ReportedSerializer,
            400: problem("validation_error"),
            403: problem(
                "permission_denied: it is your own; email_not_verified; "
                "feature_not_available, with `required_tier` `power`: you never had it"
            ),
            404: problem("not_found"),
            409: problem("conflict: your earlier report of it is open"),
            410: problem("taken_down, with the public `reason`"),
            429: problem("rate_limited: at most 20 reports in 24 hours"),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """For the power and team tiers, and on any tier for who has, had or bought it. A person reads it; one of yours
        is open at a time for each plugin.
        """
        user = identity_of(request).user
        require_few_reports(user)
        require_may_report(user=user, slug=slug)
        serializer = ReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        made = report(user=user, slug=slug, reason=ReportReason(given["reason"]), text=given["text"])
        return Response(ReportedSerializer(made).data, status=202)
