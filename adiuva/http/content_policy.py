"""What a page may load and who may frame it, for every HTML answer: should strangers' text once not be escaped, this
keeps it from running.
"""

from typing import Final

from django.conf import settings

from adiuva.http.admin_only import ADMIN_PREFIX

HEADER: Final = "Content-Security-Policy"
# Pages of our own, and errors: text alone. One that needs more says so itself.
BARE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The admin's theme is made with Alpine, which evaluates attributes ('unsafe-eval') and sets style attributes. Neither
# makes an inline script run, nor a <style> count: no 'unsafe-inline' for those.
ADMIN: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SWAGGER: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Django's own error pages while DEBUG is on, which it never is in production.
_DEBUG: Final = BARE + "; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
# What no page of ours asks a browser for.
PERMISSIONS_HEADER: Final = "Permissions-Policy"
PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone"),
        *("midi", "payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
    )
)


def policy_for(path: str) -> str:
    """For a page that has named none itself."""
    if path.startswith(ADMIN_PREFIX):
        return ADMIN
    if path.startswith("/docs"):
        return SWAGGER
    return _DEBUG if settings.DEBUG else BARE
