"""DRF's way into ``accounts.access``."""

from typing import cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.access import Identity, authenticate
from accounts.models import User
from adiuva.api.errors import InvalidToken, NotAuthenticated


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; ``request.auth`` is the ``Identity``."""

    def authenticate(self, request: Request) -> tuple[User, Identity] | None:
        scheme, _, credentials = get_authorization_header(request).partition(b" ")
        if not scheme:
            return None
        if scheme.lower() != b"bearer":
            raise NotAuthenticated
        try:
            raw_token = credentials.strip().decode("ascii")
        except UnicodeDecodeError:
            raise InvalidToken from None
        identity = authenticate(raw_token)
        return identity.user, identity

    def authenticate_header(self, request: Request) -> str:
        return NotAuthenticated.challenge


def identity_of(request: Request) -> Identity:
    """Who asks; for views that are not public."""
    return cast("Identity", request.auth)


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = AccessTokenAuthentication
    name = "accessToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
