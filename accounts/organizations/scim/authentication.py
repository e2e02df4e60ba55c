"""Who a directory is: a token of the organisation whose id stands in the path, and how often it may ask."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, cast
from uuid import UUID

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.login_limits import count_request
from accounts.organizations.scim.tokens.service import find_token, note_use
from adiuva.api.errors import NotAuthenticated, RateLimited, Unauthorized

if TYPE_CHECKING:
    from rest_framework.views import APIView

REQUESTS_PER_MINUTE: Final = 600  # Entra comes in bursts


class InvalidScimToken(Unauthorized):
    code = "invalid_token"
    title = "Invalid token"
    default_detail = "The token is none of this organisation's."
    challenge = 'Bearer realm="scim", error="invalid_token"'  # RFC 6750 § 3


class NoScimToken(NotAuthenticated):
    default_detail = "SCIM needs a token of the organisation: Authorization: Bearer scim_…"
    challenge = 'Bearer realm="scim"'


@dataclass(frozen=True, slots=True)
class Directory:
    """Stands where a user would; it is none, and its requests are nobody's in the access log."""

    organization_id: UUID
    token_id: UUID
    pk: None = None
    is_authenticated: ClassVar[bool] = True


class ScimTokenAuthentication(BaseAuthentication):
    """An organisation that is not there, or not this token's, is 401: without a token of its own, all are the same."""

    def authenticate(self, request: Request) -> tuple[Directory, Directory]:
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            raise NoScimToken
        raw_token = credentials.strip().decode("latin-1")
        token = find_token(raw_token)
        # ``parser_context`` holds what the route has matched.
        asked = str(request.parser_context["kwargs"].get("organization_id"))
        if token is None or str(token.organization_id) != asked.lower():
            raise InvalidScimToken
        note_use(token)
        directory = Directory(organization_id=token.organization_id, token_id=token.id)
        return directory, directory

    def authenticate_header(self, request: Request) -> str:
        return NoScimToken.challenge


def directory_of(request: Request) -> Directory:
    return cast("Directory", request.auth)


class ScimThrottle(BaseThrottle):
    """Leaves its decision on the request, for the RateLimit headers. Without a cache to count in, requests pass."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Raises ``RateLimited`` rather than answer False, as ``billing.rate_limit.throttle`` does."""
        decision = count_request(
            request._request, group="scim", value=str(directory_of(request).token_id), limit=REQUESTS_PER_MINUTE
        )
        if decision is not None:
            request._request.rate_decision = decision  # type: ignore[attr-defined]
            if decision.retry_after is not None:
                raise RateLimited(retry_after=decision.retry_after)
        return True
