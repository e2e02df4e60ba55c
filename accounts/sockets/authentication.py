"""The handshake of a WebSocket: authentication before it is accepted, and refusal with a problem."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from accounts import authentication, ws_tickets
from accounts.authentication import Identity
from adiuva.api.errors import PROBLEM_CONTENT_TYPE, NotAuthenticated, PermissionDenied, Problem, Unauthorized
from adiuva.observability.request_id import HEADER, current_request_id

Scope = MutableMapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_REFUSAL = "websocket.http.response"  # ASGI extension: an HTTP response instead of the bare 403 that a close means


async def authenticate(scope: Scope) -> Identity:
    """By the Authorization header, else ``?ticket=``, else ``?token=`` (docs/api.md § 5); the first one given decides.

    Raises ``NotAuthenticated``, ``InvalidToken``.
    """
    scheme, _, credentials = header(scope, "authorization").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        return await _access_token(credentials.strip())
    query = parse_qs(scope["query_string"].decode("latin-1"))
    if "ticket" in query:
        redeem = database_sync_to_async(ws_tickets.redeem, thread_sensitive=False)
        identity: Identity = await redeem(query["ticket"][0])
        return identity
    if "token" in query:
        return await _access_token(query["token"][0])
    raise NotAuthenticated


async def refuse(scope: Scope, send: Send, problem: Problem) -> None:
    """An HTTP response instead of a handshake: 403 for a missing or invalid token, otherwise the status of ``problem``.

    A server without the ASGI extension for such responses sends a bare 403.
    """
    if _REFUSAL not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    if isinstance(problem, Unauthorized):
        problem = PermissionDenied(f"The WebSocket was refused. {problem.detail}")
    headers: Mapping[str, str] = {
        "Content-Type": PROBLEM_CONTENT_TYPE,
        HEADER: current_request_id(),
        "Cache-Control": "no-store",
        **problem.headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    body = json.dumps(problem.as_dict(current_request_id())).encode()
    await send({"type": f"{_REFUSAL}.start", "status": problem.status, "headers": encoded})
    await send({"type": f"{_REFUSAL}.body", "body": body})


def header(scope: Scope, name: str) -> str:
    """The first header of that name (lower case), empty when there is none."""
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), "")


async def _access_token(raw: str) -> Identity:
    identity: Identity = await database_sync_to_async(authentication.authenticate, thread_sensitive=False)(raw)
    return identity
