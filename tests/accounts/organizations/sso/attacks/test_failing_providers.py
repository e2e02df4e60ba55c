"""A provider that is away, hangs or leads elsewhere: it is told in time, and the same flow without it passes."""

import time
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from django.db import connection as database

from accounts.organizations.models import Connection
from accounts.organizations.sso.provider.asking import MOST_AT_ONE_HOST, check_address
from adiuva.egress import OF_USERS, HostUnreachable, guard, resolve
from tests.accounts.organizations.sso.attacks.flows import error_of, passes
from tests.fakes.oidc_provider import OidcProvider
from tests.support.organizations import make_organization
from tests.support.sign_on import Browser, connect, query_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (500, "temporarily_unavailable"),
        (429, "temporarily_unavailable"),
        ("reset", "temporarily_unavailable"),
        ("cut", "temporarily_unavailable"),
        (400, "server_error"),
        ("garbage", "server_error"),
        ("huge", "server_error"),
        ("redirect", "server_error"),
    ],
)
@pytest.mark.parametrize("page", ["token", "userinfo"])
def test_a_provider_that_fails(browser: Browser, page: Any, fault: Any, word: str) -> None:
    provider = browser.provider
    provider.email_in = "userinfo"
    with OidcProvider() as trap:
        provider.redirect_to, provider.faults = f"{trap.issuer}/token", {page: fault}
        answer = browser.come_back(browser.log_in())
        assert not trap.requests, "nothing follows a redirect"
    if page == "userinfo" and fault in {400, "garbage", "redirect"}:
        assert "code" in query_of(answer.headers["Location"]), "it says nothing, and who it is was proven"
    else:
        assert error_of(answer) == word
    provider.faults = {}
    assert passes(browser)


def test_a_provider_that_hangs_holds_nobody_for_long(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.organizations.sso.provider.asking.SECONDS", 0.3)
    browser.provider.faults = {"token": "hang"}
    back, began = browser.log_in(), time.monotonic()
    assert error_of(browser.come_back(back)) == "temporarily_unavailable"
    assert time.monotonic() - began < 2
    browser.provider.faults = {}
    monkeypatch.undo()


def test_a_provider_that_is_gone(browser: Browser) -> None:
    back = browser.log_in()
    browser.provider.stop()
    assert error_of(browser.come_back(back)) == "temporarily_unavailable"


INSIDE = [
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/token",
    "https://localhost/token",
    "https://[::1]/token",
    "https://10.0.0.1/token",
    "http://login.example.com/token",
    "https://login.example.com:8443/token",
    "https://user@login.example.com/token",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("name", ["token_endpoint", "userinfo_endpoint", "jwks_uri"])
def test_an_address_that_leads_inside_by_now(browser: Browser, name: str, address: str) -> None:
    """Whatever the discovery document said: the guard looks at each use."""
    browser.provider.email_in = "userinfo"
    connection = Connection.objects.get()
    honest = dict(connection.metadata)
    connection.metadata = {**honest, name: address}
    connection.keys = {"keys": [], "seconds": 3600}
    connection.keys_at = connection.keys_asked_at = datetime.fromtimestamp(0, UTC)
    connection.save()
    told = error_of(browser.come_back(browser.log_in()))
    assert told == ("temporarily_unavailable" if name == "jwks_uri" else "server_error")
    Connection.objects.update(metadata=honest, keys_asked_at=datetime.fromtimestamp(0, UTC))
    assert passes(browser)


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_hangs_takes_no_place_of_anothers(browser: Browser, settings: Any) -> None:
    browser.provider.faults = {"token": "hang"}
    waiting = [Browser(browser.organization, browser.provider) for _ in range(MOST_AT_ONE_HOST)]
    threads = [Thread(target=sign_on_and_leave, args=(one,)) for one in waiting]
    for thread in threads:
        thread.start()
    while len(browser.provider.seen("token")) < MOST_AT_ONE_HOST:
        time.sleep(0.01)
    assert browser.sign_on()["error"] == "temporarily_unavailable"
    with OidcProvider(callback_url=browser.provider.callback_url) as other:
        settings.EGRESS_ALLOW |= {other.place}
        organization, _ = make_organization()
        connect(organization, other)
        assert passes(Browser(organization, other))
    browser.provider.let_go()
    for thread in threads:
        thread.join(timeout=30)
    assert passes(browser)


def sign_on_and_leave(browser: Browser) -> None:
    browser.sign_on()
    database.close()


def test_names_that_users_name_keep_nobody_from_signing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_ask_system", lambda _host, port: [("93.184.215.14", port)])
    taken: list[str] = []
    while OF_USERS.take(host := f"{len(taken)}.example.com"):
        taken.append(host)
    try:
        with pytest.raises(HostUnreachable):
            resolve("https://llm.example.com")
        check_address("https://idp.example.com")
    finally:
        for host in taken:
            OF_USERS.give_back(host)
