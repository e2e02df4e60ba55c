"""Registration and login by password."""

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts.models import User, normalize_email
from accounts.passwords import check_password_rules
from accounts.sessions import AuthTokens, start_session
from adiuva.api.errors import EmailTaken, InvalidCredentials


def register(*, email: str, password: str, user_agent: str) -> AuthTokens:
    """An account and its first session. Raises ``ValidationFailed`` (password), ``EmailTaken``."""
    user = User(email=normalize_email(email))
    check_password_rules(password=password, user=user, field="password")
    if User.objects.filter(email=user.email).exists():
        raise EmailTaken
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            return start_session(user=user, user_agent=user_agent)
    except IntegrityError as error:
        # Of parallel registrations of one address the database lets one through.
        if User.objects.filter(email=user.email).exists():
            raise EmailTaken from error
        raise


def log_in(*, email: str, password: str, user_agent: str) -> AuthTokens:
    """Raises ``InvalidCredentials``, after the same work: wrong password, unknown address, closed account."""
    user = User.objects.filter(email=normalize_email(email)).first()
    if user is None:
        make_password(password)
        raise InvalidCredentials
    if not user.check_password(password) or not user.is_active:
        raise InvalidCredentials
    with transaction.atomic():
        # A password change that committed while the hash was computed has ended all sessions: the old password must
        # not begin another one. The lock keeps a change that is still to come behind this session, which it then ends.
        locked = User.objects.select_for_update(no_key=True).filter(id=user.id, is_active=True).first()
        if locked is None or (locked.password != user.password and not locked.check_password(password)):
            raise InvalidCredentials
        return start_session(user=locked, user_agent=user_agent)
