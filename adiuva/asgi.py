"""The composition root of everything that speaks to the network."""

import os
import re
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")

import django

django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

from accounts.authentication import is_signed
from adiuva.observability import process
from adiuva.server.asgi_handler import WarmASGIHandler
from adiuva.server.body_limits import KIB, BodyLimit, Cap
from adiuva.server.error_boundary import LastResort
from adiuva.server.lifespan import Lifespan
from adiuva.server.origins import AllowedOrigins
from adiuva.server.request_metrics import Measured
from adiuva.server.static_files import with_static_files
from chat.ws.consumer import websocket_urlpatterns

CAPS = [
    # context 512 KiB and message 32,000 characters, both possibly \u-escaped (six bytes for a two-byte character)
    Cap(re.compile(r"/api/v1/chat"), 2048 * KIB),
    Cap(re.compile(r"/api/v1/plans/templates/[^/]+/run"), 2048 * KIB),
    # a form may hold 1 MiB beside its blob (storage.records.upload_forms)
    Cap(re.compile(r"/api/v1/storage/records(/[^/]+)?"), settings.MAX_RECORD_BYTES + 1024 * KIB, live=True),
    Cap(re.compile(r"/api/v1/storage/vectors/(upsert|search)"), 16 * 1024 * KIB, live=True),
    # Capped by the view (MAX_BACKUP_BYTES), which knows the quota: its 402 goes before 413.
    Cap(re.compile(r"/api/v1/backup"), sys.maxsize, live=True),
    # a manifest, and the form around both
    Cap(re.compile(r"/api/v1/plugins"), settings.MAX_PACKAGE_BYTES + 1024 * KIB, live=True),
    Cap(re.compile(r"/api/v1/billing/webhook"), 1024 * KIB),  # an invoice of many lines; all that comes unsigned
    Cap(re.compile(r"/admin/.*"), 2560 * KIB),
]

http: Any = with_static_files(LastResort(BodyLimit(WarmASGIHandler(), caps=CAPS, token_is_signed=is_signed)))
if settings.METRICS_TOKEN:
    process.start()
    http = Measured(http, static_url=settings.STATIC_URL)

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedOrigins(URLRouter(websocket_urlpatterns), origins=settings.CORS_ORIGINS),
        "lifespan": Lifespan(),
    }
)
