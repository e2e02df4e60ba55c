"""Time passes for a session by moving all that is stored of it into the past."""

from datetime import timedelta
from uuid import UUID

from django.db.models import F

from accounts.models import RefreshToken, Session


def let_time_pass(session_id: UUID, by: timedelta) -> None:
    RefreshToken.objects.filter(session_id=session_id).update(
        created_at=F("created_at") - by, expires_at=F("expires_at") - by, rotated_at=F("rotated_at") - by
    )
    Session.objects.filter(id=session_id).update(
        created_at=F("created_at") - by, last_used_at=F("last_used_at") - by, expires_at=F("expires_at") - by
    )
