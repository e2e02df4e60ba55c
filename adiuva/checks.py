"""System checks of the configuration as a whole; `manage.py check` shows them with these ids."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004


@register(Tags.security)
def weak_secret(**_: Any) -> list[CheckMessage]:
    from adiuva.env import is_weak

    if not is_weak(settings.JWT_SECRET):
        return []
    return [
        Warning(
            "JWT_SECRET is short, repetitive or a placeholder.",
            hint="Anyone could forge tokens. `openssl rand -hex 32` makes a good one; in dev unset it to get one.",
            id="adiuva.W001",
        )
    ]


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


@register(Tags.security, deploy=True)
def public_url(**_: Any) -> list[CheckMessage]:
    if not settings.IS_PROD or settings.PUBLIC_URL.startswith("https://") or _is_loopback(settings.PUBLIC_URL):
        return []
    return [Error("PUBLIC_URL must be https:// in production.", hint="Tokens travel on it.", id="adiuva.E001")]


@register(Tags.urls)
def docs_are_for_developers(**_: Any) -> list[CheckMessage]:
    from django.urls import Resolver404, resolve

    if not settings.IS_PROD:
        return []
    try:
        resolve("/openapi.json")
    except Resolver404:
        return []
    return [Error("The API's schema is public in production.", id="adiuva.E002")]
