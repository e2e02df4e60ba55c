"""Answers of a provider that are brought twice, to another flow, by another browser, or for another nonce."""

from collections.abc import Callable
from typing import Literal
from urllib.parse import urlencode

import pytest

from tests.fakes.oidc_provider_node.process import NodeProvider
from tests.flows.sign_on.apps import App, PlainBrowser, Tokens, query_of
from tests.flows.sign_on.company import CLIENT, Company
from tests.support.browser import Browser, is_installed

pytestmark = pytest.mark.node

Found = Callable[..., Company]


def stopped_at_the_callback(person: PlainBrowser, url: str, login: str, company: Company) -> str:
    """Where the provider sends the browser, which does not go there yet."""
    answer = person.sign_in(url, login, until=company.callback_url)
    location = answer.headers.get("Location", "")
    assert location.startswith(company.callback_url), (answer.url, answer.text)
    return str(location)


def is_nothing(app: App) -> bool:
    return app.answers.empty()


def test_an_answer_counts_once(acme: Company, app: App, person: PlainBrowser) -> None:
    alice = acme.hire("once")
    callback = stopped_at_the_callback(person, app.begin(alice.email), alice.login, acme)
    person.sign_in(callback, alice.login)
    code = app.code()
    again = person.sign_in(callback, alice.login)
    assert again.status_code == 400, again.text
    assert is_nothing(app)

    assert app.redeem(code).status_code == 200
    assert (app.redeem(code).status_code, app.redeem(code).json()["code"]) == (401, "invalid_grant")


def test_a_code_that_was_seen_on_its_way_is_worth_nothing(acme: Company, app: App, person: PlainBrowser) -> None:
    alice = acme.hire("seen")
    person.sign_in(app.begin(alice.email), alice.login)
    code = app.code()
    stolen = app.redeem(code, verifier="w" * 43)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "invalid_grant")


def test_an_answer_belongs_to_the_browser_that_began(acme: Company, app: App, person: PlainBrowser) -> None:
    """Login CSRF: an attacker signs in, and has the victim's browser bring the answer."""
    attacker = acme.hire("attacker")
    callback = stopped_at_the_callback(person, app.begin(attacker.email), attacker.login, acme)
    with PlainBrowser() as victim:
        victim.sign_in(callback, attacker.login)
    assert app.answer() == {"error": "access_denied"}

    # Then it is over for the attacker's own browser as well.
    person.sign_in(callback, attacker.login)
    assert is_nothing(app)


def test_the_answer_of_one_provider_is_none_in_the_flow_of_another(
    found: Found, acme: Company, other_provider: NodeProvider, app: App, person: PlainBrowser
) -> None:
    """Mix-up (RFC 9207): the same browser, both flows its own, the same client id at both providers."""
    evil = found(other_provider)
    mallory, alice = evil.hire("mallory"), acme.hire("mixed")
    theirs = stopped_at_the_callback(person, app.begin(mallory.email), mallory.login, evil)
    ours = stopped_at_the_callback(person, app.begin(alice.email), alice.login, acme)
    mixed = theirs.replace(query_of(theirs)["state"], query_of(ours)["state"])
    assert mixed != theirs
    person.sign_in(mixed, alice.login)
    assert app.answer() == {"error": "server_error"}

    # Nor where it says to be the other's: that one does not know the code.
    ours = stopped_at_the_callback(person, app.begin(alice.email), alice.login, acme)
    told = query_of(theirs) | {name: query_of(ours)[name] for name in ("state", "iss")}
    person.sign_in(f"{acme.callback_url}?{urlencode(told)}", alice.login)
    assert app.answer() == {"error": "server_error"}


@pytest.mark.skipif(not is_installed(), reason="needs chromium and chromedriver")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_reads_in_words_that_a_sign_on_is_over(
    acme: Company, app: App, person: PlainBrowser, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    alice = acme.hire(f"late-{scheme}")
    callback = stopped_at_the_callback(person, app.begin(alice.email), alice.login, acme)
    person.sign_in(callback, alice.login)
    app.code()
    browser.colors(scheme)
    browser.width(360)
    for address in (callback, acme.callback_url, acme.callback_url.replace("callback", "start")):
        browser.open(address)
        assert browser.text("h1") == "This sign-in cannot continue"
        assert "Go back to Adiuva" in browser.text("main")
        assert browser.overflow() == 0
    # Chromium says of each page that it is a 400, and nothing else is amiss.
    assert {complaint.rpartition(" - ")[2] for complaint in browser.complaints()} == {
        "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    }


def test_the_log_holds_nothing_that_opens_anything(acme: Company, app: App, person: PlainBrowser) -> None:
    alice = acme.hire("logged")
    callback = stopped_at_the_callback(person, app.begin(alice.email), alice.login, acme)
    person.sign_in(callback, alice.login)
    code = app.code()
    tokens = Tokens(app.http, app.redeem(code).json())
    person.sign_in(callback, alice.login)
    secrets = {
        "code of the provider": query_of(callback)["code"],
        "state": query_of(callback)["state"],
        "code of ours": code,
        "verifier": app.verifier,
        "secret": CLIENT["client_secret"],
        "access token": tokens.told["access_token"],
        "refresh token": tokens.told["refresh_token"],
        "address": alice.email,
        "subject": alice.login,
    }
    log = app.server.log_text()
    assert "/api/v1/auth/sso/callback" in log
    assert [name for name, secret in secrets.items() if secret in log] == []


def test_a_token_for_another_nonce_proves_nothing(acme: Company, app: App, person: PlainBrowser) -> None:
    alice = acme.hire("nonce")
    with acme.provider.rewriting(nonce="of another flow"):
        person.sign_in(app.begin(alice.email), alice.login)
    assert app.answer() == {"error": "server_error"}


def test_a_code_for_another_verifier_is_refused_by_the_provider(acme: Company, app: App, person: PlainBrowser) -> None:
    """A code of the attacker's own flow, brought into the victim's: the provider compares the challenge."""
    attacker, victim = acme.hire("injects"), acme.hire("injected")
    with PlainBrowser() as other:
        theirs = stopped_at_the_callback(other, app.begin(attacker.email), attacker.login, acme)
    ours = stopped_at_the_callback(person, app.begin(victim.email), victim.login, acme)
    person.sign_in(ours.replace(query_of(ours)["code"], query_of(theirs)["code"]), victim.login)
    assert app.answer() == {"error": "server_error"}
