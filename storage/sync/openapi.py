"""The socket of the synchronisation in OpenAPI (``accounts.sockets.openapi``)."""

from typing import Any

from accounts.sockets.openapi import frame, handshake

SYNC_PATH = "/api/v1/sync"
_SEQ = {"type": "integer", "minimum": 0, "description": "Of the feed's last change; 0 for none."}
_ID = {"type": "string", "format": "uuid"}


def add_sync_frames(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular (which also passes ``generator``, ``request`` and ``public``)."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(SERVER_FRAMES)
    result["paths"][SYNC_PATH] = handshake(
        operation_id="openSyncStream",
        summary="Open a WebSocket of hints",
        description="`hello`, then hints: they carry no content and may be lost, so a client asks the feed when it "
        "connects and every 5 minutes. What the client sends is ignored; a frame over 4 KiB closes with 1009. The "
        "socket closes with 4401 when the access token expires, or after `revoked` when the session has ended, and "
        "with 1012 when the server restarts.",
        tag="storage",
        client=(),
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
    ),
    "SyncChangesFrame": frame(
        "The feed has moved; at most four a second.", {"type": {"const": "changes"}, "seq": _SEQ}
    ),
    "SyncKeyRequestFrame": frame("A new device asks for the key.", {"type": {"const": "key_request"}, "id": _ID}),
    "SyncBatchDueFrame": frame("A batch has a due time to run.", {"type": {"const": "batch_due"}, "id": _ID}),
    "SyncPingFrame": frame("Sent every 30 s.", {"type": {"const": "ping"}}),
    "SyncRevokedFrame": frame("The session has ended; the socket closes with 4401.", {"type": {"const": "revoked"}}),
}
