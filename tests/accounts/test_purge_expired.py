"""What waited for an answer goes when none can come any more, and not a day before: by the job and by the command."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db.models import Model

from accounts import jobs
from accounts.models import (
    AccountExport,
    EmailChange,
    Factor,
    KeyRequest,
    LoginChallenge,
    MailToken,
    RecoveryCode,
    SecurityEvent,
)
from tests.accounts.every_table import fill_every_table
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
DAY = timedelta(days=1)
SECOND = timedelta(seconds=5)

# A table, the column that its age is told by, what else makes a row one that goes, and how long it is kept.
KEPT: list[tuple[type[Model], str, dict[str, Any], timedelta]] = [
    (MailToken, "expires_at", {}, 7 * DAY),
    (EmailChange, "requested_at", {}, 30 * DAY),
    (LoginChallenge, "expires_at", {}, DAY),
    (KeyRequest, "expires_at", {}, DAY),
    (RecoveryCode, "used_at", {}, DAY),
    (Factor, "created_at", {"confirmed_at": None}, DAY),
    (AccountExport, "started_at", {}, DAY),
    (SecurityEvent, "at", {}, 90 * DAY),
]
PURGES: list[Callable[[], Any]] = [jobs.purge_tokens, lambda: call_command("purge_tokens")]


def age(model: type[Model], column: str, more: dict[str, Any], by: timedelta) -> None:
    dated = {column: datetime.now(UTC) - by} | more
    if column == "expires_at":
        dated["created_at"] = datetime.now(UTC) - by - DAY
    model._default_manager.update(**dated)


@pytest.mark.parametrize("purge", PURGES, ids=["job", "command"])
@pytest.mark.parametrize(("model", "column", "more", "kept"), KEPT, ids=[model.__name__ for model, *_ in KEPT])
def test_a_row_goes_when_its_time_is_over(
    make_user: MakeUser,
    model: type[Model],
    column: str,
    more: dict[str, Any],
    kept: timedelta,
    purge: Callable[[], Any],
) -> None:
    fill_every_table(make_user().user)
    age(model, column, more, kept - SECOND)
    before = model._default_manager.count()
    purge()
    assert model._default_manager.count() == before >= 1

    age(model, column, more, kept + SECOND)
    purge()
    assert model._default_manager.count() == 0


@pytest.mark.parametrize("purge", PURGES, ids=["job", "command"])
def test_what_is_in_use_stays_however_old_it_is(make_user: MakeUser, purge: Callable[[], Any]) -> None:
    fill_every_table(make_user().user)
    now = datetime.now(UTC)
    Factor.objects.update(created_at=now - 400 * DAY, confirmed_at=now - 400 * DAY)
    RecoveryCode.objects.update(created_at=now - 400 * DAY)
    AccountExport.objects.update(started_at=now - 2 * DAY, lease=uuid4(), lease_until=now + DAY)
    purge()
    assert Factor.objects.count() == RecoveryCode.objects.count() == AccountExport.objects.count() == 1


def test_more_than_a_batch_goes(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.purge.BATCH", 2)
    user, long_ago = make_user().user, datetime.now(UTC) - 2 * DAY
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=str(number), created_at=long_ago, used_at=long_ago) for number in range(5)
    )
    jobs.purge_tokens()
    assert not RecoveryCode.objects.exists()
