"""The socket of the synchronisation in OpenAPI (``accounts.sockets.openapi``)."""

from typing import Any

from accounts.sockets.openapi import frame, handshake, reference

SYNC_PATH = "/api/v1/sync"
_SEQ = {"type": "integer", "minimum": 0, "description": "Of the feed's last change; 0 for none."}
_ID = {"type": "string", "format": "uuid"}
_AN_ID = "4f6f2a0e-9b1c-4d8e-8a57-1f0c2b3d4e5f"


def add_sync_frames(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular (which also passes ``generator``, ``request`` and ``public``)."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(SERVER_FRAMES | UNION)
    result["paths"][SYNC_PATH] = handshake(
        operation_id="openSyncStream",
        summary="Open a WebSocket of hints",
        description="`hello`, then hints: they carry no content and may be lost, so a client asks the feed when it "
        "connects and every 5 minutes. What the client sends is ignored; a frame over 4 KiB closes with 1009. The "
        "socket closes with 4401 when the access token expires, or after `revoked` when the session has ended, and "
        "with 1012 when the server restarts.",
        tag="storage",
        content="SyncFrame",
        client={},
        server=SERVER_FRAMES,
    )
    return result


SERVER_FRAMES: dict[str, Any] = {
    "SyncHelloFrame": frame(
        "The first frame: where the feed is, and what waits.",
        {
            "type": {"const": "hello"},
            "seq": _SEQ,
            "due": {"type": "array", "items": _ID, "description": "Batches with a due time to run."},
            "key_requests": {
                "type": "array",
                "items": _ID,
                "description": "Requests of new devices that wait for an answer.",
            },
        },
        example={"type": "hello", "seq": 41, "due": [_AN_ID], "key_requests": []},
    ),
    "SyncChangesFrame": frame(
        "The feed has moved; at most four a second.",
        {"type": {"const": "changes"}, "seq": _SEQ},
        example={"type": "changes", "seq": 42},
    ),
    "SyncKeyRequestFrame": frame(
        "A new device asks for the key.",
        {"type": {"const": "key_request"}, "id": _ID},
        example={"type": "key_request", "id": _AN_ID},
    ),
    "SyncBatchDueFrame": frame(
        "A batch has a due time to run.",
        {"type": {"const": "batch_due"}, "id": _ID},
        example={"type": "batch_due", "id": _AN_ID},
    ),
    "SyncPingFrame": frame("Sent every 30 s.", {"type": {"const": "ping"}}, example={"type": "ping"}),
    "SyncRevokedFrame": frame(
        "The session has ended; the socket closes with 4401.",
        {"type": {"const": "revoked"}},
        example={"type": "revoked"},
    ),
}
UNION: dict[str, Any] = {
    "SyncFrame": {
        "description": "What the server sends over the WebSocket of the synchronisation.",
        "oneOf": [reference(name) for name in SERVER_FRAMES],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                schema["properties"]["type"]["const"]: reference(name)["$ref"] for name, schema in SERVER_FRAMES.items()
            },
        },
    }
}
