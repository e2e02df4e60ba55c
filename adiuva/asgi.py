"""The composition root of everything that speaks to the network."""

import os
import re
import sys
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")

import django

django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.urls import re_path
from servestatic import ServeStaticASGI

from accounts.authentication import is_signed
from accounts.sockets.consumer import not_found
from adiuva.lifespan import Lifespan
from adiuva.observability import process
from adiuva.server.asgi_handler import PooledASGIHandler
from adiuva.server.body_limits import KIB, MIB, BodyLimit, Cap
from adiuva.server.error_boundary import ErrorBoundary
from adiuva.server.origins import AllowedOrigins
from adiuva.server.request_metrics import RequestMetrics
from adiuva.server.request_traces import RequestTraces
from chat.ws.consumer import websocket_urlpatterns as chat_sockets
from storage.sync.consumer import websocket_urlpatterns as sync_sockets

CAPS = [
    # context 512 KiB and message 32,000 characters, both possibly \u-escaped (six bytes for a two-byte character)
    Cap(re.compile(r"/api/v1/chat"), 2048 * KIB),
    Cap(re.compile(r"/api/v1/batches/build"), 2048 * KIB),
    Cap(re.compile(r"/api/v1/plans/templates/[^/]+/run"), 2048 * KIB),
    # 50 envelopes of 4 KiB as base64, and what each has beside its bytes
    Cap(re.compile(r"/api/v1/auth/(register|password|password/reset/confirm)"), 512 * KIB),
    # 16 MiB of sealed bytes as base64, four bytes for three, and what each of 500 operations has beside them.
    Cap(re.compile(r"/api/v1/storage/records/batch"), 24 * MIB, streams=True),
    Cap(re.compile(r"/api/v1/storage/records/fetch"), 256 * KIB),
    # A blob in JSON is base64, four bytes for three, and a form may hold 1 MiB beside it. What a record may hold, and
    # how long JSON may be, is the view's to check (storage.records.upload_forms).
    Cap(re.compile(r"/api/v1/storage/records(/[^/]+)?"), settings.MAX_RECORD_BYTES * 4 // 3 + MIB, streams=True),
    Cap(re.compile(r"/api/v1/storage/vectors/upsert"), 64 * 1024 * KIB, streams=True),
    Cap(re.compile(r"/api/v1/storage/vectors/search"), 16 * 1024 * KIB, streams=True),
    # Capped by the view: no part goes beyond what was announced.
    Cap(re.compile(r"/api/v1/storage/uploads/[^/]+"), sys.maxsize, streams=True),
    # Capped by the view (MAX_BACKUP_BYTES), which knows the quota: its 402 goes before 413.
    Cap(re.compile(r"/api/v1/backup"), sys.maxsize, streams=True),
    # a manifest, and the form around both
    Cap(re.compile(r"/api/v1/plugins"), settings.MAX_PACKAGE_BYTES + 1024 * KIB, streams=True),
    Cap(re.compile(r"/api/v1/billing/webhook"), 1024 * KIB),  # an invoice of many lines; all that comes unsigned
    Cap(re.compile(r"/admin/.*"), 2560 * KIB),
]
STATIC_MAX_AGE_SECONDS = 3600
ICON = Path(__file__).parent / "static" / "adiuva" / "favicon.ico"


def _add_security_headers(headers: Headers, path: str, url: str) -> None:  # noqa: ARG001 - servestatic's signature
    headers["X-Content-Type-Options"] = "nosniff"


def with_static_files(app: Any) -> ServeStaticASGI:
    """``app``, with every file of an installed app's ``static/`` under ``STATIC_URL`` answered before it.

    They are few and rarely asked for, so there is no collecting step: the packages' own files are found once, at start.
    """
    server = ServeStaticASGI(
        app, max_age=STATIC_MAX_AGE_SECONDS, allow_all_origins=False, add_headers_function=_add_security_headers
    )
    # Django lets the first app win; servestatic lets the last one.
    for storage in reversed(list(AppDirectoriesFinder().storages.values())):
        server.add_files(storage.location, prefix=settings.STATIC_URL)
    # Browsers ask for it on every page that names no icon of its own.
    server.add_file_to_dictionary("/favicon.ico", str(ICON))
    return server


http: Any = with_static_files(ErrorBoundary(BodyLimit(PooledASGIHandler(), caps=CAPS, token_is_signed=is_signed)))
if settings.METRICS_TOKEN:
    process.start()
    http = RequestMetrics(http, static_url=settings.STATIC_URL)
if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    http = RequestTraces(http, static_url=settings.STATIC_URL)

sockets = [
    *chat_sockets,
    *sync_sockets,
    re_path(r"", not_found),  # type: ignore[arg-type]  # Django types its routes for HTTP views
]
application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedOrigins(URLRouter(sockets), origins=settings.CORS_ORIGINS),
        "lifespan": Lifespan(),
    }
)
