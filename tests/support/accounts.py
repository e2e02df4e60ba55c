"""People to test with."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from accounts.access_tokens import read_access_token
from accounts.models import User
from accounts.security_events.recording import Origin
from accounts.sessions import start_session
from billing.subscriptions import set_tier
from billing.tiers import Tier

TESTS = Origin(ip="192.0.2.7", user_agent="tests")
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Account:
    user: User
    email: str
    password: str
    access_token: str
    refresh_token: str
    session_id: UUID


def make_account(
    *, tier: str = "free", password: str = PASSWORD, email: str | None = None, verified: bool = True
) -> Account:
    """A user of that tier with one fresh session, made without the HTTP routes."""
    address = email or f"user-{uuid.uuid4().hex[:12]}@example.com"
    user = User.objects.create_user(
        email=address, password=password, email_verified_at=datetime.now(UTC) if verified else None
    )
    if tier != "free":
        set_tier(user=user, tier=Tier(tier))
    tokens = start_session(user=user, origin=TESTS)
    return Account(
        user=user,
        email=address,
        password=password,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        session_id=read_access_token(tokens.access_token).session_id,
    )
