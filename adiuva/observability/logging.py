"""Structured logs: JSON lines in production, readable ones in development, a request id on each.

Secrets stay out by construction: both formatters blank the values of our own settings' secrets, keys that users bring
along (``adiuva.observability.secrets``), tokens in query strings and whatever else looks like a secret or an address,
so that uvicorn's own lines, exception texts and what a library writes are covered too. Bodies and prompts are never
passed to a logger, and ``DEBUG`` is for our own loggers: at that level libraries write down statements with their
values, frames and requests.
"""

import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from adiuva.observability.request_id import current_request_id
from adiuva.observability.secrets import forms_of, list_living_forms

# What a secret looks like, and what is left of it. Each is linear in the text: paths get here.
_SECRETS = (
    (re.compile(r"(?i)\b((?:access_|refresh_)?token|ticket)=[^&\s\"'<>]+"), r"\1=[REDACTED]"),
    (re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{8,}"), "Bearer [REDACTED]"),
    # uvicorn's line of a handshake: a query may also name its token with percent signs.
    (re.compile(r"(WebSocket /[^\s?]*)\?\S*"), r"\1?[REDACTED]"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), "[REDACTED]"),  # a JWT
    (re.compile(r"\b(sk|rk|whsec)[-_][\w-]{8,}"), r"\1_[REDACTED]"),  # keys of OpenAI and Stripe
    (re.compile(r"\bscim_[\w-]{43}"), "scim_[REDACTED]"),  # an organisation's (accounts.organizations.scim)
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), r"\1:[REDACTED]@"),  # a password in a URL
    # PostgreSQL quotes the row that breaks a constraint; what follows is ours (a traceback's next part) again.
    (re.compile(r"(?m)^([ \t]*+DETAIL: ).*$"), r"\1[REDACTED]"),
    (re.compile(r"(?<![\w.%+-])[\w.%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)+"), "[EMAIL]"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# A key of ``extra`` for a dict of fields that are in the message already, or too many for a person to read: JSON only.
DETAILS = "details"
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "request", "color_message", "taskName")
}


# The values of this process's own secrets, however they are written.
_own_secrets: tuple[str, ...] = ()


def keep_out(secrets: Iterable[str]) -> None:
    """From here on no line holds one of ``secrets``, as it is or percent-encoded. Short ones may be words."""
    global _own_secrets  # noqa: PLW0603 - of the process, like its environment
    written = {form for secret in secrets for form in forms_of(secret)}
    # Longest first: one may hold another.
    _own_secrets = tuple(sorted(written, key=len, reverse=True))


def redact(text: str) -> str:
    """``text`` without tokens, tickets, keys, passwords and addresses, as far as their surroundings or shape tell."""
    for secret in (*_own_secrets, *list_living_forms()):
        if secret in text:
            text = text.replace(secret, "[REDACTED]")
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redact_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _redact_value(item) for name, item in value.items()}
    return value


def _one_line(text: str) -> str:
    """A path or a header in ``text`` cannot begin a line of its own."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.rstrip())


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller passed as ``extra``; objects that libraries pin to a record are no fields."""
    return {
        name: _redact_value(value)
        for name, value in vars(record).items()
        if name not in _STANDARD_FIELDS
        and name != DETAILS
        and isinstance(value, (str, int, float, list, dict, None.__class__))
    }


def _utc(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """One object a line: ``time, level, logger, request_id, message``, the caller's extra fields, ``exception``.

    ``time`` is RFC 3339 in UTC.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "logger": record.name,
            "request_id": current_request_id(),
            "message": redact(record.getMessage()),
        }
        fields = _redact_value(getattr(record, DETAILS, {})) | _fields(record)
        line |= {name: value for name, value in fields.items() if name not in line}
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        # Redacted before it is encoded: a pattern could cut an escape sequence in two.
        encoded = json.dumps(line, ensure_ascii=False, default=str)
        # JSON may hold them as they are, but whoever reads the log by lines would see two.
        return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", encoded)


class ReadableFormatter(logging.Formatter):
    """``12:34:56 INFO    adiuva.access [request id] message key=value``, then the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006 - a developer's own clock
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        message = _one_line(redact(record.getMessage()) + fields)
        line = f"{clock} {record.levelname:<7} {record.name} [{current_request_id()}] {message}"
        if record.exc_info:
            line += "\n" + redact(self.formatException(record.exc_info))
        return line


OUR_PACKAGES = ("adiuva", "accounts", "billing", "storage", "backups", "marketplace", "agents", "chat")


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """A ``dictConfig`` for Django, uvicorn and everything else: one handler, on stderr."""
    formatter = JsonFormatter if as_json else ReadableFormatter
    others = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": others},
        "loggers": {
            **{package: {"level": level} for package in OUR_PACKAGES},
            # Django's own handlers (console, mail) would write each line twice.
            "django": {"handlers": [], "propagate": True, "level": others},
            "django.server": {"handlers": [], "propagate": True},
            # Our access line says it already; Django would add "Not Found: /path" for each 4xx.
            "django.request": {"level": "ERROR"},
            "uvicorn": {"handlers": [], "propagate": True, "level": others},
            # adiuva.access is the access log; this one writes query strings.
            "uvicorn.access": {"handlers": [], "propagate": False},
            # Their INFO lines tell of every request to a provider.
            "httpx": {"level": "WARNING"},
            "pinecone": {"level": "WARNING"},  # a line with the user's id for each call
            "httpcore": {"level": "WARNING"},
            "openai": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
