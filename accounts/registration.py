"""Registration and login by password."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts.factors.challenges import open_challenge
from accounts.factors.service import has_second_factor
from accounts.keys.envelopes import replace_envelopes
from accounts.models import ChallengePurpose, SecurityEventType, User
from accounts.passwords import check_password_rules
from accounts.recovery.email_change import is_reserved
from accounts.recovery.verification import send_verification
from accounts.security_events.recording import Origin, record
from accounts.sessions import AuthTokens, start_session
from adiuva.api.errors import EmailTaken, InvalidCredentials
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


def log_in(*, email: str, password: str, origin: Origin) -> AuthTokens:
    """Raises ``InvalidCredentials``, after the same work: wrong password, unknown address, closed account; and
    ``SecondFactorRequired`` where the account has one, which goes on at ``factors.challenges``.
    """
    user = User.objects.find(email)
    if user is None:
        for form in password_forms(password):
            make_password(form)
        raise InvalidCredentials
    if not user.check_password(password) or not user.is_active:
        record(SecurityEventType.LOGIN_FAILED, user_id=user.id, origin=origin)
        raise InvalidCredentials
    with transaction.atomic():
        # A password change that committed while the hash was computed has ended all sessions: the old password must
        # not begin another one. The lock keeps a change that is still to come behind this session, which it then ends.
        locked = User.objects.select_for_update(no_key=True).filter(id=user.id, is_active=True).first()
        if locked is None or (locked.password != user.password and not locked.check_password(password)):
            raise InvalidCredentials
        if locked.address_key is None:
            _claim_address(locked)
        if not has_second_factor(user_id=locked.id):
            return start_session(user=locked, origin=origin)
        waiting = open_challenge(user=locked, purpose=ChallengePurpose.LOGIN)
    raise waiting  # the challenge is committed


def _claim_address(user: User) -> None:
    """Of an account whose address an older one had, or that a server of an earlier version made: it may be free now."""
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(address_key=address_key(user.email))
    except IntegrityError:
        return  # the older account is still there
