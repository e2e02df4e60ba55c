"""A span for each request: an ASGI wrapper, there only where traces are wanted. Its name is the route, never the path.

A client's own ``traceparent`` is not taken: whoever may call could decide what is kept, and under which trace.
"""

from http import HTTPStatus
from typing import Any

from adiuva.observability.request_id import current_request_id
from adiuva.observability.spans import begin_span
from adiuva.server.request_metrics import MEASUREMENT, NO_ROUTE, App, Measurement, Message, Receive, Scope, Send


class RequestTraces:
    """``static_url``: the prefix of what is answered without Django, and of which nothing is told."""

    def __init__(self, app: App, *, static_url: str) -> None:
        self.app = app
        self.static_url = static_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(self.static_url):
            await self.app(scope, receive, send)
            return
        scope[MEASUREMENT] = Measurement(NO_ROUTE)  # that of the metrics takes its place
        status = 0

        async def watching_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        one = begin_span(scope["method"])
        leave = one.enter()
        failed: dict[str, Any] = {}
        try:
            await self.app(scope, receive, watching_send)
        except BaseException as error:
            failed = {"failed": type(error).__name__}
            raise
        finally:
            leave()
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                failed = {"failed": str(status)}
            one.end(
                http__request__method=scope["method"],
                http__route=scope[MEASUREMENT].route,
                http__response__status_code=status,
                adiuva__request_id=current_request_id(),
                **failed,
            )
