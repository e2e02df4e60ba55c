"""Guesses at the admin's login are limited, and the form says so; people who guess nothing are not in the way."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.login_limits import PER_ACCOUNT, PER_ADDRESS
from accounts.models import User
from tests.accounts.conftest import Clock
from tests.support.accounts import PASSWORD, Account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits_clock")]
MakeUser = Callable[..., Account]
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
WRONG = "wrong password"


@pytest.fixture
def member(make_user: MakeUser) -> Account:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_staff=True)
    return account


def log_in(email: str, password: str = WRONG, *, address: str = HERE) -> Any:
    return Client().post("/admin/login/", {"username": email, "password": password}, REMOTE_ADDR=address)


def guess_until_refused(email: str) -> Any:
    answers = [log_in(email) for _ in range(PER_ACCOUNT + 1)]
    assert [answer.status_code for answer in answers] == [200] * PER_ACCOUNT + [429]
    return answers[-1]


def test_the_form_says_that_there_were_too_many_attempts_and_until_when(member: Account, limits_clock: Clock) -> None:
    refused = guess_until_refused(member.email)
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 60
    page = refused.content.decode()
    assert f"Too many attempts. Try again in {seconds} seconds." in page
    assert "Please enter the correct" not in page
    assert 'name="password"' in page
    limits_clock.now += seconds
    assert log_in(member.email, PASSWORD).status_code == 302


def test_a_wrong_password_before_that_is_an_ordinary_answer(member: Account) -> None:
    answer = log_in(member.email)
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    assert "Please enter the correct" in answer.content.decode()
    assert "Too many" not in answer.content.decode()


def test_while_refused_the_right_password_opens_nothing(member: Account) -> None:
    guess_until_refused(member.email)
    answer = log_in(member.email, PASSWORD)
    assert answer.status_code == 429
    assert "sessionid" not in answer.cookies


def test_no_answer_tells_whether_there_is_such_an_account(member: Account, make_user: MakeUser) -> None:
    pages = set()
    for email in (member.email, make_user().email, "nobody@example.com"):
        first, refused = log_in(email), guess_until_refused_after_one(email)
        pages.add(tuple(without_tokens(one, email) for one in (first, refused)))
    assert len(pages) == 1


def guess_until_refused_after_one(email: str) -> Any:
    answers = [log_in(email) for _ in range(PER_ACCOUNT)]
    assert answers[-1].status_code == 429
    return answers[-1]


def without_tokens(answer: Any, email: str) -> str:
    """The page but for what was typed in, its form's token, and the seconds, which are another number for each name."""
    page = answer.content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    page = re.sub(r"again in \d+ seconds?\.", "", page.replace(token, "").replace(email, ""))
    return f"{answer.status_code} {page}"


@pytest.mark.thorough
def test_a_refused_address_locks_nobody_else_out(member: Account, make_user: MakeUser) -> None:
    for n in range(PER_ADDRESS):
        log_in(f"guess-{n}@example.com")
    refused = log_in(member.email, PASSWORD)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.content.decode()
    for _ in range(PER_ACCOUNT + 1):  # and what it goes on to send counts for no account
        log_in(member.email)
    assert log_in(member.email, PASSWORD, address=ELSEWHERE).status_code == 302


def test_a_refused_account_is_the_only_one(member: Account, make_user: MakeUser) -> None:
    other = make_user()
    User.objects.filter(id=other.user.id).update(is_staff=True)
    guess_until_refused(member.email)
    assert log_in(other.email, PASSWORD).status_code == 302


def test_the_page_itself_is_never_refused(member: Account) -> None:
    guess_until_refused(member.email)
    answer = Client().get("/admin/login/", REMOTE_ADDR=HERE)
    assert answer.status_code == 200
    assert "Too many" not in answer.content.decode()


def test_without_a_cache_staff_still_get_in(member: Account, no_cache: None) -> None:
    assert {log_in(member.email).status_code for _ in range(PER_ACCOUNT + 1)} == {200}
    assert log_in(member.email, PASSWORD).status_code == 302


def test_who_logs_in_gets_to_the_first_page(member: Account) -> None:
    assert log_in(member.email, PASSWORD).headers["Location"] == "/admin/"
