"""System checks of the configuration as a whole; `manage.py check` shows them with these ids."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004


@register(Tags.security)
def placeholder_secret(**_: Any) -> list[CheckMessage]:
    from adiuva.env import MIN_SECRET_BYTES, is_placeholder

    secret: str = settings.JWT_SECRET
    if len(secret.encode()) >= MIN_SECRET_BYTES and not is_placeholder(secret):
        return []
    return [
        Warning(
            "JWT_SECRET is short or a placeholder.",
            hint="Anyone can forge tokens with it. ENV=prod refuses it; unset it in dev to have one made.",
            id="adiuva.W001",
        )
    ]


@register(Tags.security, deploy=True)
def public_url(**_: Any) -> list[CheckMessage]:
    if not settings.IS_PROD or settings.PUBLIC_URL.startswith("https://") or "localhost" in settings.PUBLIC_URL:
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
