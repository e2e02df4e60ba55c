"""Telling by a passkey who somebody is: WebAuthn level 3 § 7.2. As second factor it plugs into
``accounts.factors.verification``; alone it logs in (``log_in``), where the authenticator has verified its user too.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.factors.passkeys import challenges, relying_party
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.relying_party import REFUSED
from accounts.factors.passkeys.serializers import PasskeyAssertionSerializer
from accounts.factors.verification import Context, Method, register_method
from accounts.models import Factor, FactorType, SecurityEventType, User
from accounts.security_events.recording import Origin, record
from accounts.sessions import AuthTokens, start_session
from adiuva.api.errors import InvalidCredentials

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """``sign_count`` is the authenticator's, and not yet compared with ours."""

    factor: Factor
    sign_count: int
    user_verified: bool


def login_options() -> dict[str, Any]:
    """Of a login without an address: the authenticator offers the accounts that it has.

    Raises ``NotConfigured``, ``UpstreamUnavailable``.
    """
    challenge = challenges.issue(Purpose.LOGIN)
    return relying_party.request_options(challenge=challenge, allowed=(), verify_user=True)


def verification_options(*, user_id: UUID, context: Context) -> dict[str, Any]:
    """For a second factor or ``reauthenticate``. Raises as ``login_options``."""
    challenge = challenges.issue(Purpose.VERIFY, subject=context.key)
    return relying_party.request_options(challenge=challenge, allowed=_passkeys_of(user_id), verify_user=False)


def log_in(*, credential: dict[str, Any], origin: Origin) -> AuthTokens:
    """Raises ``InvalidCredentials``, and as ``login_options``."""
    with transaction.atomic():
        user = log_in_without_session(credential=credential)
        return start_session(user=user, origin=origin)


def log_in_without_session(*, credential: dict[str, Any]) -> User:
    """Who may begin a session, with their row locked: to be called in a transaction. Raises as ``log_in``."""
    challenge = relying_party.challenge_of(credential)
    if not challenges.redeem(challenge, Purpose.LOGIN):
        raise InvalidCredentials(REFUSED)
    factor = Factor.objects.filter(type=FactorType.PASSKEY, credential_id=credential["id"]).first()
    if factor is None:
        raise InvalidCredentials(REFUSED)
    proof = _prove(factor=factor, credential=credential, challenge=challenge)
    user = User.objects.select_for_update(no_key=True).filter(id=factor.user_id, is_active=True).first()
    # Whose passkey it is must be said by the authenticator (§ 7.2 on the user handle): nobody has named an account.
    names_owner = relying_party.user_handle_of(credential) is not None
    if user is None or not names_owner or not proof.user_verified:
        raise InvalidCredentials(REFUSED)
    _count_use(proof)
    return user


def record_failed_login(*, credential: Mapping[str, Any], origin: Origin) -> None:
    """For whose passkey it was to be, after the transaction of ``log_in`` was undone."""
    factor = Factor.objects.filter(type=FactorType.PASSKEY, credential_id=credential["id"]).first()
    if factor is not None:
        record(SecurityEventType.LOGIN_FAILED, user_id=factor.user_id, origin=origin)


def _check(
    *,
    user: User,
    code: str | None,  # noqa: ARG001 - the shape of every check
    credential: Mapping[str, Any] | None,
    context: Context,
) -> Factor:
    """``accounts.factors.verification.Check``, of the passkeys of ``user`` alone.

    Raises ``InvalidCredentials``; ``ValidationError`` of DRF on ``credential`` for what is no assertion.
    """
    assertion = PasskeyAssertionSerializer.read(credential)
    challenge = relying_party.challenge_of(assertion)
    if not challenges.redeem(challenge, Purpose.VERIFY, subject=context.key):
        raise InvalidCredentials(REFUSED)
    factor: Factor | None = _passkeys_of(user.id).filter(credential_id=assertion["id"]).first()
    if factor is None:
        raise InvalidCredentials(REFUSED)
    proof = _prove(factor=factor, credential=assertion, challenge=challenge)
    _count_use(proof)
    return factor


def _prove(*, factor: Factor, credential: dict[str, Any], challenge: bytes) -> Proof:
    said = relying_party.verify_assertion(
        credential=credential, challenge=challenge, public_key=bytes(factor.public_key or b"")
    )
    owner = relying_party.user_handle_of(credential)
    if owner is not None and owner != factor.user_id.bytes:
        raise InvalidCredentials(REFUSED)
    return Proof(factor=factor, sign_count=said.sign_count, user_verified=said.user_verified)


def _count_use(proof: Proof) -> None:
    """§ 7.2 on ``signCount``: a counter that does not rise is that of a copy. One that stays zero is none: passkeys
    that are the same on several devices have none. Compared where it is written, so that of two equal ones the second
    is refused.
    """
    factors = Factor.objects.filter(id=proof.factor.id)
    as_expected = factors.filter(sign_count__lt=proof.sign_count) if proof.sign_count else factors.filter(sign_count=0)
    if as_expected.update(sign_count=proof.sign_count, last_used_at=datetime.now(UTC)):
        return
    if factors.exists():
        logger.warning(
            "a passkey's signature counter went back: it may have been copied",
            extra={"factor": str(proof.factor.id), "user": str(proof.factor.user_id)},
        )
    raise InvalidCredentials(REFUSED)


def _passkeys_of(user_id: UUID) -> Any:
    return Factor.objects.for_user(user_id).filter(type=FactorType.PASSKEY)


def _has_passkey(user_id: UUID) -> bool:
    return bool(_passkeys_of(user_id).exists()) and relying_party.is_configured()


def register() -> None:
    """Among the methods of ``POST /auth/login/second-factor`` and ``/auth/reauthenticate``."""
    register_method(Method(name="passkey", field="credential", check=_check, is_usable=_has_passkey))
