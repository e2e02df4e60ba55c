"""Sign-ons that have begun and are not over: ten minutes, once, and in one browser.

A flow's id is the ``state`` that goes to the provider and comes back. What must be kept from others, the verifier of
PKCE, the nonce and the browser's key, is derived from it under a key of the server's: the cache holds no secret.
"""

import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.handoff import codes
from accounts.organizations.models import Connection
from adiuva.api.single_use import SingleUse

LIFETIME_SECONDS = 600
FLOWS = SingleUse("sso-flow", LIFETIME_SECONDS, "Single sign-on cannot be used right now.")
COOKIE_PATH = "/api/v1/auth/sso"  # below the path of PUBLIC_URL, where that has one


@dataclass(frozen=True, slots=True)
class Flow:
    """``issuer`` and ``client_id`` are the connection's when it began; ``request`` is the app's."""

    id: str
    connection_id: UUID
    issuer: str
    client_id: str
    request: codes.Request

    @property
    def code_verifier(self) -> str:
        return self._derive("verifier")

    @property
    def nonce(self) -> str:
        return self._derive("nonce")

    def is_of(self, connection: Connection) -> bool:
        return (connection.issuer, connection.client_id) == (self.issuer, self.client_id)

    def bind(self, response: HttpResponseBase) -> None:
        """To the browser that gets ``response``. Lax: it comes along when the provider sends the browser back."""
        response.set_cookie(
            self._cookie,
            self._derive("browser"),
            max_age=LIFETIME_SECONDS,
            path=_cookie_path(),
            secure=urlsplit(settings.PUBLIC_URL).scheme == "https",
            httponly=True,
            samesite="Lax",
        )

    def unbind(self, response: HttpResponseBase) -> None:
        response.delete_cookie(self._cookie, path=_cookie_path(), samesite="Lax")

    def is_bound_to(self, request: HttpRequest) -> bool:
        shown = request.COOKIES.get(self._cookie, "")
        return hmac.compare_digest(shown.encode(errors="replace"), self._derive("browser").encode())

    @property
    def _cookie(self) -> str:
        """One a flow: of two in one browser neither takes the other's away."""
        return f"sso_{sha256(self.id.encode()).hexdigest()[:16]}"

    def _derive(self, purpose: str) -> str:
        return hmac.new(bytes.fromhex(settings.SSO_FLOW_KEY), f"{purpose}:{self.id}".encode(), sha256).hexdigest()


def _cookie_path() -> str:
    return urlsplit(settings.PUBLIC_URL).path + COOKIE_PATH


def begin_flow(connection: Connection, request: codes.Request) -> Flow:
    """Raises ``UpstreamUnavailable``: the cache does not take it."""
    flow = Flow(secrets.token_urlsafe(32), connection.id, connection.issuer, connection.client_id, request)
    kept = {
        "connection_id": str(connection.id),
        "issuer": connection.issuer,
        "client_id": connection.client_id,
        "request": asdict(request),
    }
    FLOWS.keep(flow.id, json.dumps(kept))
    return flow


def take_flow(state: str) -> Flow | None:
    """Once. None: unknown, used or expired. Raises ``UpstreamUnavailable``."""
    text = FLOWS.use_up(state)
    if text is None:
        return None
    kept: dict[str, Any] = json.loads(text)
    return Flow(state, UUID(kept["connection_id"]), kept["issuer"], kept["client_id"], codes.Request(**kept["request"]))
