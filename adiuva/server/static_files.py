"""Static files of the admin and of Swagger UI, served by the same process from where the packages hold them.

They are few and rarely asked for, so there is no collecting step; the files are found once, at start.
"""

from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from servestatic import ServeStaticASGI

MAX_AGE_SECONDS = 3600
ICON = Path(__file__).parent.parent / "static" / "adiuva" / "favicon.ico"


def _harden(headers: Headers, path: str, url: str) -> None:  # noqa: ARG001 - servestatic's signature
    headers["X-Content-Type-Options"] = "nosniff"


def with_static_files(app: Any) -> ServeStaticASGI:
    """``app``, with every file of an installed app's ``static/`` under ``STATIC_URL`` answered before it."""
    server = ServeStaticASGI(app, max_age=MAX_AGE_SECONDS, allow_all_origins=False, add_headers_function=_harden)
    # Django lets the first app win; servestatic lets the last one.
    for storage in reversed(list(AppDirectoriesFinder().storages.values())):
        server.add_files(storage.location, prefix=settings.STATIC_URL)
    # Browsers ask for it on every page that names no icon of its own.
    server.add_file_to_dictionary("/favicon.ico", str(ICON))
    return server
