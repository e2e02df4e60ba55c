"""WebSockets in OpenAPI 3.1, which has none: the handshake is a GET that answers 101, whose content are the frames. Its
description lists those of each direction, for who reads it, and its extension ``x-websocket``, for programs.
"""

from collections.abc import Mapping
from typing import Any

TEXT = {"type": "string"}
Frames = Mapping[str, dict[str, Any]]  # the components by name, as ``frame`` makes them


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def frame(
    description: str, properties: dict[str, Any], *, example: dict[str, Any], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "examples": [example],
    }


def handshake(
    *, operation_id: str, summary: str, description: str, tag: str, content: str, client: Frames, server: Frames
) -> dict[str, Any]:
    """The item of its path; ``client`` and ``server`` are the frames that each sends, ``content`` is the component that
    is all of them.
    """

    def query(name: str, description: str) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": False, "schema": TEXT, "description": description}

    def refusal(description: str) -> dict[str, Any]:
        return {
            "description": description,
            "content": {"application/problem+json": {"schema": reference("Problem")}},
        }

    return {
        "get": {
            "operationId": operation_id,
            "summary": summary,
            "description": description + _table("You send", client) + _table("The server sends", server),
            "tags": [tag],
            "security": [{"accessToken": []}, {}],
            "parameters": [
                query("ticket", "From POST /auth/ws-ticket; valid once."),
                query("token", "The access token, for clients that cannot set a header."),
            ],
            "responses": {
                "101": {
                    "description": "Switching to WebSocket. From here on each message is one of these frames, as JSON.",
                    "content": {
                        "application/json": {
                            "schema": reference(content),
                            "examples": {**_examples("→", client), **_examples("←", server)},
                        }
                    },
                },
                "403": refusal("permission_denied: no valid token or ticket, or an Origin that is not allowed"),
                "429": refusal("rate_limited: the account has as many sockets open as it may have"),
                "503": refusal("upstream_unavailable: the server has no room, is shutting down, or has no database"),
            },
            "x-websocket": {
                "client": [reference(name) for name in client],
                "server": [reference(name) for name in server],
            },
        },
    }


def _kind(schema: Mapping[str, Any]) -> str:
    """Of what ``type`` the frame is; a ChatRequest has none."""
    return str(schema.get("properties", {}).get("type", {}).get("const", "none"))


def _table(title: str, frames: Frames) -> str:
    rows = "".join(f"| `{_kind(schema)}` | {name} | {schema['description']} |\n" for name, schema in frames.items())
    return f"\n\n**{title}**\n\n| `type` | schema | |\n|---|---|---|\n{rows}" if rows else ""


def _examples(arrow: str, frames: Frames) -> dict[str, Any]:
    return {
        name: {"summary": f"{arrow} {_kind(schema)} ({name})", "value": value}
        for name, schema in frames.items()
        for value in schema["examples"]
    }
