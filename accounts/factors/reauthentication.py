"""Showing once more who one is, within a session.

Either the password or a second factor is enough: the session has passed whatever the account asks for. A stolen session
has neither, and a stolen password alone begins no session where there is a second factor.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.factors.verification import Context, try_to_verify
from accounts.models import SecurityEventType, User
from accounts.security_events.recording import Origin, record
from accounts.sessions import freshen_session
from adiuva.api.errors import ValidationFailed


def reauthenticate_by_password(*, user: User, session_id: UUID, password: str, origin: Origin) -> None:
    """Raises ``ValidationFailed`` (password), which is a failed login among the events."""
    if not user.check_password(password):
        record(SecurityEventType.LOGIN_FAILED, user_id=user.id, origin=origin, session_id=session_id)
        raise ValidationFailed({"password": ["The password is wrong."]})
    freshen_session(session_id=session_id)


def reauthenticate_by_factor(
    *,
    user: User,
    session_id: UUID,
    method: str,
    code: str | None = None,
    credential: Mapping[str, Any] | None = None,
    origin: Origin,
) -> None:
    """Raises ``ValidationFailed`` (code or credential), ``RateLimited``, ``NotConfigured``."""
    context = Context(origin=origin, session_id=session_id)
    with transaction.atomic():
        proof = try_to_verify(user=user, method=method, code=code, credential=credential, context=context)
        if proof is not None:
            freshen_session(session_id=session_id)
    if proof is None:
        field = "code" if credential is None else "credential"
        raise ValidationFailed({field: [f"The {field} is wrong."]})
