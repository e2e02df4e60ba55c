"""System checks of the settings that docs/api.md § 3 depends on, and a gauge of unfinished erasures."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts.models import User
from adiuva.observability import probes

END_SESSIONS = "accounts.passwords.EndSessions"
LIMITED = "accounts.login_limits.LimitedBackend"


@register(Tags.security)
def changed_passwords_end_sessions(**_: Any) -> list[CheckMessage]:
    if {"NAME": END_SESSIONS} in settings.AUTH_PASSWORD_VALIDATORS:
        return []
    return [
        Error(f"AUTH_PASSWORD_VALIDATORS lacks {END_SESSIONS}: sessions outlive their password", id="accounts.E001")
    ]


@register(Tags.security)
def every_login_is_limited(**_: Any) -> list[CheckMessage]:
    """Django asks each backend until one says yes, so one without a limit is a way round the others."""
    unlimited = [backend for backend in settings.AUTHENTICATION_BACKENDS if backend != LIMITED]
    return [
        Error(f"{backend} checks passwords without a limit: use {LIMITED} alone", id="accounts.E002")
        for backend in unlimited
    ]


@register(Tags.security)
def long_passwords_are_hashed_whole(**_: Any) -> list[CheckMessage]:
    from django.contrib.auth.hashers import get_hasher

    if get_hasher().algorithm == "bcrypt_sha256":
        return []
    return [Error("PASSWORD_HASHERS must begin with BCryptSHA256PasswordHasher (docs/api.md § 3)", id="accounts.E003")]


def pending_erasures() -> float:
    return User.objects.filter(erasure_requested_at__isnull=False).count()


def register_gauges() -> None:
    probes.register_gauge(
        "adiuva_erasures_pending", "Accounts whose deletion was accepted and is not finished", pending_erasures
    )
