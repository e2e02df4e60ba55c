"""What is kept for a while goes when that is over, and not a day before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model

from accounts.organizations.jobs import purge_organizations
from accounts.organizations.models import AuditEntry, BreakGlassCode, Invitation, InvitationToken, Membership
from tests.support.accounts import make_account
from tests.support.organizations import fill_organization

pytestmark = pytest.mark.django_db
DAY, A_MINUTE = timedelta(days=1), timedelta(minutes=1)
KEPT: list[tuple[type[Model], str, dict[str, Any], timedelta]] = [
    (AuditEntry, "at", {}, 365 * DAY),
    *((Invitation, "expires_at", {"state": state}, 30 * DAY) for state in ("pending", "accepted", "revoked")),
    (BreakGlassCode, "used_at", {}, 365 * DAY),
]


@pytest.mark.parametrize(("model", "column", "more", "kept"), KEPT)
def test_a_row_goes_when_its_time_is_over(
    model: type[Model], column: str, more: dict[str, Any], kept: timedelta
) -> None:
    fill_organization("Acme", owner=make_account().user)
    rows, now = model._default_manager, datetime.now(UTC)
    created = {"created_at": now - kept - 7 * DAY} if column == "expires_at" else {}
    rows.update(**{column: now - kept + A_MINUTE}, **more, **created)
    purge_organizations()
    assert rows.count() == 1
    rows.update(**{column: now - kept - A_MINUTE})
    purge_organizations()
    assert rows.count() == 0
    assert InvitationToken.objects.count() == Invitation.objects.count()
    assert Membership.objects.exists()


def test_a_code_that_nobody_used_is_kept() -> None:
    fill_organization("Acme", owner=make_account().user)
    BreakGlassCode.objects.update(created_at=datetime.now(UTC) - 1000 * DAY)
    purge_organizations()
    assert BreakGlassCode.objects.count() == 1
