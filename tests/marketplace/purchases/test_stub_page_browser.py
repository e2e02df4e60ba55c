"""The stub's page for a plugin that is sold, as its buyer meets it."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.support.browser import Browser
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser
PLUGIN = "time-tracker"  # a seed; €9.99


class Buyer:
    """Of the power tier, at a running server."""

    def __init__(self, server: RunningServer) -> None:
        self.http = httpx.Client(base_url=f"{server.url}/api/v1", timeout=30)
        self.email = f"{uuid.uuid4().hex[:12]}@example.com"
        answer = self.http.post("auth/register", json={"email": self.email, "password": "correct horse battery"})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        server.manage("set_tier", self.email, "power")

    def page(self) -> str:
        answer = self.http.post(f"plugins/{PLUGIN}/install")
        assert answer.status_code == 402, answer.text
        return str(answer.json()["checkout_url"])

    def has_it(self) -> bool:
        return bool(self.http.get(f"plugins/{PLUGIN}").json()["installed"])


@pytest.fixture
def buyer(server: RunningServer) -> Iterator[Buyer]:
    buyer = Buyer(server)
    yield buyer
    buyer.http.close()


def test_a_plugin_is_bought_with_one_button_and_installed(browser: Browser, buyer: Buyer) -> None:
    url = buyer.page()
    browser.open(url)
    page = browser.text("body")
    for shown in ("Time Tracker", "€9.99", buyer.email, "Nothing is charged"):
        assert shown in page
    assert browser.overflow() == 0
    assert not buyer.has_it()
    (button,) = browser.all("button, input[type=submit]")
    button.click()
    browser.wait_for_title("is yours")
    assert buyer.has_it()
    browser.driver.refresh()
    browser.wait_for_title("is yours")
    assert browser.all("button") == []
    assert browser.complaints() == []


def test_cancelling_buys_nothing_and_the_page_can_be_had_again(browser: Browser, buyer: Buyer) -> None:
    url = buyer.page()
    browser.width(390)
    browser.open(url)
    assert browser.overflow() == 0
    (link,) = browser.all("a")
    link.click()
    browser.wait_for_title("Checkout cancelled")
    assert not buyer.has_it()
    assert buyer.page() == url
    assert browser.complaints() == []
