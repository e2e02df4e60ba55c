"""Structured logs: JSON lines in production, readable ones in development, a request id on each.

Secrets stay out by construction: both formatters blank tokens in query strings and whatever else looks like a secret,
so that uvicorn's own lines, exception texts and what a library writes are covered too. Bodies and prompts are never
passed to a logger.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from adiuva.http.request_id import current_request_id

# What a secret looks like, and what is left of it. Each is linear in the text: paths get here.
_SECRETS = (
    (re.compile(r"(?i)\b((?:access_|refresh_)?token|ticket)=[^&\s\"'<>]+"), r"\1=[REDACTED]"),
    (re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{8,}"), "Bearer [REDACTED]"),
    # uvicorn's line of a handshake: a query may also name its token with percent signs.
    (re.compile(r"(WebSocket /[^\s?]*)\?\S*"), r"\1?[REDACTED]"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), "[REDACTED]"),  # a JWT
    (re.compile(r"\b(sk|rk|whsec)[-_][\w-]{8,}"), r"\1_[REDACTED]"),  # keys of OpenAI and Stripe
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), r"\1:[REDACTED]@"),  # a password in a URL
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "request", "color_message", "taskName")
}


def redact(text: str) -> str:
    """``text`` without tokens, tickets, keys and passwords, as far as their surroundings or shape tell."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if isinstance(value, dict):
        return {name: _redacted(item) for name, item in value.items()}
    return value


def _one_line(text: str) -> str:
    """A path or a header in ``text`` cannot begin a line of its own."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.rstrip())


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller passed as ``extra``; objects that libraries pin to a record are no fields."""
    return {
        name: _redacted(value)
        for name, value in vars(record).items()
        if name not in _STANDARD_FIELDS and isinstance(value, (str, int, float, list, dict, None.__class__))
    }


def _utc(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """One object a line: ``time, level, logger, request_id, message``, the caller's extra fields, ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "logger": record.name,
            "request_id": current_request_id(),
            "message": redact(record.getMessage()),
        }
        line |= {name: value for name, value in _fields(record).items() if name not in line}
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        # Redacted before it is encoded: a pattern could cut an escape sequence in two.
        return json.dumps(line, ensure_ascii=False, default=str)


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


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """A ``dictConfig`` for Django, uvicorn and everything else: one handler, on stderr."""
    formatter = JsonFormatter if as_json else ReadableFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers (console, mail) would write each line twice.
            "django": {"handlers": [], "propagate": True, "level": level},
            "django.server": {"handlers": [], "propagate": True},
            # Our access line says it already; Django would add "Not Found: /path" for each 4xx.
            "django.request": {"level": "ERROR"},
            "uvicorn": {"handlers": [], "propagate": True, "level": level},
            # adiuva.access is the access log; this one writes query strings.
            "uvicorn.access": {"handlers": [], "propagate": False},
            # Their INFO and DEBUG lines tell of every request to a provider, or hold its text.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "openai": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
