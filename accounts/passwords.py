"""What a password must be, and changing it, which ends every session there is."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.sessions import AuthTokens, revoke_all_sessions, start_session
from adiuva.api.errors import ValidationFailed


def change_password(*, user: User, current_password: str, new_password: str, user_agent: str) -> AuthTokens:
    """Tokens of a new session; all sessions before it are revoked. Raises ``ValidationFailed``."""
    confirm_password(user=user, password=current_password, field="current_password")
    check_password_rules(password=new_password, user=user, field="new_password")
    with transaction.atomic():
        locked = User.objects.select_for_update().get(id=user.id)
        # Of two changes at once the second finds another hash than the one it was checked against.
        if locked.password != user.password:
            raise ValidationFailed({"current_password": ["The password was changed meanwhile."]})
        locked.set_password(new_password)
        locked.save(update_fields=["password", "updated_at"])  # ends the sessions: EndSessions
        return start_session(user=locked, user_agent=user_agent)


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

    So the admin's own form and `manage.py changepassword` end the sessions as the route does. A hash that is merely
    upgraded at a login is no change.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Refuses nothing."""

    def password_changed(self, password: str, user: Any = None) -> None:
        if isinstance(user, User):
            revoke_all_sessions(user_id=user.id)

    def get_help_text(self) -> str:
        return "Changing the password signs out every device."
