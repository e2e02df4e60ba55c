"""`manage.py purge_tokens`: what is of no use goes, and nothing that a login or re-use detection needs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.contrib.sessions.models import Session as StaffSession
from django.core.management import call_command

from accounts import jobs
from accounts.models import RefreshToken, Session
from billing.models import Checkout
from tests.accounts.concurrency import run_concurrently
from tests.accounts.elapsed_time import let_time_pass
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
Capture = pytest.CaptureFixture[str]
DAY = timedelta(days=1)


def refresh(token: str) -> Answer:
    return ApiClient().post("auth/refresh", json={"refresh_token": token})


def rotate(account: Account) -> str:
    """The successor of the account's token, which is used up thereby."""
    token: str = refresh(account.refresh_token).json["refresh_token"]
    return token


def age_tokens(account: Account, by: timedelta) -> None:
    """Its rotated tokens only: the session goes on."""
    for token in RefreshToken.objects.filter(session_id=account.session_id, rotated_at__isnull=False):
        token.created_at, token.expires_at = token.created_at - by, token.expires_at - by
        token.rotated_at = (token.rotated_at or token.created_at) - by
        token.save()


def counts() -> tuple[int, int]:
    return Session.objects.count(), RefreshToken.objects.count()


def test_the_token_of_a_living_session_stays_and_works(make_user: MakeUser) -> None:
    account = make_user()
    call_command("purge_tokens", "--min-age=0")
    assert counts() == (1, 1)
    assert refresh(account.refresh_token).status == 200


@pytest.mark.parametrize("age", [timedelta(days=29), timedelta(days=38), timedelta(days=390)])
def test_a_used_token_still_gives_a_thief_away_when_its_owner_was_away_for_long(
    make_user: MakeUser, age: timedelta
) -> None:
    account = make_user()
    successor = rotate(account)
    age_tokens(account, age)
    call_command("purge_tokens", "--min-age=0")
    assert counts() == (1, 2)
    assert refresh(account.refresh_token).code == "token_reused"
    assert refresh(successor).status == 401


def test_a_used_token_a_year_past_its_expiry_goes_and_its_session_lives_on(
    make_user: MakeUser, capsys: Capture
) -> None:
    account = make_user()
    successor = rotate(account)
    age_tokens(account, timedelta(days=400))  # it lived for 30
    call_command("purge_tokens")
    assert "1 spent tokens of others" in capsys.readouterr().out
    assert counts() == (1, 1)
    assert refresh(account.refresh_token).code == "invalid_token"
    assert refresh(successor).status == 200


@pytest.mark.parametrize(("days", "left"), [(36, (1, 2)), (38, (0, 0))])
def test_the_job_purges_what_the_command_does(make_user: MakeUser, days: int, left: tuple[int, int]) -> None:
    account = make_user()
    rotate(account)
    let_time_pass(account.session_id, timedelta(days=days))
    now = datetime.now(UTC)
    StaffSession.objects.create(session_key="over", session_data="", expire_date=now - timedelta(seconds=1))
    StaffSession.objects.create(session_key="lives", session_data="", expire_date=now + DAY)
    jobs.purge_tokens()
    assert counts() == left
    assert [session.session_key for session in StaffSession.objects.all()] == ["lives"]


@pytest.mark.parametrize(("days", "left"), [(36, (1, 2)), (38, (0, 0))])
def test_an_expired_session_goes_a_week_later(make_user: MakeUser, days: int, left: tuple[int, int]) -> None:
    account = make_user()
    rotate(account)
    let_time_pass(account.session_id, timedelta(days=days))
    call_command("purge_tokens")
    assert counts() == left


@pytest.mark.parametrize(("days", "left"), [(6, (1, 1)), (8, (0, 0))])
def test_a_revoked_session_goes_a_week_later(make_user: MakeUser, days: int, left: tuple[int, int]) -> None:
    account = make_user()
    Session.objects.filter(id=account.session_id).update(revoked_at=datetime.now(UTC) - days * DAY)
    call_command("purge_tokens")
    assert counts() == left


def test_no_age_is_shorter_than_an_access_token_lives(make_user: MakeUser) -> None:
    account = make_user()
    let_time_pass(account.session_id, timedelta(days=30, minutes=10))
    call_command("purge_tokens", "--min-age=0")
    assert counts() == (1, 1)
    assert ApiClient().get("auth/me", token=account.access_token).status == 200


def test_a_dry_run_counts_what_a_real_one_deletes(make_user: MakeUser, capsys: Capture) -> None:
    ended, living = make_user(), make_user()
    for account in (ended, living):
        rotate(account)
    let_time_pass(ended.session_id, timedelta(days=80))
    age_tokens(living, timedelta(days=400))
    before = counts()
    call_command("purge_tokens", "--dry-run")
    would = capsys.readouterr().out
    assert counts() == before
    call_command("purge_tokens")
    did = capsys.readouterr().out
    assert would == did.replace("deleted", "would be deleted")
    assert did.startswith("1 ended sessions with 2 tokens, 1 spent tokens of others")
    call_command("purge_tokens")
    assert capsys.readouterr().out.startswith("0 ended sessions with 0 tokens, 0 spent tokens of others")


def test_more_than_a_batch_goes(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.purge.BATCH", 2)
    for _ in range(5):
        account = make_user()
        rotate(account)
        let_time_pass(account.session_id, timedelta(days=80))
    survivor = make_user()
    now = datetime.now(UTC)
    RefreshToken.objects.bulk_create(
        RefreshToken(
            session_id=survivor.session_id,
            token_hash=f"{number:064x}",
            created_at=now - 430 * DAY,
            expires_at=now - 400 * DAY,
            rotated_at=now - 420 * DAY,
        )
        for number in range(5)
    )
    call_command("purge_tokens")
    assert counts() == (1, 1)


def test_staffs_expired_sessions_and_old_checkouts_go_too(make_user: MakeUser) -> None:
    now = datetime.now(UTC)
    for key, expires in (("gone", now - DAY), ("here", now + DAY)):
        StaffSession.objects.create(session_key=key, session_data="", expire_date=expires)
    user = make_user().user
    for days in (1, 30):
        checkout = Checkout.objects.create(user=user, tier="pro", price_id="price", idempotency_key=str(days))
        Checkout.objects.filter(pk=checkout.pk).update(created_at=now - days * DAY)
    call_command("purge_tokens")
    assert list(StaffSession.objects.values_list("session_key", flat=True)) == ["here"]
    assert list(Checkout.objects.values_list("idempotency_key", flat=True)) == ["1"]


@pytest.mark.django_db(transaction=True)
def test_beside_running_refreshes_nobody_meets_a_5xx(make_user: MakeUser) -> None:
    living, ended = [make_user() for _ in range(4)], [make_user() for _ in range(4)]
    for account in ended:
        let_time_pass(account.session_id, timedelta(days=80))
    used = [(account, rotate(account)) for account in living]
    for account in living:
        age_tokens(account, timedelta(days=400))

    def purge() -> Answer | None:
        call_command("purge_tokens")
        return None

    answers = run_concurrently(
        purge,
        *(partial(refresh, successor) for _, successor in used),
        purge,
        *(partial(refresh, account.refresh_token) for account in ended),
    )
    statuses = [answer.status for answer in answers if answer is not None]
    assert statuses == [200] * 4 + [401] * 4
    purge()  # what somebody held meanwhile is for the next run
    assert Session.objects.filter(revoked_at__isnull=True).count() == 4
    # Each living family: the token just used, and its successor.
    assert counts() == (4, 8)
