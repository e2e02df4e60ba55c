"""The problem document in OpenAPI, for the ``responses`` of every app."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from adiuva.api.errors import Problem


def _codes(problem: type[Problem]) -> set[str]:
    return {problem.code}.union(*map(_codes, problem.__subclasses__()))


CODES = tuple(sorted(_codes(Problem)))  # ENUM_NAME_OVERRIDES in the settings calls this set ProblemCode


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457, with `code` to switch on; the optional fields are those of the case that names them."""

    type = serializers.CharField(help_text="`urn:adiuva:problem:{code}`")
    title = serializers.CharField()
    status = serializers.IntegerField(help_text="The HTTP status; on a WebSocket, what it would be.")
    detail = serializers.CharField(help_text="For developers, in English.")
    code = serializers.ChoiceField(choices=CODES)
    request_id = serializers.CharField(help_text="As in X-Request-ID; the server's logs know it.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the metaclass takes it away before Serializer.errors
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="validation_error: messages by field, dotted for nested ones; `non_field_errors` is the whole body.",
    )
    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="checksum_mismatch of vectors: which ones."
    )
    limit_bytes = serializers.IntegerField(required=False, help_text="quota_exceeded")
    used_bytes = serializers.IntegerField(required=False, help_text="quota_exceeded")
    requested_bytes = serializers.IntegerField(required=False, help_text="quota_exceeded")
    resource = serializers.CharField(required=False, help_text="quota_exceeded of what is not bytes: which limit.")
    limit = serializers.IntegerField(required=False, help_text="quota_exceeded, of `resource`.")
    used = serializers.IntegerField(required=False, help_text="quota_exceeded, of `resource`.")
    resets_at = serializers.DateTimeField(required=False, help_text="quota_exceeded of a month: when the next begins.")
    size_bytes = serializers.IntegerField(required=False, help_text="range_not_satisfiable: how many bytes there are.")
    lease_expires_at = serializers.DateTimeField(
        required=False, help_text="lease_held: when it may be taken over, unless it is renewed."
    )
    checkout_url = serializers.URLField(
        required=False, help_text="payment_required: a page to pay on, to be opened in a browser."
    )
    required_tier = serializers.CharField(
        required=False, help_text="feature_not_available, quota_exceeded: the lowest tier that has it."
    )
    max_bytes = serializers.IntegerField(required=False, help_text="payload_too_large, where it is one limit.")
    etag = serializers.CharField(
        required=False, allow_null=True, help_text="precondition_failed: the current state; null where there is none."
    )
    challenge_id = serializers.UUIDField(
        required=False, help_text="second_factor_required: for `POST /auth/login/second-factor`."
    )
    methods = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="second_factor_required: what can answer it."
    )
    expires_in = serializers.IntegerField(required=False, help_text="second_factor_required: seconds.")
    organization = serializers.UUIDField(
        required=False, help_text="sso_required of a login: where to sign in, `GET /auth/sso/start`."
    )
    reason = serializers.CharField(
        required=False,
        help_text="taken_down: why, in public. not_buildable: why, in the user's language. resync_required: `pruned` "
        "or `restored`. upstream_error of a user's own provider: `auth`, `quota`, `model` or `unreachable`.",
    )
    checks = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="checks_failed: the list of Check as in 201."
    )
    results = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="conflict of an atomic batch: what each operation met."
    )
    retry_after = serializers.IntegerField(
        required=False, help_text="rate_limited, and upstream_unavailable on a WebSocket: whole seconds to wait."
    )


def problem(description: str) -> OpenApiResponse:
    """One error answer, for the ``responses`` of ``extend_schema``."""
    return OpenApiResponse(ProblemSerializer, description=description)
