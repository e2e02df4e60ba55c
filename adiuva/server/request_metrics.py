"""Counts requests: an ASGI wrapper, there only where metrics are wanted.

The route is known to Django alone, whose outermost middleware leaves it in the ``Measurement`` of the scope.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.http import HttpRequest
from django.urls import ResolverMatch

from adiuva.observability.metrics import (
    HTTP_IN_FLIGHT,
    HTTP_RECEIVED,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    HTTP_SENT,
    METHODS,
    bound_label,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MEASUREMENT = "adiuva.measurement"  # the scope's key
NO_ROUTE = "none"
_ADMIN = "admin/"  # a hundred routes, for a handful of people
_STATUS = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class Measurement:
    """Of one request. The scope is copied on its way, this is not."""

    __slots__ = ("received", "route", "sent", "status")

    def __init__(self, route: str) -> None:
        self.route = route
        self.received = 0
        self.sent = 0
        self.status = 0


class RequestMetrics:
    """``static_url``: the prefix of what is answered without Django."""

    def __init__(self, app: App, *, static_url: str) -> None:
        self.app = app
        self.static_url = static_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        one = Measurement(self.static_url if scope["path"].startswith(self.static_url) else NO_ROUTE)
        scope[MEASUREMENT] = one

        async def counting_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                one.received += len(message.get("body", b""))
            return message

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                one.status = message["status"]
            else:
                one.sent += len(message.get("body", b""))
            await send(message)

        started = time.perf_counter()
        HTTP_IN_FLIGHT.inc()
        try:
            await self.app(scope, counting_receive, counting_send)
        finally:
            HTTP_IN_FLIGHT.dec()
            method = bound_label(scope["method"], METHODS)
            HTTP_SECONDS.labels(method, one.route).observe(time.perf_counter() - started)
            HTTP_REQUESTS.labels(method, one.route, _STATUS[one.status // 100]).inc()
            if one.received:
                HTTP_RECEIVED.labels(one.route).inc(one.received)
            if one.sent:
                HTTP_SENT.labels(one.route).inc(one.sent)


def note_route(request: HttpRequest) -> None:
    """Tells the wrapper, if there is one, which route ``request`` took: its pattern, never its path."""
    one: Measurement | None = getattr(request, "scope", {}).get(MEASUREMENT)
    if one is not None:
        route = route_of(request)
        one.route = f"/{_ADMIN}" if route.startswith(f"/{_ADMIN}") else route


def route_of(request: HttpRequest) -> str:
    """The pattern that ``request`` was resolved by. The catch-all for unknown paths, a regular expression, is none."""
    match: ResolverMatch | None = request.resolver_match
    return NO_ROUTE if match is None or match.route.startswith("^") else f"/{match.route}"
