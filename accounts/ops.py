"""System checks of the settings that docs/api.md § 3 depends on, and a gauge of unfinished erasures."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from accounts.factors.passkeys.relying_party import is_configured
from accounts.models import User
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from adiuva.sealing import count_by_key
from adiuva.spelling import address_key

END_SESSIONS = "accounts.passwords.EndSessions"
LIMITED = "accounts.login_limits.LimitedBackend"
SHOWN_PAIRS = 20


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


@register(Tags.security)
def passkeys_have_a_domain(**_: Any) -> list[CheckMessage]:
    if is_configured():
        return []
    return [
        Warning(
            "PUBLIC_URL has an IP address, which cannot be a relying party: there are no passkeys.",
            hint="Browsers want a domain (WebAuthn § 5.1.2), or localhost.",
            id="accounts.W001",
        )
    ]


def examine_addresses(_options: DoctorOptions) -> Finding:
    """Accounts are named by their ids: what an operator pastes somewhere holds no address."""
    without = User.objects.filter(address_key__isnull=True, erasure_requested_at__isnull=True).order_by("created_at")
    pairs = []
    for user in without[:SHOWN_PAIRS]:
        other = User.objects.filter(address_key=address_key(user.email)).exclude(id=user.id).first()
        if other is not None:
            pairs.append(f"{user.id} and the older {other.id}")
    if not pairs:
        return Finding("ok", "every account has an address of its own")
    return Finding("warn", "one address in two spellings: " + "; ".join(pairs))


def examine_factor_secrets(_options: DoctorOptions) -> Finding:
    """Whether the secrets of authenticator apps can be read: their key comes from JWT_SECRET."""
    from accounts.factors import sealing
    from accounts.models import Factor, FactorType

    apps = Factor.objects.filter(type=FactorType.TOTP)
    lost, old = count_by_key(apps, "sealed_secret", prefixes=sealing.readable_prefixes())
    if lost:
        return Finding(
            "fail",
            f"{lost} secrets of authenticator apps cannot be read, so their owners need recovery codes or passkeys: "
            "put the JWT_SECRET that sealed them into JWT_SECRET_FALLBACKS",
        )
    if old:
        return Finding("ok", f"{old} secrets of authenticator apps still need JWT_SECRET_FALLBACKS")
    return Finding("ok", "every secret of an authenticator app is sealed under today's JWT_SECRET")


def register_examinations() -> None:
    probes.register_examination("addresses", examine_addresses)
    probes.register_examination("factors", examine_factor_secrets)


def pending_erasures() -> float:
    return User.objects.filter(erasure_requested_at__isnull=False).count()


def register_gauges() -> None:
    probes.register_gauge(
        "adiuva_erasures_pending", "Accounts whose deletion was accepted and is not finished", pending_erasures
    )
