"""What a password must be, and changing it, which ends every session there is."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.keys.envelopes import replace_envelopes, require_password_envelopes, set_kdf
from accounts.models import SecurityEventType, User
from accounts.recovery.mail_tokens import end_what_an_old_password_began
from accounts.security_events.recording import Origin
from accounts.sessions import AuthTokens, lock_session, revoke_all_sessions, start_session
from adiuva.api.errors import ValidationFailed
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail


def change_password(
    *,
    user: User,
    session_id: UUID,
    current_password: str,
    new_password: str,
    origin: Origin,
    kdf: Mapping[str, Any] | None = None,
    envelopes: Sequence[Mapping[str, Any]] = (),
) -> AuthTokens:
    """Tokens of a new session, in which the caller goes on as in ``session_id``: it is no login, and as old as that
    one. All sessions before it are revoked. ``kdf`` (None: as it was) and ``envelopes``
    (validated data of their serializers) change in the same transaction: at no moment does a password log in whose
    envelope is another's.

    Raises ``ValidationFailed``: on the passwords, and on ``envelopes`` where one that the old password sealed would
    stay; ``InvalidToken`` where the session is over by now.
    """
    confirm_password(user=user, password=current_password, field="current_password")
    check_password_rules(password=new_password, user=user, field="new_password")
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(id=user.id)
        # Of two changes at once the second finds another hash than the one it was checked against.
        if locked.password != user.password:
            raise ValidationFailed({"current_password": ["The password was changed meanwhile."]})
        session = lock_session(user_id=locked.id, session_id=session_id)
        require_password_envelopes(user=locked, envelopes=envelopes)
        locked.set_password(new_password)
        locked.save(update_fields=["password", "updated_at"])  # ends the sessions: EndSessions
        set_kdf(user=locked, kdf=kdf)
        send_mail(MailKind.PASSWORD_CHANGED, to=locked.email, locale=locked.locale, account_id=locked.id)
        tokens = start_session(user=locked, origin=origin, event=SecurityEventType.PASSWORD_CHANGED, continues=session)
        replace_envelopes(user=locked, envelopes=envelopes, origin=origin, session_id=tokens.session_id)
        return tokens


def confirm_password(*, user: User, password: str, field: str) -> None:
    """Raises ``ValidationFailed`` naming ``field`` when ``password`` is not the user's."""
    if not user.check_password(password):
        raise ValidationFailed({field: ["The password is wrong."]})


def check_password_rules(*, password: str, user: User, field: str) -> None:
    """Raises ``ValidationFailed`` naming ``field``."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationFailed({field: error.messages}) from None


class EndSessions:
    """One of ``AUTH_PASSWORD_VALIDATORS``, which Django tells of every changed password once it is saved.

    So the admin's own form and `manage.py changepassword` end the sessions, and the mailed links that would change the
    password again, as the route does. A hash that is merely upgraded at a login is no change.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Refuses nothing."""

    def password_changed(self, password: str, user: Any = None) -> None:
        if isinstance(user, User):
            revoke_all_sessions(user_id=user.id)
            end_what_an_old_password_began(user_id=user.id)

    def get_help_text(self) -> str:
        return "Changing the password signs out every device."
