"""The admin as a page: who gets in, that forms are protected, and that the API knows nothing of its cookies."""

import re
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from adiuva.server.middleware import ADMIN_PREFIX
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
MakeUser = Callable[..., Account]


@pytest.fixture
def browser() -> Client:
    """With the CSRF checks that Django's test client leaves out."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.fixture
def reviewer(make_user: MakeUser) -> Account:
    account = make_user()
    account.user.is_staff = True
    account.user.save()
    return account


def token_of(browser: Client) -> str:
    page = browser.get(LOGIN)
    assert page.status_code == 200
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert found
    return found[1]


def log_in(browser: Client, account: Account, *, token: str | None) -> int:
    form = {"username": account.email, "password": account.password}
    if token is not None:
        form["csrfmiddlewaretoken"] = token
    return browser.post(f"{LOGIN}?next=/admin/", form).status_code


def test_staff_log_in_see_the_index_and_log_out(browser: Client, reviewer: Account) -> None:
    assert log_in(browser, reviewer, token=token_of(browser)) == 302
    page = browser.get("/admin/")
    assert page.status_code == 200
    assert "Adiuva" in page.content.decode()
    form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    assert browser.post("/admin/logout/", form).status_code == 200
    assert browser.get("/admin/").status_code == 302


@pytest.mark.parametrize("token", [None, "", "x" * 64])
def test_a_login_without_its_form_token_is_403(browser: Client, reviewer: Account, token: str | None) -> None:
    token_of(browser)
    assert log_in(browser, reviewer, token=token) == 403
    assert not Session.objects.exists()


def test_somebody_who_is_not_staff_does_not_get_in(browser: Client, make_user: MakeUser) -> None:
    assert log_in(browser, make_user(), token=token_of(browser)) == 200
    assert browser.get("/admin/").status_code == 302


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Client, reviewer: Account) -> None:
    log_in(browser, reviewer, token=token_of(browser))
    cookie = browser.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"


def test_a_page_elsewhere_is_not_where_a_login_leads(browser: Client, reviewer: Account) -> None:
    form = {"username": reviewer.email, "password": reviewer.password, "csrfmiddlewaretoken": token_of(browser)}
    answer = browser.post(f"{LOGIN}?next=https://evil.example/", form)
    assert answer.status_code == 302
    assert "evil" not in answer.headers["Location"]


def test_the_api_neither_reads_nor_sets_a_cookie(browser: Client, reviewer: Account) -> None:
    log_in(browser, reviewer, token=token_of(browser))
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get("/api/v1/auth/me")
    assert answer.status_code == 401
    assert len(queries) == 0
    assert not answer.cookies
    assert not browser.get("/api/v1/health").cookies
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_a_request_has_a_session_under_the_admin_only(browser: Client) -> None:
    assert hasattr(browser.get(LOGIN).wsgi_request, "session")
    for path in ("/api/v1/health", "/docs", "/nowhere", ADMIN_PREFIX.rstrip("/"), "/administrator/"):
        assert not hasattr(browser.get(path).wsgi_request, "session"), path


def test_the_admin_is_private_and_not_cached(browser: Client, reviewer: Account) -> None:
    log_in(browser, reviewer, token=token_of(browser))
    assert "private" in browser.get("/admin/").headers["Cache-Control"]
