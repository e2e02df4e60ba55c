"""``/docs`` in Chromium: a token in two fields and a click, which stays over a reload and is sent."""

import os
import secrets
from functools import partial
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser
PASSWORD = "a long sentence is best"


def fill(browser: Browser, email: str, password: str, *, button: str) -> None:
    for name, text in (("email", email), ("password", password)):
        (field,) = browser.all(f"#token-{name}")
        field.clear()
        field.send_keys(text)
    browser.all(f"#token button[value={button}]")[0].click()


def call_profile(browser: Browser) -> None:
    """Opens the operation, whose tag is closed at first, and executes it."""
    for selector in ("#operations-tag-auth", "#operations-auth-getProfile button", "button.try-out__btn", ".execute"):
        browser.wait(partial(browser.all, selector), message=selector)
        browser.run("document.querySelector(arguments[0]).click()", selector)


def test_a_token_is_got_in_the_page_kept_over_a_reload_and_sent(browser: Browser, server: RunningServer) -> None:
    email = f"reader-{secrets.token_hex(4)}@example.com"
    browser.open(f"{server.url}/")  # leads to /docs
    browser.wait_for_text("How to get a token", "#swagger-ui")
    fill(browser, email, PASSWORD, button="register")
    browser.wait_for_text(f"You are {email}", "#token-said")

    browser.open(f"{server.url}/docs")
    browser.wait_for_text("A token is kept from before.", "#token-said")
    call_profile(browser)
    browser.wait_for_text(email, "#operations-auth-getProfile .live-responses-table .response")
    if folder := os.environ.get("SCREENSHOTS"):
        assert browser.driver.save_screenshot(str(Path(folder) / "docs.png"))

    browser.all("#token-forget")[0].click()
    browser.all(".execute")[0].click()
    browser.wait_for_text("not_authenticated", "#operations-auth-getProfile .live-responses-table .response")
    assert [one for one in browser.complaints() if "401" not in one] == []


def test_a_wrong_password_is_said(browser: Browser, server: RunningServer) -> None:
    browser.open(f"{server.url}/docs")
    browser.wait_for_text("Get a token", "#token")
    fill(browser, "nobody-at-all@example.com", PASSWORD, button="login")
    browser.wait_for_text("The email or the password is wrong.", "#token-said.failed")
    browser.complaints()


def test_an_error_shows_its_own_example(browser: Browser, server: RunningServer) -> None:
    """By reference and in place; and the frames stand where the socket is."""
    browser.open(f"{server.url}/docs#/storage/openSyncStream")
    browser.wait_for_text("The feed has moved; at most four a second.", "#operations-storage-openSyncStream")
    browser.open(f"{server.url}/docs#/keys/deleteKeyEnvelope")
    browser.driver.refresh()
    browser.wait_for_text("last_envelope", "#operations-keys-deleteKeyEnvelope .responses-table")
    shown = browser.text("#operations-keys-deleteKeyEnvelope .responses-table")
    assert "quota_exceeded" not in shown
    assert "urn:adiuva:problem:last_envelope" in shown
