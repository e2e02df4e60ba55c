"""The OpenAPI document beyond what drf-spectacular makes of our views: where its guesses are not right for them
(``ApiSchema``), and what all answers have in common, said once (the postprocessing hooks).
"""

from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import is_list_serializer, is_serializer

from adiuva.api.errors import PROBLEM_CONTENT_TYPE
from adiuva.api.openapi.problems import Examples

READY_PATH = "/api/v1/health/ready"  # its 503 is the same report as its 200, not a problem
HEALTH_PATHS = {"/api/v1/health", READY_PATH}

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}
HEADERS: dict[str, Any] = {
    "X-Request-ID": {"description": "The client's own, if it sent a sane one.", "schema": _TEXT, "required": True},
    "RateLimit-Limit": {"description": "Requests in 60 seconds.", "schema": _WHOLE},
    "RateLimit-Remaining": {"description": "How many are left.", "schema": _WHOLE},
    "RateLimit-Reset": {"description": "Seconds until all are back.", "schema": _WHOLE},
    "Retry-After": {"description": "Whole seconds; after them one request does pass.", "schema": _WHOLE},
    "Content-Range": {"description": "`bytes */size`", "schema": _TEXT},
    "WWW-Authenticate": {"description": "RFC 6750.", "schema": _TEXT},
}
_LIMITED = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_OF_STATUS = {
    "401": ("WWW-Authenticate",),
    "416": ("Content-Range",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}

# What any route may answer beside its own: the component's name, by status.
_EVERYWHERE = {"400": "Invalid", "406": "NotAcceptable", "500": "InternalError"}
_OF_HANDSHAKES = {"400", "500"}  # the others they name themselves: 403 is their 401
_GUARDED = {"401": "NotAuthenticated", "429": "RateLimited"}
_WITH_DATABASE = {"503": "Unavailable"}
_WITH_BODY = {"413": "TooLarge", "415": "UnsupportedMediaType"}
SHARED = {
    "Invalid": ("400", "validation_error: a header, the query or the body cannot be read, or a field is wrong"),
    "NotAuthenticated": ("401", "not_authenticated, invalid_token"),
    "NotAcceptable": ("406", "not_acceptable: Accept leaves out what this route answers"),
    "TooLarge": ("413", "payload_too_large"),
    "UnsupportedMediaType": ("415", "unsupported_media_type"),
    "RateLimited": ("429", "rate_limited; see Retry-After"),
    "InternalError": ("500", "internal_error"),
    "Unavailable": ("503", "upstream_unavailable: the database is away"),
}
Document = dict[str, Any]


def complete(result: Document, **_: Any) -> Document:
    """Errors are ``application/problem+json``, every route names those it may give, and answers name their headers."""
    result["components"]["headers"] = HEADERS
    for name, example in EXAMPLES.items():
        result["components"]["schemas"][name]["examples"] = [example]
    of_errors = Examples(result["components"]["schemas"])
    result["components"]["responses"] = {
        name: _with_headers(_problem(description), status, limited=name == "RateLimited")
        for name, (status, description) in SHARED.items()
    }
    for name, response in result["components"]["responses"].items():
        of_errors.add(response, SHARED[name][0], operation={})
    for path, item in result["paths"].items():
        for operation in item.values():
            _complete(path, operation, of_errors)
    result["components"]["examples"] = of_errors.shared
    return result


def in_order(result: Document, **_: Any) -> Document:
    """Components and statuses by name, so that the committed document changes only where the API does."""
    for kind, members in result["components"].items():
        result["components"][kind] = dict(sorted(members.items()))
    for item in result["paths"].values():
        for operation in item.values():
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def _complete(path: str, operation: Document, of_errors: Examples) -> None:
    is_socket = "x-websocket" in operation
    guarded = any(operation.get("security", [])) and not is_socket  # a public route has one that asks for nothing
    responses = operation["responses"]
    for status, response in responses.items():
        if status[0] in "45" and path != READY_PATH:
            _as_problem(response)
            of_errors.add(response, status, operation=operation)
        _with_headers(response, status, limited=guarded)
    shared = _EVERYWHERE | (_GUARDED if guarded else {}) | ({} if path in HEALTH_PATHS else _WITH_DATABASE)
    if is_socket:
        shared = {status: name for status, name in shared.items() if status in _OF_HANDSHAKES}
    for status, name in (shared | (_WITH_BODY if "requestBody" in operation else {})).items():
        responses.setdefault(status, {"$ref": f"#/components/responses/{name}"})


def _problem(description: str) -> Document:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_CONTENT_TYPE: {"schema": schema}}}


def _as_problem(response: Document) -> None:
    """It has one form, whatever else the route can answer with, but for a page that a browser gets instead."""
    content = response.get("content", {})
    if "application/json" in content:
        page = {"text/html": content["text/html"]} if "text/html" in content else {}
        response["content"] = {PROBLEM_CONTENT_TYPE: content["application/json"], **page}


def _with_headers(response: Document, status: str, *, limited: bool) -> Document:
    names = ["X-Request-ID", *_OF_STATUS.get(status, ())]
    if limited and status != "401":  # who is not known has no window
        names += _LIMITED
    own = response.setdefault("headers", {})
    for name in names:
        own.setdefault(name, {"$ref": f"#/components/headers/{name}"})
    return response


_TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…",
    "refresh_token": "mHk3v1rVQy7c…",
    "token_type": "bearer",
    "expires_at": "2026-11-22T18:50:05.061422Z",
    "expires_in": 1800,
}
_ID = "4f6f2a0e-9b1c-4d8e-8a57-1f0c2b3d4e5f"
_CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of `test`, as the blobs below
_ETAG = f'"1-{_CHECKSUM[:16]}"'
_ACTION = {
    "id": "e2ec1b55-0f4e-4a3a-9d7b-6c1f8f0a2b11",
    "name": "create_task",
    "type": "create_record",
    "table": "tasks",
    "record_id": "df8312c4-3c55-4b8e-b0a9-5a7f5d1e9c22",
    "data": {"title": "Buy milk", "priority": "high", "due_date": "2026-11-23"},
    "destructive": False,
}

_KDF = {
    "algorithm": "argon2id",
    "salt": "EmQggLfp8+M4VHH1WxNbqA==",
    "memory_kib": 65536,
    "iterations": 3,
    "parallelism": 4,
}
_SENTENCE = "a long sentence is best"
_OWN_KEY = {"kind": "mistral", "api_key": "your-own"}

# Of a body the first one is what `Try it out` sends, so it has to be one that the server reads.
EXAMPLES: Final[dict[str, Any]] = {
    "Action": _ACTION,
    "AuthTokens": _TOKENS,
    "BackupPolicyRequest": {"keep_last": 10, "keep_daily": 7, "keep_weekly": 4},
    "BatchBuildRequest": {
        "message": "every Monday at nine, give each task of mine that is late a higher priority",
        "timezone": "Europe/Rome",
    },
    "BatchChangesRequest": {"state": "paused"},
    "BatchRequest": {
        "operations": [
            {
                "op": "put",
                "id": _ID,
                "table_name": "notes",
                "checksum": _CHECKSUM,
                "blob": "dGVzdA==",
                "if_none_match": "*",
            },
            {"op": "delete", "id": "df8312c4-3c55-4b8e-b0a9-5a7f5d1e9c22"},
        ]
    },
    "ChatRequest": {
        "message": "create a task to buy milk tomorrow, high priority",
        "context": {"user_profile": {"timezone": "Europe/Rome"}},
    },
    "ChatResponse": {
        "response": "I created the task “Buy milk”, due tomorrow (Monday, 23 November), with high priority.",
        "actions": [_ACTION],
        "usage": {"input_tokens": 1386, "output_tokens": 24},
        "finish_reason": "stop",
    },
    "CredentialsRequest": {"email": "you@example.com", "password": _SENTENCE},
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
                "etag": _ETAG,
            }
        ],
        "next": "Lk00mbMLQpCqeNZRgkN90gAAAAAAAAABAAAAAAAAAABdRsUFAlMBGkOiJPz0Nu4B",
        "has_more": False,
    },
    "EnvelopeContentRequest": {"blob": "dGVzdA==", "checksum": _CHECKSUM, "key_id": "master-1"},
    "JsonUploadRequest": {"table_name": "notes", "checksum": _CHECKSUM, "blob": "dGVzdA=="},
    "NewBatchRequest": {"spec": "dGVzdA==", "checksum": _CHECKSUM, "trigger": "manual", "state": "active"},
    "PasswordChangeRequest": {"current_password": _SENTENCE, "new_password": "a longer one is better"},
    "Problem": {
        "type": "urn:adiuva:problem:not_found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing here.",
        "code": "not_found",
        "request_id": "0f3c2f9e6d0b4b7e",
    },
    "PreloginAnswer": {"kdf": _KDF},
    "ProviderTestRequest": {"provider": _OWN_KEY},
    "ReauthenticationRequest": {"password": _SENTENCE},
    "RecordMeta": {
        "id": _ID,
        "table_name": "notes",
        "checksum": _CHECKSUM,
        "size_bytes": 4,
        "revision": 1,
        "etag": _ETAG,
        "created_at": "2026-11-22T18:20:05.061422Z",
        "updated_at": "2026-11-22T18:20:05.061422Z",
    },
    "RegistrationRequest": {"email": "you@example.com", "password": _SENTENCE},
    "ResetRequest": {"token": "as in the link of the mail", "new_password": "a longer one is better"},
    "SearchRequest": {"vector": [0.12, -0.56, 0.81], "top_k": 10},
    "UpsertRequest": {
        "vectors": [{"id": _ID, "blob": "dGVzdA==", "checksum": _CHECKSUM, "vector": [0.12, -0.56, 0.81]}]
    },
}


class ApiSchema(AutoSchema):
    """Lists are objects with ``items``, a DELETE may have a body (RFC 9110 § 9.3.5: its meaning is ours to say), and of
    a PATCH the same fields are needed as of any other body: no view of ours makes its serializer partial.
    """

    def _is_list_view(self, serializer: Any = None) -> bool:
        return bool(is_list_serializer(serializer))

    def _get_request_body(self, direction: Any = "request") -> Any:
        method, self.method = self.method, "PUT" if self.method in {"DELETE", "PATCH"} else self.method
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = method

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        """A body may be left out where none of its fields is needed, unless its serializer says otherwise: one of two
        fields may be. What has no fields, bytes among them, is needed.
        """
        schema, required = super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]
        return schema, required or getattr(serializer, "needs_a_body", not is_serializer(serializer))
