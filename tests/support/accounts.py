"""People to test with."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import User
from accounts.security_events.recording import Origin
from accounts.sessions import Shown, start_session
from adiuva.spelling import password_forms
from billing.models import Subscription
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


@transaction.atomic
def make_account(
    *, tier: str = "free", password: str = PASSWORD, email: str | None = None, verified: bool = True
) -> Account:
    """A user of that tier with one fresh session, made without the HTTP routes.

    Most tests begin with one or more, so the rows are written as the services would leave them, without what these have
    to look for first: sessions to end, a tier to take the place of, an organisation that asks for its provider.
    """
    address = email or f"user-{uuid.uuid4().hex[:12]}@example.com"
    user = User(tier=Tier(tier).value, email_verified_at=datetime.now(UTC) if verified else None)
    user.set_address(address)
    user.password = make_password(password_forms(password)[0])  # which, unlike `set_password`, is no change of it
    user.save()
    if tier != "free":
        Subscription.objects.create(user_id=user.id, tier=tier, tier_after_grace=tier, seats=1, set_by_operator=True)
    tokens = start_session(user=user, origin=TESTS, shown=Shown.TO_PROVIDER)
    return Account(
        user=user,
        email=address,
        password=password,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        session_id=tokens.session_id,
    )
