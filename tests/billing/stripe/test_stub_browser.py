"""The stub's checkout as a person meets it."""

import json
import uuid
from typing import Any, Self
from urllib.parse import quote

import httpx
import pytest

from tests.support.browser import Browser
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser


class Person:
    """Somebody with an account at a running server."""

    def __init__(self, server: RunningServer) -> None:
        self._http = httpx.Client(base_url=f"{server.url}/api/v1", timeout=30)
        self.email = f"{uuid.uuid4().hex[:12]}@example.com"
        answer = self._http.post("auth/register", json={"email": self.email, "password": "correct horse battery"})
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def checkout(self, tier: str, **wanted: Any) -> str:
        return str(self._http.post("billing/checkout", json={"tier": tier, **wanted}).json()["checkout_url"])

    def buy(self, tier: str, **wanted: Any) -> None:
        httpx.post(self.checkout(tier, **wanted), follow_redirects=True).raise_for_status()

    def portal(self) -> str:
        return str(self._http.post("billing/portal").json()["portal_url"])

    def subscription(self) -> Any:
        return self._http.get("billing/subscription").json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


@pytest.fixture
def person(server: RunningServer) -> Any:
    with Person(server) as somebody:
        yield somebody


def test_a_purchase_from_the_page_to_the_tier(browser: Browser, person: Person) -> None:
    url = person.checkout("pro")
    browser.open(url)
    assert browser.text("h1") == "Adiuva Pro"
    assert browser.text(".price") == "€9.00 a month"
    assert person.email in browser.text("dl")
    assert "5 GiB" in browser.text("dl")
    (button,) = browser.all("button, input[type=submit]")
    assert "€9.00" in button.text
    assert person.subscription()["tier"] == "free"
    button.click()
    browser.wait_for_title("Pro is yours")
    assert (person.subscription()["tier"], person.subscription()["status"]) == ("pro", "active")
    assert browser.complaints() == []


def test_reloading_and_going_back_buy_nothing_more(browser: Browser, person: Person) -> None:
    browser.open(person.checkout("pro"))
    browser.all("button")[0].click()
    browser.wait_for_title("Pro is yours")
    bought = person.subscription()
    browser.driver.refresh()
    browser.wait_for_title("Pro is yours")
    browser.driver.back()
    browser.driver.refresh()
    assert browser.all("button") == []
    assert person.subscription() == bought


def test_the_keyboard_is_enough(browser: Browser, person: Person) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(person.checkout("team"))
    ActionChains(browser.driver).send_keys(Keys.TAB).perform()
    assert browser.run("return document.activeElement.tagName") == "BUTTON"
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    ActionChains(browser.driver).send_keys(Keys.ENTER).perform()
    browser.wait_for_title("Team is yours")
    assert person.subscription()["tier"] == "team"


def test_cancelling_buys_nothing(browser: Browser, person: Person) -> None:
    browser.open(person.checkout("power"))
    (link,) = browser.all("a")
    assert link.text == "Cancel and buy nothing"
    link.click()
    browser.wait_for_title("Checkout cancelled")
    assert person.subscription()["status"] == "none"


def test_nothing_is_fetched_from_elsewhere(browser: Browser, person: Person, server: RunningServer) -> None:
    browser.open(person.checkout("pro"))
    fetched = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert fetched
    assert all(name.startswith(f"http://localhost:{server.port}/") for name in fetched)
    assert browser.run("return document.scripts.length") == 0
    assert browser.run("return document.cookie") == ""


def press(browser: Browser, text: str) -> None:
    """The button or the link that says so."""
    (found,) = [one for one in browser.all("button, a") if one.text == text]
    found.click()


def test_a_plans_life_in_the_portal(browser: Browser, person: Person) -> None:
    browser.open(person.checkout("team", seats=3))
    assert browser.text(".price") == "€147.00 a month"
    press(browser, "Buy Team for €147.00 a month")
    browser.wait_for_title("Team is yours")
    browser.open(person.portal())
    assert (browser.text("h1"), browser.text(".price")) == ("Adiuva Team", "€147.00 a month")
    assert "Active, renews on" in browser.text(".state")
    seats = browser.all("#seats")[0]
    seats.clear()
    seats.send_keys("5\n")
    browser.wait_for_text("€245.00", ".price")
    assert person.subscription()["seats"] == 5
    (end,) = [one for one in browser.all("button") if one.text.startswith("End the plan on")]
    end.click()
    browser.wait_for_text("Ends on", ".state")
    assert person.subscription()["cancel_at"] == person.subscription()["current_period_end"] is not None
    press(browser, "Keep the plan")
    browser.wait_for_text("Active", ".state")
    assert person.subscription()["cancel_at"] is None
    press(browser, "Play a failed renewal")
    browser.wait_for_text("The last payment failed", ".state")
    owed = person.subscription()
    assert owed["status"] == "past_due"
    press(browser, "Pay the open invoice")
    browser.wait_for_title("Invoice")
    assert browser.text(".state") == "To be paid"
    browser.open(owed["pay_url"])
    press(browser, "Pay €245.00")
    browser.wait_for_text("Paid", ".state")
    assert person.subscription()["status"] == "active"
    browser.open(person.portal())
    assert [one.text.split("\n")[-1] for one in browser.all(".rows li")] == ["Paid", "Paid"]
    press(browser, "Back to Adiuva")
    browser.wait_for_title("All done")
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [320, 1000])
def test_the_portal_fits_and_says_what_each_thing_is(browser: Browser, person: Person, width: int) -> None:
    person.buy("team", seats=3)
    browser.width(width)
    browser.open(person.portal())
    assert browser.overflow() == 0
    for control in browser.all("button, input:not([type=hidden]), select"):
        assert control.accessible_name
        assert control.size["height"] >= 44
    assert browser.run("return document.scripts.length") == 0


@pytest.mark.parametrize("width", [320, 1000])
def test_the_page_fits_and_the_button_is_large_enough_to_hit(browser: Browser, person: Person, width: int) -> None:
    browser.width(width)
    browser.open(person.checkout("team"))
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.querySelector('button').getBoundingClientRect().height") >= 44


CHECKOUT = (("h1", "main"), ("dt", "main"), ("a", "main"), ("button", "button"), (".note", ".note"))
PORTAL = ((".state", ".state"), ("label", "main"), (".plain", ".plain"), ("select", "select"), ("small", "main"))


@pytest.mark.parametrize("seen", ["checkout", "portal", "portal of who owes"])
def test_light_and_dark_differ_and_both_can_be_read(browser: Browser, person: Person, seen: str) -> None:
    pages = set()
    if seen == "checkout":
        browser.open(person.checkout("pro"))
    else:
        person.buy("pro")
        browser.open(person.portal())
    if seen == "portal of who owes":
        press(browser, "Play a failed renewal")
        browser.wait_for_text("failed", ".state")
    for scheme in ("light", "dark"):
        browser.colors(scheme)
        pages.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
        for text, ground in CHECKOUT if seen == "checkout" else PORTAL:
            colors = browser.run(
                "return [getComputedStyle(document.querySelector(arguments[0])).color,"
                " getComputedStyle(document.querySelector(arguments[1])).backgroundColor]",
                text,
                ground,
            )
            assert _contrast(*colors) >= 4.5, (scheme, text, colors)  # WCAG 2.2, 1.4.3
    assert len(pages) == 2


def _contrast(one: str, other: str) -> float:
    """WCAG's ratio of two ``rgb(1, 2, 3)``."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_another_site_cannot_press_the_button(browser: Browser, person: Person) -> None:
    url = person.checkout("pro")
    form = f"<form method=post action={json.dumps(url)}></form><script>document.forms[0].submit()</script>"
    browser.open("data:text/html," + quote(form))
    browser.wait_for_title("Not from here")
    assert person.subscription()["tier"] == "free"


def test_no_site_can_frame_the_page(browser: Browser, person: Person) -> None:
    url = person.checkout("pro")
    browser.open("data:text/html," + quote(f"<iframe src={json.dumps(url)}></iframe>"))
    browser.driver.switch_to.frame(0)
    assert browser.all("button") == []
