"""Reading the body of a request, within the limits of a public route, and answering a login."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.login_limits import AttemptLimits
from accounts.serializers import AuthTokensSerializer
from accounts.sessions import AuthTokens


def validate(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def validate_within(
    limits: AttemptLimits,
    serializer_class: Any,
    request: Request,
    *,
    account_of: Callable[[dict[str, Any]], str | None],
) -> dict[str, Any]:
    """As ``validate``. 429 goes before what is wrong with the body (docs/api.md § 1), and such bodies count too."""
    try:
        data = validate(serializer_class, request)
    except Exception:
        limits.check(request._request, account=None)
        raise
    limits.check(request._request, account=account_of(data))
    return data


def respond_with_tokens(tokens: AuthTokens, status: int = 200) -> Response:
    """AuthTokens of docs/api.md § 3."""
    response = Response(AuthTokensSerializer(tokens).data, status=status)
    response.headers["Cache-Control"] = "no-store"  # RFC 6749 § 5.1
    return response
