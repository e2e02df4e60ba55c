"""What of the settings a promise of § 3 hangs on."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts.models import User
from adiuva.observability import probes

END_SESSIONS = "accounts.passwords.EndSessions"
GUARDED = "accounts.login_limits.LimitedBackend"


@register(Tags.security)
def changed_passwords_end_sessions(**_: Any) -> list[CheckMessage]:
    if {"NAME": END_SESSIONS} in settings.AUTH_PASSWORD_VALIDATORS:
        return []
    return [
        Error(f"AUTH_PASSWORD_VALIDATORS lacks {END_SESSIONS}: sessions outlive their password", id="accounts.E001")
    ]


@register(Tags.security)
def every_login_is_guarded(**_: Any) -> list[CheckMessage]:
    """Django asks each backend until one says yes, so one without a limit is a way round the others."""
    unguarded = [backend for backend in settings.AUTHENTICATION_BACKENDS if backend != GUARDED]
    return [
        Error(f"{backend} checks passwords without a limit: use {GUARDED} alone", id="accounts.E002")
        for backend in unguarded
    ]


@register(Tags.security)
def long_passwords_are_hashed_whole(**_: Any) -> list[CheckMessage]:
    from django.contrib.auth.hashers import get_hasher

    if get_hasher().algorithm == "bcrypt_sha256":
        return []
    return [Error("PASSWORD_HASHERS must begin with BCryptSHA256PasswordHasher (§ 3)", id="accounts.E003")]


def pending_erasures() -> float:
    return User.objects.filter(erasure_requested_at__isnull=False).count()


def register_gauges() -> None:
    probes.register_gauge(
        "adiuva_erasures_pending", "Accounts whose deletion was accepted and is not finished", pending_erasures
    )
