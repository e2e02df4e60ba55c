"""A reviewer reads an update in Chromium. ``SCREENSHOTS=docs/screenshots`` in the environment keeps what is seen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.adiuva.test_admin_browser import _CONTRASTS
from tests.marketplace.review.diff.packages import HARM, WHAT
from tests.marketplace.review.reviewer_browser import ReviewerBrowser
from tests.support.browser import Browser
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates

pytestmark = pytest.mark.browser

BUILD = "from tests.marketplace.review.diff.packages import build; build()"
Scheme = Literal["light", "dark"]
IN_VIEW = """
const box = arguments[0].getBoundingClientRect();
return box.height > 0 && box.top >= 0 && box.bottom <= window.innerHeight;
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("changes")
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": new_database(f"adiuva_changes_{os.getpid()}", folder),
        "JWT_SECRET": "9a1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f1",
    }
    running = RunningServer(folder=folder, env=environment)
    database_templates.migrate(running)
    running.manage("shell", "--verbosity=0", "-c", BUILD)
    running.start()
    yield running
    running.stop()
    drop_database(environment["DATABASE_URL"])


@pytest.fixture
def reviewer(browser: Browser, server: RunningServer) -> ReviewerBrowser:
    reviewer = ReviewerBrowser(browser, server.url)
    reviewer.log_in()
    browser.width(1400)
    reviewer.open_version("tidy", "1.1.0")
    return reviewer


def keep(reviewer: ReviewerBrowser, name: str, width: int = 1400) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        reviewer.browser.picture(Path(folder) / f"{name}.png", width=width, height=1000)


def is_in_view(reviewer: ReviewerBrowser, selector: str) -> bool:
    (element,) = reviewer.browser.all(selector)
    return bool(reviewer.browser.run(IN_VIEW, element))


def test_the_one_line_that_means_harm_is_seen_at_once(reviewer: ReviewerBrowser) -> None:
    """In an update of forty files: on the first screen it is named, and one click away it is there to read."""
    browser = reviewer.browser
    assert "13 of 42 files changed, 2 added, 1 binary" in browser.text("#changes-summary")
    browser.width(1400)
    reviewer.follow("Changes")
    assert browser.text("#found h3").startswith("New in this update 1 finding")
    (place,) = browser.all("#found li")
    assert WHAT in place.text
    assert is_in_view(reviewer, "#found li")
    assert browser.all(".ch-list li")[0].text.startswith("src/part31.js")
    browser.width(1400)
    first_file = browser.all(".ch-file")[0]
    assert len(first_file.find_elements("css selector", "tr.chg")) == 1
    browser.all("#found a")[0].click()
    line = browser.all("tr.found .add.c")[0]
    assert line.text.strip() == HARM.strip()
    assert is_in_view(reviewer, "tr.found .add.c")
    assert is_in_view(reviewer, "tr.note")
    # Of what is the same no line is between the reviewer and it, and no unchanged file is on the page.
    assert browser.driver.page_source.count("src/part30.js") > 0
    assert browser.all("[aria-label$='part01.js']") == []
    assert reviewer.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_wide_and_on_a_phone(reviewer: ReviewerBrowser, scheme: Scheme) -> None:
    browser = reviewer.browser
    browser.colors(scheme)
    reviewer.follow("Changes")
    assert reviewer.is_dark() is (scheme == "dark")
    keep(reviewer, f"changes-{scheme}")
    contrasts = browser.run(_CONTRASTS.replace(".dash text, .dash *:not(svg *)", ".ch-page *:not(option)"))
    assert contrasts["checked"] > 500
    assert contrasts["weak"] == []
    for width in (1400, 1000, 390):
        browser.width(width)
        assert browser.overflow() == 0, width
    old, new = browser.all("tr.chg .del.c:not(.x)")[0], browser.all("tr.chg .add.c:not(.x)")[1]
    assert old.is_displayed()
    assert new.is_displayed()
    assert old.location["x"] == new.location["x"]  # one column
    keep(reviewer, f"changes-{scheme}-phone", 390)
    browser.width(1400)
    (pair,) = [row for row in browser.all("tr.chg") if "fallback(0)" in row.text]
    before, after = pair.find_elements("css selector", ".c")
    assert before.location["y"] == after.location["y"]
    assert before.location["x"] < after.location["x"]
    colours = {
        browser.run("return getComputedStyle(arguments[0]).color", one)
        for one in [pair, *pair.find_elements("css selector", ".tk, .tm, .tc")]
    }
    assert len(colours) == 4
    assert reviewer.complaints() == []


def test_search_keys_and_a_whole_file(reviewer: ReviewerBrowser) -> None:
    from selenium.webdriver import ActionChains

    browser = reviewer.browser
    reviewer.follow("Changes")
    ActionChains(browser.driver).send_keys("n").perform()
    first = browser.run("return document.querySelector('tr.here').textContent")
    ActionChains(browser.driver).send_keys("n").perform()
    assert browser.run("return document.querySelector('tr.here').textContent") != first
    ActionChains(browser.driver).send_keys("p").perform()
    assert browser.run("return document.querySelector('tr.here').textContent") == first
    ActionChains(browser.driver).send_keys("/audit(\n").perform()
    browser.wait_for_text("12 changed lines in 12 files", "#hits")
    browser.all("#hits a")[-1].click()
    target = browser.run("return document.querySelector(':target').nextElementSibling.textContent")
    assert target == "  audit(items);"
    url = browser.all(".ch-file .ch-whole a")[1].get_attribute("href")
    browser.open(f"{url}#L121")
    assert browser.run("return document.querySelector(':target').textContent").strip() == HARM.strip()
    assert len(browser.all(".ts")) > 10
    assert reviewer.complaints() == []
