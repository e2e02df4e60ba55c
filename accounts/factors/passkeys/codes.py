"""What a one-time code stands for that a passkey in the browser earned (``accounts.handoff``)."""

import hmac
from uuid import UUID

from django.db import transaction

from accounts.handoff import codes
from accounts.models import User
from accounts.security_events.recording import Origin
from accounts.sessions import AuthTokens, start_session
from adiuva.api.errors import InvalidGrant


def register() -> None:
    codes.register_method("passkey", _redeem)


def issue_code(*, user: User, request: codes.Request) -> str:
    """Where to send the browser. Raises ``UpstreamUnavailable``."""
    # Changed by a new password: one that ends every session ends the one that has not begun yet.
    subject = {"user": str(user.id), "auth_hash": user.get_session_auth_hash()}
    return codes.issue_code(method="passkey", subject=subject, request=request)


def _redeem(subject: codes.Subject, origin: Origin) -> AuthTokens:
    """Raises ``InvalidGrant`` where the account is closed or has another password by now."""
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(id=UUID(subject["user"]), is_active=True).first()
        if user is None or not hmac.compare_digest(user.get_session_auth_hash(), subject["auth_hash"]):
            raise InvalidGrant
        return start_session(user=user, origin=origin)
