"""``GET|PUT /backup/policy``: how long a user's snapshots stay."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.keys.fields import NumberField
from accounts.requests import validate
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from backups.models import (
    KEEP_RULES,
    MOST_DAILY,
    MOST_IMMUTABLE_DAYS,
    MOST_LAST,
    MOST_WEEKLY,
    BackupPolicy,
)
from storage.quota import lock_usage


def set_policy(
    *, user_id: UUID, keep_last: int | None, keep_daily: int | None, keep_weekly: int | None, immutable_days: int
) -> BackupPolicy:
    """Holds from the next upload on, and drops nothing by itself. What is immutable stays so until its own time, and
    what is there already does not become so.

    Raises:
        InvalidToken: the account was closed in the meantime.
    """
    policy = BackupPolicy(
        user_id=user_id,
        keep_last=keep_last,
        keep_daily=keep_daily,
        keep_weekly=keep_weekly,
        immutable_days=immutable_days,
    )
    with lock_usage(user_id):  # an upload is committed before it, or after it
        policy.save()
    return policy


class BackupPolicySerializer(serializers.Serializer[Any]):
    """A rule that is left out or null is not there."""

    keep_last = NumberField(
        min_value=0, max_value=MOST_LAST, allow_null=True, default=None, help_text="The newest so many stay."
    )
    keep_daily = NumberField(
        min_value=0,
        max_value=MOST_DAILY,
        allow_null=True,
        default=None,
        help_text="Of the latest so many days (UTC, by arrival) that have any, the newest one stays.",
    )
    keep_weekly = NumberField(
        min_value=0,
        max_value=MOST_WEEKLY,
        allow_null=True,
        default=None,
        help_text="Of the latest so many weeks (ISO 8601, UTC, by arrival) that have any, the newest one stays.",
    )
    immutable_days = NumberField(
        min_value=0,
        max_value=MOST_IMMUTABLE_DAYS,
        default=0,
        help_text="For so long nobody can delete a backup that arrives from now on.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        rules = [attrs[rule] for rule in KEEP_RULES if attrs[rule] is not None]
        if rules and not any(rules):
            raise serializers.ValidationError("A policy has to keep something; without any rule it keeps everything.")
        return attrs


class PolicyView(ApiView):
    @extend_schema(
        operation_id="getBackupPolicy",
        summary="Get the backup policy",
        description="Which snapshots stay when a new one arrives. Without a policy of one's own everything stays.",
        responses={200: BackupPolicySerializer},
    )
    def get(self, request: Request) -> Response:
        policy = BackupPolicy.objects.of_user(identity_of(request).user.id)
        return Response(BackupPolicySerializer(policy).data)

    @extend_schema(
        operation_id="putBackupPolicy",
        summary="Set the backup policy",
        description="The whole policy: what is left out is not kept from the one before. Rules add up, and a rule that "
        "is null is not there; without any rule everything stays. It drops nothing by itself: after each upload what "
        "no rule keeps is dropped, and does not count against the quota of that upload. The latest always stays, and "
        "so does what is immutable. `immutable_days` holds for backups that arrive from now on: a laxer policy later "
        "frees none of them, and a stricter one binds none that is there already.",
        request=BackupPolicySerializer,
        responses={200: BackupPolicySerializer, 400: problem("validation_error")},
    )
    def put(self, request: Request) -> Response:
        policy = set_policy(user_id=identity_of(request).user.id, **validate(BackupPolicySerializer, request))
        return Response(BackupPolicySerializer(policy).data)
