"""Structured logs: JSON lines in production, readable ones in development, a request id on each.

Secrets stay out by construction: the last step of both formatters blanks tokens in query strings, so it also covers
uvicorn's own lines, exception texts and whatever a library writes. Bodies and prompts are never passed to a logger.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from adiuva.http.request_id import current_request_id

_QUERY_SECRET = re.compile(r"(?i)\b((?:access_|refresh_)?token|ticket)=[^&\s\"'<>]+")
_BEARER = re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{8,}")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "color_message", "taskName"}


def redact(text: str) -> str:
    """``text`` with tokens and tickets of query strings and Authorization headers blanked."""
    return _BEARER.sub("Bearer [REDACTED]", _QUERY_SECRET.sub(r"\1=[REDACTED]", text))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller passed as ``extra``; objects that libraries pin to a record are no fields."""
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD_FIELDS and isinstance(value, (str, int, float, list, dict, None.__class__))
    }


class JsonFormatter(logging.Formatter):
    """One object a line: ``time, level, logger, request_id, message``, the caller's extra fields, ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": current_request_id(),
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))


class ReadableFormatter(logging.Formatter):
    """``12:34:56 INFO    adiuva.access [request id] message key=value …``"""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006 - a developer's own clock
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{clock} {record.levelname:<7} {record.name} [{current_request_id()}] {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


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
