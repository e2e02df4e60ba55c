"""Which pages may open a WebSocket: browsers send their Origin, and CORS does not cover WebSockets."""

from typing import Any
from urllib.parse import ParseResult

from channels.security.websocket import OriginValidator


class AllowedOrigins(OriginValidator):
    """Refuses (HTTP 403) an Origin that is not literally in ``origins``; no Origin at all is not a browser."""

    def __init__(self, application: Any, *, origins: list[str]) -> None:
        super().__init__(application, origins)  # type: ignore[no-untyped-call]

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        return parsed_origin is None or f"{parsed_origin.scheme}://{parsed_origin.netloc}" in self.allowed_origins
