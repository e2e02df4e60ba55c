"""/account/passkey in Chromium with its virtual authenticator: adding a passkey for an app, logging the app in."""

import secrets
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from accounts.handoff.codes import challenge_of
from tests.support.browser import Browser
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser


class App:
    """A desktop app: it listens on a loopback address, and talks to the API without a browser."""

    def __init__(self, server: RunningServer) -> None:
        self.page = f"http://localhost:{server.port}/account/passkey"
        self.http = httpx.Client(base_url=f"{server.url}/api/v1", timeout=30, headers={"User-Agent": "Adiuva/1.0"})
        self.verifier, self.state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        self.called: list[str] = []
        app = self

        class Listener(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                app.called.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<title>Back in the app</title>")

            def log_message(self, *_: Any) -> None:
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        Thread(target=self._listener.serve_forever, daemon=True).start()

    def register(self) -> str:
        email = f"{uuid.uuid4().hex[:12]}@example.com"
        answer = self.http.post("auth/register", json={"email": email, "password": "correct horse battery"})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return email

    def ticket_page(self) -> str:
        answer = self.http.post("auth/passkeys/ticket")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])

    def login_page(self) -> str:
        asked = {
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "redirect_uri": f"http://127.0.0.1:{self._listener.server_port}/callback?from=passkey",
            "state": self.state,
        }
        return f"{self.page}?{urlencode(asked)}"

    def redeem(self) -> httpx.Response:
        (path,) = [path for path in self.called if path.startswith("/callback")]
        told = parse_qs(urlsplit(path).query)
        assert (told["from"], told["state"]) == (["passkey"], [self.state])
        return self.http.post("auth/sso/token", json={"code": told["code"][0], "code_verifier": self.verifier})

    def close(self) -> None:
        self.http.close()
        self._listener.shutdown()
        self._listener.server_close()


@pytest.fixture
def app(server: RunningServer) -> Iterator[App]:
    app = App(server)
    yield app
    app.close()


@pytest.fixture
def authenticator(browser: Browser) -> Iterator[Any]:
    """As a laptop has it: keeps passkeys, verifies its user, asks nobody."""
    from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

    options = VirtualAuthenticatorOptions(
        transport=VirtualAuthenticatorOptions.Transport.INTERNAL,
        has_resident_key=True,
        has_user_verification=True,
        is_user_consenting=True,
        is_user_verified=True,
    )
    browser.driver.add_virtual_authenticator(options)
    yield browser.driver
    browser.driver.remove_virtual_authenticator()


def shown_errors(browser: Browser) -> list[str]:
    return [str(one.get_attribute("id")) for one in browser.all("main .bad") if one.is_displayed()]


def press(browser: Browser) -> None:
    def is_ready() -> bool:
        return bool(browser.all("main button")[0].is_enabled())

    browser.wait(is_ready, message="a button to press")
    browser.all("main button")[0].click()


def add_passkey(browser: Browser, app: App) -> str:
    email = app.register()
    browser.open(app.ticket_page())
    browser.wait_for_text(email)
    press(browser)
    browser.wait_for_text("Your passkey has been added")
    return email


def test_an_app_adds_a_passkey_and_logs_in_with_it(browser: Browser, app: App, authenticator: Any) -> None:
    email = add_passkey(browser, app)
    assert "ticket" not in browser.run("return location.href")
    assert [one["type"] for one in app.http.get("auth/factors").json()["items"]] == ["passkey"]
    del app.http.headers["Authorization"]

    browser.open(app.login_page())
    press(browser)
    browser.wait_for_title("Back in the app")
    answer = app.redeem()
    assert answer.status_code == 200, answer.text
    app.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert app.http.get("auth/me").json()["email"] == email
    assert [one["user_agent"] for one in app.http.get("auth/sessions").json()["items"] if one["current"]] == [
        "Adiuva/1.0"
    ]
    assert browser.complaints() == []


def test_one_device_adds_one_passkey(browser: Browser, app: App, authenticator: Any) -> None:
    add_passkey(browser, app)
    browser.open(app.ticket_page())
    press(browser)
    browser.wait(lambda: shown_errors(browser) == ["error-exists"], message="that there is one already")


def test_who_cancels_reads_so_and_may_try_again(browser: Browser, app: App, authenticator: Any) -> None:
    add_passkey(browser, app)
    browser.open(app.login_page())
    browser.driver.set_user_verified(False)
    press(browser)
    browser.wait(lambda: shown_errors(browser) == ["error-cancelled"], message="that nothing was chosen")
    browser.driver.set_user_verified(True)
    press(browser)
    browser.wait_for_title("Back in the app")


def test_a_passkey_that_was_removed_is_refused_in_words(browser: Browser, app: App, authenticator: Any) -> None:
    add_passkey(browser, app)
    (factor,) = app.http.get("auth/factors").json()["items"]
    assert app.http.delete(f"auth/factors/{factor['id']}").status_code == 204
    browser.open(app.login_page())
    press(browser)
    browser.wait(lambda: shown_errors(browser) == ["error-refused"], message="that it opens nothing")
    assert app.called == []


def test_a_link_that_was_used_says_so(browser: Browser, app: App, authenticator: Any) -> None:
    app.register()
    url = app.ticket_page()
    browser.open(url)
    press(browser)
    browser.wait_for_text("Your passkey has been added")
    browser.open("about:blank")
    for used in (url, app.page):
        browser.open(used)
        browser.wait(lambda: shown_errors(browser) == ["error-expired"], message="that it is over")
        assert not browser.all("main button")[0].is_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_narrow_window_in_either_colour(browser: Browser, app: App, scheme: Any) -> None:
    browser.colors(scheme)
    browser.width(360)
    for url in (app.login_page(), app.page):
        browser.open(url)
        assert browser.overflow() == 0
    assert browser.complaints() == []
