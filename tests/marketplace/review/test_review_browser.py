"""A reviewer at work, in Chromium. ``SCREENSHOTS=docs/screenshots`` in the environment keeps what is seen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.marketplace.review.reviewer_browser import ReviewerBrowser, serve
from tests.marketplace.review.sample_queue import HOSTILE_FILES, IMAGE, SCRIPT
from tests.support.browser import Browser
from tests.support.server import RunningServer
from tests.support.template_database import Templates

pytestmark = pytest.mark.browser

BUILD = "from tests.marketplace.review.sample_queue import build; build()"
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def sample_server(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    """A server with submissions of its own."""
    yield from serve(tmp_path_factory.mktemp("review"), BUILD, database_templates)


@pytest.fixture
def reviewer(browser: Browser, sample_server: RunningServer) -> ReviewerBrowser:
    reviewer = ReviewerBrowser(browser, sample_server.url)
    reviewer.log_in()
    return reviewer


def keep(reviewer: ReviewerBrowser, name: str, width: int = 1400, height: int | None = None) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        reviewer.browser.picture(Path(folder) / f"{name}.png", width=width, height=height)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_follow_the_theme_and_fit_wide_and_narrow(reviewer: ReviewerBrowser, scheme: Scheme) -> None:
    reviewer.browser.colors(scheme)
    reviewer.browser.width(1400)
    reviewer.open_queue()
    assert reviewer.is_dark() is (scheme == "dark")
    keep(reviewer, f"review-queue-{scheme}")
    keep(reviewer, f"review-queue-{scheme}-phone", 390, 1000)
    reviewer.browser.width(1400)
    reviewer.follow("Focus Timer")
    assert reviewer.is_dark() is (scheme == "dark")
    assert reviewer.background("iframe") == reviewer.background("") == ("dark" if scheme == "dark" else "light")
    keep(reviewer, f"review-page-{scheme}")
    for width in (1400, 1000, 390):
        reviewer.browser.width(width)
        assert reviewer.browser.overflow() == 0, width
    assert reviewer.complaints() == []


def test_what_waits_is_on_top_and_each_page_has_what_one_decides_by(reviewer: ReviewerBrowser) -> None:
    reviewer.open_queue()
    waiting = [row for row in reviewer.rows() if "PENDING REVIEW" in row]
    assert waiting
    assert reviewer.rows()[: len(waiting)] == waiting
    reviewer.open_version("focus-timer", "1.6.0")
    added = [row.text for row in reviewer.browser.all(".mk-added")]
    assert len(added) == 2
    assert added[0].startswith("Create, change and delete the user’s tasks")
    assert "€2.99" in reviewer.browser.text(".mk-changed ins")
    assert "Focus Tlmer" in reviewer.browser.text("#checks .mk-evidence")  # open, because the check has failed
    assert "Asks for more permissions than it needs" in reviewer.browser.text("#history")
    assert "demo-power@example.com" not in reviewer.browser.driver.page_source


def test_files_are_read_one_after_the_other_beside_their_list(reviewer: ReviewerBrowser) -> None:
    reviewer.open_version("focus-timer", "1.6.0")
    assert "export function activate" in reviewer.frame_text()  # the entrypoint, at once
    reviewer.follow("lib/summarize.js")
    reviewer.wait_for_frame("const LIMIT = 400;")
    reviewer.follow("icon.png")
    reviewer.wait_for_frame("This file is not")
    assert reviewer.browser.driver.current_url.partition("?")[0].endswith("/change/")
    assert reviewer.complaints() == []


def test_nothing_that_an_author_writes_runs_or_looks_like_ours(
    reviewer: ReviewerBrowser, sample_server: RunningServer
) -> None:
    hostile = ["/admin/marketplace/pluginversion/", "/admin/marketplace/plugin/"]
    hostile += ["/admin/marketplace/pluginversion/?q=hostile", "/admin/marketplace/plugin/hostile/change/"]
    for path in hostile:
        reviewer.browser.open(sample_server.url + path)
        reviewer.is_unharmed()
        assert IMAGE in reviewer.browser.text("body")
    reviewer.open_version("hostile", "1.0.0-rc.1+build.7")
    reviewer.browser.all("#listing summary")[0].click()
    reviewer.is_unharmed()
    page = reviewer.browser.text("#content")
    for shown in (SCRIPT, IMAGE, "=HYPERLINK(", "⟨U+202E⟩txet⟨U+200B⟩", "safe⟨U+202E⟩sj.exe", "{{ 7|add:'7' }}.txt"):
        assert shown in page
    assert "Unknown: no such permission exists" in page
    links = {link.get_attribute("href") for link in reviewer.browser.all("#content a")}
    assert all(link.startswith(f"{sample_server.url}/admin/") for link in links)
    assert len([link for link in links if "/files/" in link]) >= len(HOSTILE_FILES) - 1  # one looks like a folder
    ours = "[action^='/admin/marketplace/pluginversion/'], [method=dialog]"
    assert reviewer.browser.all(f"#content img, #content script, #content form:not({ours})") == []


def test_no_file_runs_in_its_frame_nor_on_its_own(reviewer: ReviewerBrowser) -> None:
    reviewer.open_version("hostile", "1.0.0-rc.1+build.7")
    files = [link.get_attribute("href") for link in reviewer.browser.all(".mk-files a")]
    for link in reviewer.browser.all(".mk-files a"):
        reviewer.open_file(link)
        reviewer.is_unharmed()
    for url in files:
        reviewer.browser.open(url)
        reviewer.is_unharmed()
        assert reviewer.browser.all("script, img, svg, form, iframe, a") == []
        assert reviewer.browser.run("return window.origin") == "null"


def test_a_reviewers_whole_way(reviewer: ReviewerBrowser) -> None:
    reviewer.open_queue()
    reviewer.follow("Meeting Notes")
    assert "See the user’s calendar entries" in reviewer.browser.text("#permissions")
    reviewer.follow("README.md")
    reviewer.wait_for_frame("After each meeting a note")
    # Without a reason the browser does not send it.
    reviewer.press("Reject")
    assert "PENDING REVIEW" in reviewer.browser.text(".mk-title")
    reviewer.choose("reject-reason_code", "Sends or keeps data without saying so")
    reviewer.write("reject-notes", "Who was there is written down,\nand the description does not say so.")
    reviewer.press("Reject")
    reviewer.wait_for_text("meeting-notes 0.9.0 is rejected.")
    reviewer.browser.wait_for_title("focus-timer 1.6.0")  # the next one
    reviewer.follow("Look at it again")
    history = reviewer.browser.text("#history")
    assert "REJECTED" in history
    assert "by you" in history
    assert "@example.com" not in history
    assert "Who was there is written down,\nand the description does not say so." in history
    assert reviewer.browser.all(".mk-side textarea") == []

    reviewer.open_version("focus-timer", "1.6.0")
    assert "claimed by you" in reviewer.browser.text(".mk-id")
    reviewer.write("approve-notes", "Thank you for leaving the calendar out.")
    reviewer.press("Approve")
    reviewer.wait_for_text("focus-timer 1.6.0 is approved.")
    assert "APPROVED" in reviewer.browser.text(".mk-title")
    reviewer.follow("Take down or reinstate the plugin")
    assert reviewer.browser.text(".mk-title").split("\n") == ["Focus Timer", "1.6.0", "APPROVED"]
    assert "Thank you for leaving the calendar out." in reviewer.browser.text("#history")

    reviewer.write("take_down-reason", "It keeps the screen awake all night.")
    reviewer.press("Take down")
    reviewer.wait_for_text("focus-timer is taken down.")
    reviewer.write("reinstate-notes", "The author explained: only while it counts.")
    reviewer.press("Reinstate")
    reviewer.wait_for_text("focus-timer is reinstated.")
    assert "only while it counts" in reviewer.browser.text("#history")
    assert reviewer.complaints() == []


def test_two_reviewers_on_one_page_the_second_is_told(reviewer: ReviewerBrowser) -> None:
    reviewer.open_version("hostile", "1.0.0-rc.1+build.7")
    driver, url = reviewer.browser.driver, reviewer.browser.driver.current_url
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    reviewer.browser.open(url)
    reviewer.choose("reject-reason_code", "Harms users or their data")
    reviewer.press("Reject")
    reviewer.wait_for_text("hostile 1.0.0-rc.1+build.7 is rejected.")
    driver.close()
    driver.switch_to.window(first)
    reviewer.press("Approve")
    reviewer.wait_for_text("This version has already been decided on.")
    assert "REJECTED" in reviewer.browser.text(".mk-title")
