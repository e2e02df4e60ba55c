"""Sentry: one event for each line that is logged as an error.

What is sent is written down here field by field. The SDK collects far more (requests, headers, local variables, the
texts of exceptions), and each of its versions may add to that: a list of what to leave out would not hold.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

from adiuva.observability.logging import redact
from adiuva.observability.request_id import current_request_id

LONGEST_WAIT_AT_THE_END: Final = 2.0  # seconds, for events that are still on their way when a process ends
# Facts about an event: none of them comes from a user.
_KEPT: Final = ("event_id", "timestamp", "level", "platform", "logger", "release", "environment", "server_name", "sdk")
_OF_A_FRAME: Final = (
    "filename",
    "function",
    "module",
    "lineno",
    "in_app",
    "pre_context",
    "context_line",
    "post_context",
)
_APPS: Final = ("accounts", "agents", "backups", "billing", "chat", "marketplace", "storage")
_OURS: Final = frozenset({"adiuva", "django", *_APPS})
_OF_AN_EXTRA: Final = ("code", "job")  # words of ours


def report_errors(dsn: str, *, environment: str, release: str) -> None:
    """Raises ``sentry_sdk.utils.BadDsn`` for what is no DSN."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        shutdown_timeout=LONGEST_WAIT_AT_THE_END,
        before_send=_keep_what_is_ours,
    )


def _keep_what_is_ours(event: Any, hint: Any) -> Any:  # noqa: ARG001 - Sentry's signature
    return keep_what_is_ours(event)


def keep_what_is_ours(event: Mapping[str, Any]) -> dict[str, Any]:
    """Of an event: where and when, its exceptions' types and places, and the log line as it stands in the code."""
    kept = {name: event[name] for name in _KEPT if name in event}
    kept["tags"] = {"request_id": current_request_id()}
    message = (event.get("logentry") or {}).get("message")
    # Others format before they log: asyncio's line of a task that nobody waited for quotes what it raised.
    if isinstance(message, str) and str(event.get("logger", "")).partition(".")[0] in _OURS:
        kept["logentry"] = {"message": redact(message)}
    extra = event.get("extra") or {}
    kept["extra"] = {name: str(extra[name]) for name in _OF_AN_EXTRA if name in extra}
    values = (event.get("exception") or {}).get("values") or []
    if values:
        kept["exception"] = {"values": [_exception(value) for value in values]}
    return kept


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "mechanism": {"type": "logging", "handled": True},
        "stacktrace": {"frames": [{name: one[name] for name in _OF_A_FRAME if name in one} for one in frames]},
    }
