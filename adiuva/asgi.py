"""The composition root of everything that speaks to the network."""

import os
import re

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")

import django

django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

from accounts.access import is_signed
from adiuva.http.body_limit import KIB, BodyLimit, Cap
from adiuva.http.last_resort import LastResort
from adiuva.http.origin import AllowedOrigins
from adiuva.http.warm_handler import WarmASGIHandler
from adiuva.lifespan import Lifespan
from adiuva.static import with_static_files
from chat.routing import websocket_urlpatterns

CAPS = [
    # context 512 KiB and message 32,000 characters, both possibly \u-escaped (six bytes for a two-byte character)
    Cap(re.compile(r"/api/v1/chat"), 2048 * KIB),
    Cap(re.compile(r"/api/v1/plans/templates/[^/]+/run"), 2048 * KIB),
    Cap(re.compile(r"/admin/.*"), 2560 * KIB),
]

application = ProtocolTypeRouter(
    {
        "http": with_static_files(
            LastResort(BodyLimit(WarmASGIHandler(), caps=CAPS, token_is_signed=is_signed)),
        ),
        "websocket": AllowedOrigins(URLRouter(websocket_urlpatterns), origins=settings.CORS_ORIGINS),
        "lifespan": Lifespan(),
    }
)
