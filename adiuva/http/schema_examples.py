"""An example for the shapes one meets first; tests hold each to its schema."""

from typing import Any, Final

_TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…",
    "refresh_token": "mHk3v1rVQy7c…",
    "token_type": "bearer",
    "expires_at": "2026-11-22T18:50:05.061422Z",
    "expires_in": 1800,
}
_ID = "4f6f2a0e-9b1c-4d8e-8a57-1f0c2b3d4e5f"
_CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of `test`, as the blobs below
_ACTION = {
    "id": "e2ec1b55-0f4e-4a3a-9d7b-6c1f8f0a2b11",
    "name": "create_task",
    "type": "create_record",
    "table": "tasks",
    "record_id": "df8312c4-3c55-4b8e-b0a9-5a7f5d1e9c22",
    "data": {"title": "Buy milk", "priority": "high", "due_date": "2026-11-23"},
    "destructive": False,
}

EXAMPLES: Final[dict[str, Any]] = {
    "Action": _ACTION,
    "AuthTokens": _TOKENS,
    "ChatRequest": {
        "message": "create a task to buy milk tomorrow, high priority",
        "context": {"user_profile": {"timezone": "Europe/Rome"}},
    },
    "ChatResponse": {
        "response": "I created the task “Buy milk”, due tomorrow (Monday, 23 November), with high priority.",
        "actions": [_ACTION],
        "usage": {"input_tokens": 1386, "output_tokens": 24},
    },
    "Feed": {
        "changes": [
            {
                "seq": 1,
                "id": _ID,
                "table_name": "notes",
                "op": "put",
                "checksum": _CHECKSUM,
                "size_bytes": 4,
                "revision": 1,
            }
        ],
        "next": 1,
        "has_more": False,
    },
    "JsonUploadRequest": {"table_name": "notes", "checksum": _CHECKSUM, "blob": "dGVzdA=="},
    "Problem": {
        "type": "urn:adiuva:problem:quota_exceeded",
        "title": "Quota exceeded",
        "status": 402,
        "detail": "This would exceed the storage of the current tier.",
        "code": "quota_exceeded",
        "request_id": "0f3c2f9e6d0b4b7e",
        "limit_bytes": 0,
        "used_bytes": 0,
        "requested_bytes": 1000,
    },
    "RecordMeta": {
        "id": _ID,
        "table_name": "notes",
        "checksum": _CHECKSUM,
        "size_bytes": 4,
        "revision": 1,
        "created_at": "2026-11-22T18:20:05.061422Z",
        "updated_at": "2026-11-22T18:20:05.061422Z",
    },
    "RegistrationRequest": {"email": "you@example.com", "password": "a long sentence is best"},
    "UpsertRequest": {
        "vectors": [{"id": _ID, "blob": "dGVzdA==", "checksum": _CHECKSUM, "vector": [0.12, -0.56, 0.81]}]
    },
}
