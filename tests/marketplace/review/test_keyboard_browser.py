"""A reviewer's morning without a mouse, and on a phone, in Chromium. ``SCREENSHOTS`` keeps what is seen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.marketplace.review.reviewer_browser import QUEUE, ReviewerBrowser, serve
from tests.support.browser import Browser
from tests.support.pictures import remember
from tests.support.server import RunningServer
from tests.support.template_database import Templates

pytestmark = pytest.mark.browser

BUILD = "from tests.marketplace.review.sample_queue import build_long; build_long()"
PHONE = 390
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def long_queue(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    yield from serve(tmp_path_factory.mktemp("desk"), BUILD, database_templates)


@pytest.fixture
def reviewer(browser: Browser, long_queue: RunningServer) -> ReviewerBrowser:
    reviewer = ReviewerBrowser(browser, long_queue.url)
    reviewer.log_in()
    return reviewer


def keep(reviewer: ReviewerBrowser, name: str, width: int) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        reviewer.browser.picture(Path(folder) / f"{name}.png", width=width)


def focused(reviewer: ReviewerBrowser) -> str:
    script = (
        "const one = document.activeElement; return one.name || one.getAttribute('aria-keyshortcuts') || one.tagName"
    )
    return str(reviewer.browser.run(script))


def has_visible_focus(reviewer: ReviewerBrowser) -> bool:
    return bool(reviewer.browser.run("return getComputedStyle(document.activeElement).outlineStyle !== 'none'"))


def is_within_reach(reviewer: ReviewerBrowser, selector: str) -> bool:
    """On the screen, and nothing lies over it."""
    script = (
        "const one = document.querySelector(arguments[0]), box = one.getBoundingClientRect();"
        "const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);"
        "return box.width > 0 && box.top >= 0 && box.bottom <= innerHeight && one.contains(hit)"
    )
    return bool(reviewer.browser.run(script, selector))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_decision_is_within_reach(reviewer: ReviewerBrowser, scheme: Scheme) -> None:
    reviewer.browser.colors(scheme)
    reviewer.open_version("chore-12", "1.1.0")
    reviewer.browser.width(PHONE)
    assert reviewer.browser.overflow() == 0
    for at in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
        reviewer.browser.run(f"window.scrollTo(0, {at})")
        for part in ("a.mk-primary", "a.mk-danger", "button"):
            assert is_within_reach(reviewer, f".mk-bar {part}"), (at, part)
    if folder := os.environ.get("SCREENSHOTS"):
        reviewer.browser.run("window.scrollTo(0, 0)")
        picture = Path(folder) / f"review-phone-{scheme}.png"
        reviewer.browser.driver.save_screenshot(str(picture))
        remember(picture)
    for link, button in (("a.mk-primary", "#approve"), ("a.mk-danger", "#reject")):
        reviewer.browser.run("window.scrollTo(0, 0)")
        reviewer.browser.all(f".mk-bar {link}")[0].click()
        assert is_within_reach(reviewer, f"{button} button[type=submit]")
        assert not reviewer.browser.all("#key-status")[0].is_displayed()
    reviewer.browser.width(2200)
    assert reviewer.browser.run("return document.querySelector('#review').offsetWidth") > 1800
    assert reviewer.complaints() == []


def test_letters_in_a_field_are_letters_and_files_are_read_by_keys(reviewer: ReviewerBrowser) -> None:
    from selenium.webdriver import Keys

    browser = reviewer.browser
    for scheme in ("dark", "light"):
        browser.colors(scheme)
        reviewer.open_version("chore-01", "1.1.0")
        reviewer.keys("?")
        assert browser.run("return document.querySelector('#keys').open")
        keep(reviewer, f"review-keys-{scheme}", 1400)
    reviewer.keys("n", Keys.ESCAPE)
    assert not browser.run("return document.querySelector('#keys').open")
    reviewer.keys("r", Keys.TAB, "nasa ?")
    assert focused(reviewer) == "reject-notes"
    assert reviewer.field("reject-notes").get_attribute("value") == "nasa ?"
    reviewer.keys(Keys.ESCAPE, "c")
    browser.wait(lambda: "Claimed by you" in browser.text("#claim"), message="claimed")
    reviewer.keys("c")
    browser.wait(lambda: "Unclaimed" in browser.text("#claim"), message="released")

    reviewer.keys("j")
    reviewer.wait_for_frame("const LIMIT = 400;")
    reviewer.keys("j")
    browser.wait_for_text("This is the last file.", "#key-status")
    reviewer.keys("k")
    reviewer.wait_for_frame("export function activate")
    link = "<a id='changes-link' href='#history'>Changes</a>"
    browser.run("document.querySelector('#review').insertAdjacentHTML('afterbegin', arguments[0])", link)
    reviewer.keys("d")
    assert browser.run("return location.hash") == "#history"


def test_a_reviewer_decides_ten_submissions_by_keyboard_alone(reviewer: ReviewerBrowser) -> None:
    from selenium.webdriver import Keys

    browser = reviewer.browser
    browser.open(f"{reviewer.url}{QUEUE}?q=chore&status__exact=pending_review")
    reviewer.keys("n")
    # Ten: the second is a colleague's, the third is skipped.
    decided = []
    for number in (1, 3, *range(4, 13)):
        slug = f"chore-{number:02}"
        browser.wait_for_title(f"{slug} 1.1.0")
        if number == 3:
            reviewer.keys("s")
            continue
        if number % 2 == 0:
            reviewer.keys("a")
            assert (focused(reviewer), has_visible_focus(reviewer)) == ("a", True)
            reviewer.keys(Keys.ENTER)
            outcome = "approved"
        else:
            reviewer.keys("r", "6")
            assert (focused(reviewer), has_visible_focus(reviewer)) == ("reject-reason_code", True)
            reviewer.keys(Keys.TAB, f"It stops at line {number}.")
            reviewer.send_form()
            outcome = "rejected"
        reviewer.wait_for_text(f"{slug} 1.1.0 is {outcome}.")
        decided.append(slug)
    assert len(decided) == 10

    # The walk is over but for an outdated version; what was skipped is there still.
    browser.wait_for_title("chore-12 1.0.0")
    reviewer.keys("q")
    browser.wait_for_title("submission")
    rows = {row.split("\n")[1]: row for row in reviewer.rows()}
    assert set(rows) == {"chore-02", "chore-03", "chore-12"}
    assert "reviewer-" in rows["chore-02"]
    assert "you" in rows["chore-12"].split("\n")[-2]
    reviewer.keys("n")
    browser.wait_for_title("chore-03 1.1.0")
    reviewer.open_version("chore-05", "1.1.0")
    history = browser.text("#history")
    assert "Does not work" in history
    assert "It stops at line 5." in history
    assert reviewer.complaints() == []


def test_keys_with_the_browsers_own_modifiers_and_held_keys_do_nothing(reviewer: ReviewerBrowser) -> None:
    reviewer.open_version("chore-02", "1.1.0")
    reviewer.browser.run("window.isBehindUs = true")
    press = (
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, cancelable: true, ...arguments[0]}))"
    )
    for more in ({"ctrlKey": True}, {"metaKey": True}, {"altKey": True}, {"repeat": True}, {"isComposing": True}):
        for key in "arnscq":
            reviewer.browser.run(press, {"key": key, **more})
    assert reviewer.browser.run("return window.isBehindUs && document.activeElement === document.body")
    # A colleague's: the key leads to the question first.
    reviewer.keys("a")
    assert focused(reviewer) == "approve-although_claimed"
    reviewer.send_form()  # not ticked: the browser keeps it
    assert reviewer.browser.run("return window.isBehindUs")
    reviewer.keys(" ")
    reviewer.send_form()
    reviewer.wait_for_text("chore-02 1.1.0 is approved.")


def test_a_claim_is_renewed_while_somebody_works_on_the_page(reviewer: ReviewerBrowser) -> None:
    browser = reviewer.browser
    # Its clock is ours: the page looks when it is told to, and some minutes have gone by then.
    ours = "window.setInterval = (look) => { window.look = look; }; const now = Date.now; window.ahead = 0;"
    ours += "Date.now = () => now() + window.ahead;"
    script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": ours})
    try:
        reviewer.open_version("errand", "1.0.0")
        reviewer.keys("c")
        browser.wait(lambda: "Claimed by you" in browser.text("#claim"), message="claimed")
        browser.run("window.ahead = 6 * 60 * 1000; return window.look().then(() => 1)")
        assert renewals(reviewer) == []  # nobody has touched it
        reviewer.keys("j")
        browser.run("return window.look().then(() => 1)")
        assert renewals(reviewer) == [204]
        form = "const form = document.querySelector('#claim-form');"
        browser.run(f"{form} return fetch(form.action, {{method: 'POST', body: new FormData(form)}}).then(() => 1)")
        reviewer.keys("k")
        browser.run("window.ahead *= 2; return window.look().then(() => 1)")
        assert renewals(reviewer) == [204, 409]
        browser.wait_for_text("Your claim has lapsed.", "#key-status")
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def renewals(reviewer: ReviewerBrowser) -> list[int]:
    """What the server has answered to this page."""
    script = "return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/renew/'))"
    return list(reviewer.browser.run(f"{script}.map((one) => one.responseStatus)"))


def test_outdated_versions_are_rejected_from_the_list(reviewer: ReviewerBrowser) -> None:
    reviewer.browser.open(f"{reviewer.url}{QUEUE}?q=chore-12&status__exact=pending_review")
    [box] = reviewer.browser.all("#result_list tbody input[type=checkbox]")
    box.click()
    reviewer.choose("action", "Reject as superseded …")
    reviewer.press("Run")
    reviewer.wait_for_text("1 to reject as superseded")
    reviewer.press("Reject 1")
    reviewer.wait_for_text("1 rejected as superseded.")
    assert reviewer.complaints() == []
