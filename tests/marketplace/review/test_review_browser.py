"""A reviewer at work, in Chromium. ``SCREENSHOTS=docs/screenshots`` in the environment keeps what is seen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.marketplace.review.reviewer_browser import ReviewerBrowser
from tests.marketplace.review.sample_queue import HOSTILE_FILES, IMAGE, SCRIPT
from tests.support.browser import Browser
from tests.support.server import RunningServer, drop_database, new_database

pytestmark = pytest.mark.browser

BUILD = "from tests.marketplace.review.sample_queue import build; build()"
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with submissions of its own."""
    folder = tmp_path_factory.mktemp("review")
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": new_database(f"adiuva_review_{os.getpid()}", folder),
        "JWT_SECRET": "9a1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f1",
    }
    running = RunningServer(folder=folder, env=environment)
    running.manage("migrate", "--verbosity=0")
    running.manage("shell", "--verbosity=0", "-c", BUILD)
    running.start()
    yield running
    running.stop()
    drop_database(environment["DATABASE_URL"])


@pytest.fixture
def desk(browser: Browser, scene: RunningServer) -> ReviewerBrowser:
    desk = ReviewerBrowser(browser, scene.url)
    desk.log_in()
    return desk


def keep(desk: ReviewerBrowser, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        desk.browser.picture(Path(folder) / f"{name}.png", width=1400)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_follow_the_theme_and_fit_wide_and_narrow(desk: ReviewerBrowser, scheme: Scheme) -> None:
    desk.browser.colors(scheme)
    desk.browser.width(1400)
    desk.open_queue()
    assert desk.is_dark() is (scheme == "dark")
    keep(desk, f"review-queue-{scheme}")
    desk.follow("Focus Timer")
    assert desk.is_dark() is (scheme == "dark")
    assert desk.background("iframe") == desk.background("") == ("dark" if scheme == "dark" else "light")
    keep(desk, f"review-page-{scheme}")
    for width in (1400, 1000, 390):
        desk.browser.width(width)
        assert desk.browser.overflow() == 0, width
    assert desk.complaints() == []


def test_what_waits_is_on_top_and_each_page_has_what_one_decides_by(desk: ReviewerBrowser) -> None:
    desk.open_queue()
    waiting = [row for row in desk.rows() if "PENDING REVIEW" in row]
    assert waiting
    assert desk.rows()[: len(waiting)] == waiting
    desk.open_version("focus-timer", "1.6.0")
    added = [row.text for row in desk.browser.all(".mk-added")]
    assert len(added) == 2
    assert added[0].startswith("Create, change and delete the user’s tasks")
    assert "€2.99" in desk.browser.text(".mk-changed ins")
    assert "Focus Tlmer" in desk.browser.text("#checks .mk-evidence")  # open, because the check has failed
    assert "Asks for more permissions than it needs" in desk.browser.text("#history")
    assert "demo-power@example.com" not in desk.browser.driver.page_source


def test_files_are_read_one_after_the_other_beside_their_list(desk: ReviewerBrowser) -> None:
    desk.open_version("focus-timer", "1.6.0")
    assert "export function activate" in desk.frame_text()  # the entrypoint, at once
    desk.follow("lib/summarize.js")
    desk.wait_for_frame("const LIMIT = 400;")
    desk.follow("icon.png")
    desk.wait_for_frame("This file is not")
    assert desk.browser.driver.current_url.partition("?")[0].endswith("/change/")
    assert desk.complaints() == []


def test_nothing_that_an_author_writes_runs_or_looks_like_ours(desk: ReviewerBrowser, scene: RunningServer) -> None:
    hostile = ["/admin/marketplace/pluginversion/", "/admin/marketplace/plugin/"]
    hostile += ["/admin/marketplace/pluginversion/?q=hostile", "/admin/marketplace/plugin/hostile/change/"]
    for path in hostile:
        desk.browser.open(scene.url + path)
        desk.is_unharmed()
        assert IMAGE in desk.browser.text("body")
    desk.open_version("hostile", "1.0.0-rc.1+build.7")
    desk.browser.all("#listing summary")[0].click()
    desk.is_unharmed()
    page = desk.browser.text("#content")
    for shown in (SCRIPT, IMAGE, "=HYPERLINK(", "⟨U+202E⟩txet⟨U+200B⟩", "safe⟨U+202E⟩sj.exe", "{{ 7|add:'7' }}.txt"):
        assert shown in page
    assert "Unknown: no such permission exists" in page
    links = {link.get_attribute("href") for link in desk.browser.all("#content a")}
    assert all(link.startswith(f"{scene.url}/admin/") for link in links)
    assert len([link for link in links if "/files/" in link]) >= len(HOSTILE_FILES) - 1  # one looks like a folder
    assert desk.browser.all("#content img, #content script, #content form:not(.mk-decision)") == []


def test_no_file_runs_in_its_frame_nor_on_its_own(desk: ReviewerBrowser) -> None:
    desk.open_version("hostile", "1.0.0-rc.1+build.7")
    files = [link.get_attribute("href") for link in desk.browser.all(".mk-files a")]
    for link in desk.browser.all(".mk-files a"):
        desk.open_file(link)
        desk.is_unharmed()
    for url in files:
        desk.browser.open(url)
        desk.is_unharmed()
        assert desk.browser.all("script, img, svg, form, iframe, a") == []
        assert desk.browser.run("return window.origin") == "null"


def test_a_reviewers_whole_way(desk: ReviewerBrowser) -> None:
    desk.open_queue()
    desk.follow("Meeting Notes")
    assert "See the user’s calendar entries" in desk.browser.text("#permissions")
    desk.follow("README.md")
    desk.wait_for_frame("After each meeting a note")
    # Without a reason the browser does not send it.
    desk.press("Reject")
    assert "PENDING REVIEW" in desk.browser.text(".mk-title")
    desk.choose("reject-reason_code", "Sends or keeps data without saying so")
    desk.write("reject-notes", "Who was there is written down,\nand the description does not say so.")
    desk.press("Reject")
    desk.wait_for_text("meeting-notes 0.9.0 is rejected.")
    history = desk.browser.text("#history")
    assert "REJECTED" in history
    assert "by you" in history
    assert "@example.com" not in history
    assert "Who was there is written down,\nand the description does not say so." in history
    assert desk.browser.all("textarea") == []

    desk.follow("Next in the queue: focus-timer")
    desk.write("approve-notes", "Thank you for leaving the calendar out.")
    desk.press("Approve")
    desk.wait_for_text("focus-timer 1.6.0 is approved.")
    assert "APPROVED" in desk.browser.text(".mk-title")
    desk.follow("Take down or reinstate the plugin")
    assert desk.browser.text(".mk-title").split("\n") == ["Focus Timer", "1.6.0", "APPROVED"]
    assert "Thank you for leaving the calendar out." in desk.browser.text("#history")

    desk.write("take_down-reason", "It keeps the screen awake all night.")
    desk.press("Take down")
    desk.wait_for_text("focus-timer is taken down.")
    desk.write("reinstate-notes", "The author explained: only while it counts.")
    desk.press("Reinstate")
    desk.wait_for_text("focus-timer is live again.")
    assert "only while it counts" in desk.browser.text("#history")
    assert desk.complaints() == []


def test_two_reviewers_on_one_page_the_second_is_told(desk: ReviewerBrowser) -> None:
    desk.open_version("hostile", "1.0.0-rc.1+build.7")
    driver, url = desk.browser.driver, desk.browser.driver.current_url
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    desk.browser.open(url)
    desk.choose("reject-reason_code", "Harms users or their data")
    desk.press("Reject")
    desk.wait_for_text("hostile 1.0.0-rc.1+build.7 is rejected.")
    driver.close()
    driver.switch_to.window(first)
    desk.press("Approve")
    desk.wait_for_text("This version has already been decided on.")
    assert "REJECTED" in desk.browser.text(".mk-title")
