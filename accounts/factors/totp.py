"""Codes of authenticator apps: RFC 6238 with what every app knows (SHA-1, six digits, 30 seconds)."""

import hmac
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.factors import recovery_codes
from accounts.factors.sealing import UnreadableError, current_prefix, readable_prefixes, seal, unseal
from accounts.factors.service import announce_added, lock_account, lock_account_of_session, require_room
from accounts.factors.verification import Context, Method, register_method
from accounts.models import Factor, FactorType, User
from accounts.models.factors import FactorQuerySet
from accounts.security_events.recording import Origin
from adiuva.api.errors import Conflict, InvalidCredentials, NotConfigured, NotFound, ValidationFailed

logger = logging.getLogger(__name__)

ISSUER = "Adiuva"
DEFAULT_NAME = "Authenticator app"
SECRET_CHARACTERS = 32  # of base32: 160 bits, as RFC 4226 § 4 recommends
STEP_SECONDS = 30
WINDOW = 1  # steps before and after: clocks differ, and people type slowly (RFC 6238 § 5.2)

_UNREADABLE = (
    "This server cannot read the authenticator app's secret any more, its key was changed: use a recovery code or a "
    "passkey, and set the app up again."
)


@dataclass(frozen=True, slots=True)
class PendingTotp:
    """What an app is set up with, shown once. ``secret``: base32; ``otpauth_uri``: the same for a QR code."""

    id: UUID
    secret: str
    otpauth_uri: str


def start_totp(*, user_id: UUID, name: str) -> PendingTotp:
    """A factor that counts once it is confirmed; it replaces an earlier one that waits. Raises ``Conflict``."""
    import pyotp

    secret = pyotp.random_base32(SECRET_CHARACTERS)
    with transaction.atomic():
        user = lock_account(user_id)
        require_room(user_id=user_id)
        Factor.objects.for_user(user_id).filter(type=FactorType.TOTP, confirmed_at__isnull=True).delete()
        factor = Factor(user=user, type=FactorType.TOTP, name=name or DEFAULT_NAME, created_at=datetime.now(UTC))
        factor.sealed_secret = seal(secret, factor_id=factor.id, user_id=user_id)
        factor.save(force_insert=True)
    return _pending(user, factor.id, secret)


def find_pending_totp(*, user: User, factor_id: UUID) -> PendingTotp | None:
    """One that waits for its first code, to be shown again; None for any other, and where it cannot be read now."""
    waiting = Factor.objects.for_user(user.id).filter(type=FactorType.TOTP, confirmed_at__isnull=True, id=factor_id)
    factor = waiting.first()
    if factor is None:
        return None
    try:
        secret = unseal(factor.sealed_secret, factor_id=factor.id, user_id=user.id)
    except UnreadableError:
        return None
    return _pending(user, factor.id, secret)


def _pending(user: User, factor_id: UUID, secret: str) -> PendingTotp:
    import pyotp

    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
    return PendingTotp(id=factor_id, secret=secret, otpauth_uri=uri)


def confirm_totp(*, user_id: UUID, factor_id: UUID, code: str, origin: Origin, session_id: UUID | None) -> list[str]:
    """Ten recovery codes, which void those there were. The code given is used up.

    Raises ``NotFound``, ``Conflict`` (it is confirmed already, or there are too many), ``ValidationFailed`` (code),
    ``NotConfigured``, ``InvalidToken`` (the session is over).
    """
    with transaction.atomic():
        user = lock_account_of_session(user_id=user_id, session_id=session_id)
        factor = Factor.objects.for_user(user_id).filter(id=factor_id).first()
        if factor is None:
            raise NotFound
        if factor.confirmed_at is not None:
            raise Conflict("This factor is confirmed already.")
        require_room(user_id=user_id)
        try:
            step = _matching_step(factor, _digits_of(code))
        except UnreadableError:
            raise NotConfigured(_UNREADABLE) from None
        if step is None:
            raise ValidationFailed({"code": ["The code is wrong."]})
        factor.confirmed_at, factor.last_time_step = datetime.now(UTC), step
        factor.save(update_fields=["confirmed_at", "last_time_step"])
        announce_added(user=user, factor=factor, origin=origin, session_id=session_id)
        return recovery_codes.replace_codes(user_id=user_id, origin=origin, session_id=session_id)


def check_code(*, user: User, code: str | None, credential: Mapping[str, Any] | None, context: Context) -> Factor:
    """``verification.Check``. Raises ``InvalidCredentials``, ``NotConfigured`` when no secret can be read."""
    del credential, context
    digits = _digits_of(code or "")
    factors = list(_confirmed(user.id))
    unreadable = 0
    for factor in factors:
        try:
            step = _matching_step(factor, digits)
        except UnreadableError:
            unreadable += 1
            logger.error("a factor's secret cannot be unsealed", extra={"factor": str(factor.id)})  # noqa: TRY400
            continue
        if step is not None and _use(factor, step):
            return factor
    if factors and unreadable == len(factors):
        raise NotConfigured(_UNREADABLE)
    raise InvalidCredentials


def has_usable_totp(user_id: UUID) -> bool:
    """Whether a code of any app of the account's could be checked."""
    sealed = _confirmed(user_id).values_list("sealed_secret", flat=True)
    return any(text.startswith(readable_prefixes()) for text in sealed)


def _confirmed(user_id: UUID) -> FactorQuerySet:
    return Factor.objects.for_user(user_id).confirmed().filter(type=FactorType.TOTP)


def _digits_of(code: str) -> str:
    """As apps show it, ``123 456``, and as it is typed."""
    return re.sub(r"[\s-]", "", code)


def _matching_step(factor: Factor, digits: str) -> int | None:
    """The time step whose code this is, of those that no code was taken of yet. Raises ``UnreadableError``."""
    import pyotp

    totp = pyotp.TOTP(unseal(factor.sealed_secret, factor_id=factor.id, user_id=factor.user_id))
    if re.fullmatch("[0-9]{6}", digits) is None:
        return None
    now = int(read_clock()) // STEP_SECONDS
    matching = [
        step for step in range(now - WINDOW, now + WINDOW + 1) if hmac.compare_digest(totp.generate_otp(step), digits)
    ]
    return next((step for step in matching if factor.last_time_step is None or step > factor.last_time_step), None)


def _use(factor: Factor, step: int) -> bool:
    """True for exactly one of those who come with the same code. Seals the secret anew if its key is an old one."""
    changes: dict[str, Any] = {"last_time_step": step, "last_used_at": datetime.now(UTC)}
    if not factor.sealed_secret.startswith(current_prefix()):
        secret = unseal(factor.sealed_secret, factor_id=factor.id, user_id=factor.user_id)
        changes["sealed_secret"] = seal(secret, factor_id=factor.id, user_id=factor.user_id)
    unused = Q(last_time_step__isnull=True) | Q(last_time_step__lt=step)
    return Factor.objects.filter(unused, id=factor.id).update(**changes) == 1


def register() -> None:
    register_method(Method(name="totp", field="code", check=check_code, is_usable=has_usable_totp, can_be_guessed=True))


def read_clock() -> float:
    """Seconds since the epoch."""
    return time.time()
