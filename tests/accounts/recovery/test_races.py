"""Twenty at once, on real threads: one counts."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.core.cache import cache

from accounts.models import EmailChange, MailToken, SecurityEvent, Session, User
from tests.accounts.concurrency import run_concurrently
from tests.accounts.recovery.actions import (
    ask_for_change,
    change_address,
    confirm_reset,
    mailed_token,
    reset_token,
    use,
    verify_token,
)
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]
NEW = "new@example.com"


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def test_twenty_uses_of_one_reset(make_user: MakeUser) -> None:
    account = make_user()
    token = reset_token(account)
    answers = run_concurrently(*(partial(confirm_reset, token, new_password=f"sentence no {n}") for n in range(20)))
    assert statuses(answers) == {200: 1, 400: 19}
    (winner,) = [n for n, answer in enumerate(answers) if answer.status == 200]
    assert User.objects.get(id=account.user.id).check_password(f"sentence no {winner}")
    assert Session.objects.for_user(account.user.id).filter(revoked_at__isnull=True).count() == 1
    assert SecurityEvent.objects.filter(type="password_reset").count() == 1


def test_different_resets_at_once(make_user: MakeUser) -> None:
    """One ends the links of the others, and nobody meets a deadlock."""
    account = make_user()
    tokens = [reset_token(account) for _ in range(8)]
    answers = run_concurrently(*(partial(confirm_reset, token) for token in tokens))
    assert statuses(answers) == {200: 1, 400: 7}


def test_twenty_uses_of_one_verification(make_user: MakeUser) -> None:
    token = verify_token(make_user(verified=False))
    answers = run_concurrently(*(partial(use, token) for _ in range(20)))
    assert statuses(answers) == {204: 1, 400: 19}


def test_twenty_uses_of_one_change_and_of_its_undo(make_user: MakeUser) -> None:
    account = make_user()
    ask_for_change(account, NEW)
    undo, change = mailed_token(account.email), mailed_token(NEW)
    assert statuses(run_concurrently(*(partial(use, change) for _ in range(20)))) == {204: 1, 400: 19}
    cache.clear()  # the account's tries of this minute
    assert statuses(run_concurrently(*(partial(use, undo) for _ in range(20)))) == {204: 1, 400: 19}
    assert SecurityEvent.objects.filter(type="email_changed").count() == 2
    assert User.objects.get(id=account.user.id).email == account.email


def test_of_two_accounts_one_gets_an_address(make_user: MakeUser) -> None:
    accounts = [make_user() for _ in range(6)]
    tokens = []
    for account in accounts:
        ask_for_change(account, NEW)
        tokens.append(mailed_token(NEW))
    answers = run_concurrently(*(partial(use, token) for token in tokens))
    assert statuses(answers) == {204: 1, 400: 5}
    assert User.objects.filter(email=NEW).count() == 1
    assert EmailChange.objects.filter(confirmed_at__isnull=False).count() == 1


def test_requests_for_a_change_at_once_leave_one_pending(make_user: MakeUser) -> None:
    account = make_user()
    answers = run_concurrently(*(partial(ask_for_change, account, f"new{n}@example.com") for n in range(8)))
    assert statuses(answers) == {202: 8}
    assert EmailChange.objects.filter(ended_at__isnull=True).count() == 1


def test_no_more_than_three_verification_mails_an_hour(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    send = partial(ApiClient().post, "auth/email/verification", token=account.access_token)
    assert statuses(run_concurrently(*(send for _ in range(10)))) == {202: 3, 429: 7}


def test_an_undo_against_a_reset_from_the_new_address(make_user: MakeUser) -> None:
    for _ in range(3):
        account = make_user()
        undo = change_address(account, f"new-{account.email}")
        User.objects.filter(id=account.user.id).update(email_verified_at=None)
        moved = Account(
            user=User.objects.get(id=account.user.id),
            email=f"new-{account.email}",
            password=account.password,
            access_token=account.access_token,
            refresh_token=account.refresh_token,
            session_id=account.session_id,
        )
        token = reset_token(moved)
        undone, reset = run_concurrently(partial(use, undo), partial(confirm_reset, token))
        assert (undone.status, reset.status) in {(204, 200), (204, 400)}
        assert User.objects.get(id=account.user.id).email == account.email
        assert not MailToken.objects.filter(purpose="reset", email=moved.email, ended_at__isnull=True).exists()
