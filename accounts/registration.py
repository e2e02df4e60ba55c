"""Registration and login by password."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts.factors.challenges import open_challenge
from accounts.factors.service import has_second_factor
from accounts.keys.envelopes import replace_envelopes
from accounts.models import ChallengePurpose, SecurityEventType, User
from accounts.organizations.problems import SsoRequired
from accounts.passwords import check_password_rules
from accounts.recovery.email_change import is_reserved
from accounts.recovery.verification import send_verification
from accounts.security_events.recording import Origin, record
from accounts.sessions import AuthTokens, Shown, enforcement, start_session
from adiuva.api.errors import EmailTaken, InvalidCredentials, SecondFactorRequired
from adiuva.spelling import address_key, password_forms


def register(
    *,
    email: str,
    password: str,
    origin: Origin,
    locale: str,
    kdf: Mapping[str, Any] | None = None,
    envelopes: Sequence[Mapping[str, Any]] = (),
) -> AuthTokens:
    """An account and its first session. ``kdf``, ``envelopes``: validated data of their serializers.

    Raises ``ValidationFailed`` (password), ``EmailTaken``.
    """
    user = User(locale=locale, kdf=kdf)
    user.set_address(email)
    check_password_rules(password=password, user=user, field="password")
    if User.objects.find(email) is not None or is_reserved(email):
        raise EmailTaken
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            send_verification(user=user)
            tokens = start_session(user=user, origin=origin, event=SecurityEventType.REGISTERED)
            replace_envelopes(user=user, envelopes=envelopes, origin=origin, session_id=tokens.session_id)
            return tokens
    except IntegrityError as error:
        # Of parallel registrations of one address the database lets one through.
        if User.objects.find(email) is not None:
            raise EmailTaken from error
        raise


def log_in(*, email: str, password: str, origin: Origin, break_glass_code: str | None = None) -> AuthTokens:
    """``break_glass_code`` passes what a member's organisation enforces; to anybody else it is nothing, and stays good.

    Raises ``InvalidCredentials``, after the same work: wrong password, unknown address, closed account; and for a wrong
    code. After the password ``SsoRequired``, and ``SecondFactorRequired`` where the account has one, which goes on at
    ``factors.challenges``.
    """
    user = User.objects.find(email)
    if user is None:
        for form in password_forms(password):
            make_password(form)
        raise InvalidCredentials
    if not user.check_password(password) or not user.is_active:
        record(SecurityEventType.LOGIN_FAILED, user_id=user.id, origin=origin)
        raise InvalidCredentials
    try:
        with transaction.atomic():
            next_step = _begin_login(user, password=password, origin=origin, break_glass_code=break_glass_code)
    except InvalidCredentials:
        record(SecurityEventType.LOGIN_FAILED, user_id=user.id, origin=origin)
        raise
    if isinstance(next_step, SecondFactorRequired):
        raise next_step  # the challenge is committed
    return next_step


def _begin_login(
    user: User, *, password: str, origin: Origin, break_glass_code: str | None
) -> AuthTokens | SecondFactorRequired:
    """Of an account whose password was right a moment ago."""
    if break_glass_code is not None:
        enforcement().lock(user.id)
    # A password change that committed while the hash was computed has ended all sessions: the old password must
    # not begin another one. The lock keeps a change that is still to come behind this session, which it then ends.
    locked = User.objects.select_for_update(no_key=True).filter(id=user.id, is_active=True).first()
    if locked is None or (locked.password != user.password and not locked.check_password(password)):
        raise InvalidCredentials
    enforcing = enforcement().find_enforcing(locked.id)
    if enforcing is not None and break_glass_code is None:
        raise SsoRequired(enforcing)  # before the second factor: it would lead nowhere
    if locked.address_key is None:
        _claim_address(locked)
    waiting = None
    if has_second_factor(user_id=locked.id):
        waiting = open_challenge(user=locked, purpose=ChallengePurpose.LOGIN)
    if enforcing is None or break_glass_code is None:
        return waiting or start_session(user=locked, origin=origin)
    challenge_id = UUID(waiting.extra["challenge_id"]) if waiting else None
    if not enforcement().use_code(user_id=locked.id, code=break_glass_code, challenge_id=challenge_id):
        raise InvalidCredentials
    return waiting or start_session(user=locked, origin=origin, shown=Shown.BREAK_GLASS)


def _claim_address(user: User) -> None:
    """Of an account whose address an older one had, or that a server of an earlier version made: it may be free now."""
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(address_key=address_key(user.email))
    except IntegrityError:
        return  # the older account is still there
