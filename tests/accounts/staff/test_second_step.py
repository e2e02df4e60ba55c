"""The admin's login in two steps: nobody is in between the password and the second factor."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.factors.attempts import AN_HOUR
from accounts.factors.service import remove_all_factors
from accounts.models import Factor, SecurityEvent, User
from accounts.staff import pending
from adiuva.mail.kinds import MailKind
from tests.accounts.staff.authenticators import (
    SECOND,
    App,
    enter_code,
    enter_password,
    is_in,
    recovery_codes_on,
    secret_on,
    set_up,
)
from tests.support.accounts import Account
from tests.support.queued_mail import facts_of_mails

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]

INSIDE = ["/admin/", "/admin/accounts/user/", "/admin/password_change/", "/admin/search/", "/admin/jsi18n/"]


@pytest.fixture
def browser() -> Client:
    """Without a window or scripts."""
    return Client(raise_request_exception=False)


@pytest.fixture
def required(settings: Any) -> None:
    settings.STAFF_REQUIRE_SECOND_FACTOR = True


def test_who_has_none_and_needs_none_is_in_with_the_password(browser: Client, member: Account) -> None:
    assert enter_password(browser, member).headers["Location"] == "/admin/"
    assert is_in(browser)


def test_who_has_one_is_asked_even_where_none_is_required(browser: Client, member: Account) -> None:
    app, _ = set_up(member.user)
    assert enter_password(browser, member, leads_to="/admin/accounts/user/").headers["Location"] == SECOND
    for path in INSIDE:
        assert browser.get(path).status_code == 302
    assert browser.get(SECOND).status_code == 200
    assert enter_code(browser, app.code()).headers["Location"] == "/admin/accounts/user/"
    assert is_in(browser)


def test_a_recovery_code_is_as_good_once(browser: Client, member: Account) -> None:
    _, codes = set_up(member.user)
    enter_password(browser, member)
    assert enter_code(browser, codes[0].upper().replace("-", " ")).status_code == 302
    assert is_in(browser)
    other = Client()
    enter_password(other, member)
    assert enter_code(other, codes[0]).status_code == 200
    assert not is_in(other)


def test_a_code_that_was_used_is_wrong(browser: Client, member: Account) -> None:
    app, _ = set_up(member.user)
    code = app.code()
    enter_password(browser, member)
    enter_code(browser, code)
    other = Client()
    enter_password(other, member)
    assert "was used before" in enter_code(other, code).content.decode()
    assert not is_in(other)


def test_five_wrong_codes_end_the_login(browser: Client, member: Account) -> None:
    app, _ = set_up(member.user)
    enter_password(browser, member)
    answers = [enter_code(browser, app.wrong_code()) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [302]
    assert "Too many wrong codes" in browser.get(answers[-1].headers["Location"]).content.decode()
    assert enter_code(browser, app.code()).status_code == 302
    assert not is_in(browser)
    assert SecurityEvent.objects.for_user(member.user.id).filter(type="second_factor_failed").count() == 5


def test_an_account_that_was_guessed_at_takes_no_code_for_a_while(browser: Client, member: Account) -> None:
    app, codes = set_up(member.user)
    for n in range(AN_HOUR):
        if n % 4 == 0:
            enter_password(browser, member)
        enter_code(browser, app.wrong_code())
    enter_password(browser, member)
    refused = enter_code(browser, app.code())
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert not is_in(browser)
    enter_code(browser, codes[0])
    assert is_in(browser)


def test_the_second_step_ends_after_a_while(browser: Client, member: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = set_up(member.user)
    monkeypatch.setattr(pending, "LIFETIME", -pending.LIFETIME)
    enter_password(browser, member)
    answer = enter_code(browser, app.code())
    assert "That login is over" in browser.get(answer.headers["Location"]).content.decode()
    assert not is_in(browser)


@pytest.mark.parametrize("change", ["password", "staff", "active"])
def test_what_ends_a_login_ends_one_that_waits(browser: Client, member: Account, change: str) -> None:
    app, _ = set_up(member.user)
    enter_password(browser, member)
    user = User.objects.get(id=member.user.id)
    if change == "password":
        user.set_password("another password")
    else:
        setattr(user, f"is_{change}", False)
    user.save()
    assert enter_code(browser, app.code()).status_code == 302
    assert not is_in(browser)


def test_the_second_step_alone_is_nothing(browser: Client) -> None:
    assert browser.get(SECOND).status_code == 302
    assert enter_code(browser, "123456").status_code == 302
    assert not is_in(browser)


def test_the_second_step_takes_no_form_from_elsewhere(member: Account) -> None:
    app, _ = set_up(member.user)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member.user)
    assert enter_code(browser, app.code()).status_code == 403


# --- where one is required -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("required")
def test_a_session_from_before_it_was_required_is_over(browser: Client, member: Account) -> None:
    browser.force_login(member.user)
    for path in INSIDE:
        assert browser.get(path).status_code == 302
    assert browser.get("/admin/login/").status_code == 200


@pytest.mark.usefixtures("required")
def test_who_has_none_sets_one_up_and_is_in_with_recovery_codes(browser: Client, member: Account) -> None:
    assert enter_password(browser, member, leads_to="/admin/accounts/user/").headers["Location"] == SECOND
    page = browser.get(SECOND)
    assert "otpauth://totp/Adiuva" in page.content.decode()
    app = App(secret_on(page))
    assert not is_in(browser)
    wrong = enter_code(browser, app.wrong_code())
    assert secret_on(wrong) == secret_on(page)
    done = enter_code(browser, app.code())
    codes = recovery_codes_on(done)
    assert len(set(codes)) == 10
    assert "no-store" in done.headers["Cache-Control"]
    assert 'href="/admin/accounts/user/"' in done.content.decode()
    assert is_in(browser)
    assert recovery_codes_on(browser.get(SECOND, follow=True)) == []  # shown once
    assert [one["factor"] for one in facts_of_mails(member.user, MailKind.FACTOR_ADDED)] == ["totp"]
    other = Client()
    enter_password(other, member)
    enter_code(other, codes[3])
    assert is_in(other)


@pytest.mark.usefixtures("required")
def test_who_has_one_is_never_offered_another_without_showing_it(browser: Client, member: Account) -> None:
    enter_password(browser, member)
    offered = App(secret_on(browser.get(SECOND)))
    _set_up_elsewhere(member)
    page = browser.get(SECOND)
    assert "Enter the code" in page.content.decode()
    assert enter_code(browser, offered.code()).status_code in {200, 302}
    assert not is_in(browser)
    assert Factor.objects.for_user(member.user.id).confirmed().count() == 1


def _set_up_elsewhere(member: Account) -> None:
    set_up(member.user)


@pytest.mark.usefixtures("required")
def test_five_wrong_codes_end_the_setting_up(browser: Client, member: Account) -> None:
    enter_password(browser, member)
    app = App(secret_on(browser.get(SECOND)))
    for _ in range(5):
        enter_code(browser, app.wrong_code())
    assert enter_code(browser, app.code()).status_code == 302
    assert not is_in(browser)
    assert not Factor.objects.for_user(member.user.id).confirmed().exists()


@pytest.mark.usefixtures("required")
def test_a_secret_stands_in_no_session(browser: Client, member: Account) -> None:
    enter_password(browser, member)
    secret = secret_on(browser.get(SECOND))
    assert secret not in str(dict(browser.session.items()))
    assert secret not in str(list(Factor.objects.values()))


@pytest.mark.usefixtures("required")
def test_somebody_who_is_not_staff_sets_nothing_up(browser: Client, make_user: MakeUser) -> None:
    account = make_user()
    assert enter_password(browser, account).status_code == 200
    assert browser.get(SECOND).status_code == 302
    assert not Factor.objects.for_user(account.user.id).exists()


@pytest.mark.usefixtures("required")
def test_who_lost_theirs_begins_anew_when_an_operator_has_removed_it(browser: Client, member: Account) -> None:
    set_up(member.user)
    enter_password(browser, member)
    remove_all_factors(user_id=member.user.id)
    assert enter_code(browser, "123456").status_code == 302  # what was asked for is gone
    enter_password(browser, member)
    assert secret_on(browser.get(SECOND))


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_with_one_code_at_once_one_gets_in(member: Account) -> None:
    app, _ = set_up(member.user)
    code, browsers = app.code(), [Client(raise_request_exception=False) for _ in range(8)]
    for browser in browsers:
        enter_password(browser, member)

    def enter(browser: Client) -> int:
        try:
            return int(enter_code(browser, code).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(enter, browsers))
    assert statuses.count(302) == 1
    assert sum(map(is_in, browsers)) == 1
