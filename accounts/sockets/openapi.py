"""WebSockets in OpenAPI 3.1, which has none: the handshake is a GET that answers 101, and its extension ``x-websocket``
names the frames of each direction, which are ordinary component schemas.
"""

from collections.abc import Iterable
from typing import Any

TEXT = {"type": "string"}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def frame(description: str, properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def handshake(
    *, operation_id: str, summary: str, description: str, tag: str, client: Iterable[str], server: Iterable[str]
) -> dict[str, Any]:
    """The item of its path; ``client`` and ``server`` are the names of the frames that each sends."""

    def query(name: str, description: str) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": False, "schema": TEXT, "description": description}

    return {
        "get": {
            "operationId": operation_id,
            "summary": summary,
            "description": description,
            "tags": [tag],
            "security": [{"accessToken": []}, {}],
            "parameters": [
                query("ticket", "From POST /auth/ws-ticket; valid once."),
                query("token", "The access token, for clients that cannot set a header."),
            ],
            "responses": {
                "101": {"description": "Switching to WebSocket."},
                "403": {
                    "description": "Not authenticated, or an Origin that is not allowed.",
                    "content": {"application/problem+json": {"schema": reference("Problem")}},
                },
            },
            "x-websocket": {
                "client": [reference(name) for name in client],
                "server": [reference(name) for name in server],
            },
        },
    }
