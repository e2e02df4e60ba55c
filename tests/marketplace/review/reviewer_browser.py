"""A reviewer's browser, as they use it: they click what is written on a page."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.browser import Browser
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates

REVIEWER, PASSWORD = "reviewer@example.com", "adiuva-demo-1"
QUEUE = "/admin/marketplace/pluginversion/"
LIGHT_FROM = 128  # of 255


def serve(folder: Path, build: str, database_templates: Templates) -> Iterator[RunningServer]:
    """A server whose own database ``build`` has filled, a line of Python."""
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": new_database(f"adiuva_{folder.name}_{os.getpid()}".replace("-", "_"), folder),
        "JWT_SECRET": "9a1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f1",
    }
    running = RunningServer(folder=folder, env=environment)
    database_templates.migrate(running)
    running.manage("shell", "--verbosity=0", "-c", build)
    running.start()
    yield running
    running.stop()
    drop_database(environment["DATABASE_URL"])


class ReviewerBrowser:
    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url

    def log_in(self) -> None:
        """At a desk: on a narrow page a bar at the bottom lies over what a click may aim at."""
        self.browser.width(1400)
        self.browser.log_in(self.url, REVIEWER, PASSWORD, to=QUEUE)
        self.browser.wait_for_title("submission")
        self.complaints()

    def open_queue(self) -> None:
        self.browser.open(self.url + QUEUE)

    def open_version(self, slug: str, version: str) -> None:
        self.browser.open(f"{self.url}{QUEUE}?q={slug}")
        for row in self.browser.all("#result_list tbody tr"):
            if version in row.text:
                row.find_element("css selector", "a").click()
                self.browser.wait_for_title(f"{slug} {version}")
                return
        raise AssertionError(f"{slug} {version} is not in the queue")

    def rows(self) -> list[str]:
        return [row.text for row in self.browser.all("#result_list tbody tr")]

    def follow(self, text: str) -> None:
        """The first such link, to the end of the page it leads to; one into the frame is only clicked."""
        link = self._wait_for_one(lambda: self.browser.driver.find_elements("partial link text", text)[:1], text)
        leads_away = not link.get_attribute("target")
        self.browser.run("window.isBehindUs = true")
        link.click()
        if leads_away:
            there = "return !window.isBehindUs && document.readyState === 'complete'"
            self.browser.wait(lambda: self.browser.run(there), message=f"the page behind {text}")

    def press(self, text: str) -> None:
        """The button with that text; the key beside it is not part of its name."""

        def named() -> list[Any]:
            return [one for one in self.browser.all("#content button") if one.text and self._name(one) == text]

        self._wait_for_one(named, text).click()

    def _name(self, button: Any) -> str:
        script = "return [...arguments[0].childNodes].filter((one) => one.nodeName !== 'KBD')"
        return str(self.browser.run(f"{script}.map((one) => one.textContent).join('').trim()", button))

    def keys(self, *keys: str) -> None:
        """Typed into whatever has the focus."""
        from selenium.webdriver import ActionChains

        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def send_form(self) -> None:
        """Ctrl and Enter."""
        from selenium.webdriver import ActionChains, Keys

        chain = ActionChains(self.browser.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER)
        chain.key_up(Keys.CONTROL).perform()

    def field(self, name: str) -> Any:
        return self._wait_for_one(lambda: self.browser.all(f"[name='{name}']"), name)

    def _wait_for_one(self, look: Callable[[], list[Any]], message: str) -> Any:
        """The only one, once there is one."""
        found: list[Any] = []

        def is_there() -> bool:
            found[:] = look()
            return len(found) == 1

        self.browser.wait(is_there, message=message)
        return found[0]

    def write(self, name: str, text: str) -> None:
        self.field(name).send_keys(text)

    def choose(self, name: str, label: str) -> None:
        from selenium.webdriver.support.select import Select

        texts = [option.text for option in Select(self.field(name)).options]
        [text] = [text for text in texts if text.endswith(label)]  # a key may stand before it
        Select(self.field(name)).select_by_visible_text(text)

    def wait_for_text(self, text: str) -> None:
        self.browser.wait_for_text(text)

    def frame_text(self) -> str:
        driver = self.browser.driver
        driver.switch_to.frame("file")
        try:
            return str(driver.find_element("css selector", "body").text)
        finally:
            driver.switch_to.default_content()

    def open_file(self, link: Any) -> None:
        """In the frame, to the end of it."""
        url = link.get_attribute("href")
        link.click()
        self.browser.wait(lambda: self._frame_url() == url, message=url)

    def _frame_url(self) -> str:
        driver = self.browser.driver
        driver.switch_to.frame("file")
        try:
            return str(self.browser.run("return document.readyState === 'complete' ? location.href : ''"))
        finally:
            driver.switch_to.default_content()

    def wait_for_frame(self, text: str) -> None:
        self.browser.wait(lambda: text in self.frame_text(), message=text)

    def is_unharmed(self) -> None:
        """No script of an author's has run, or was kept from it by the page's policy only."""
        assert self.browser.run("return typeof window.owned") == "undefined"
        assert self.browser.driver.title != "owned"
        assert self.complaints() == []

    def complaints(self) -> list[str]:
        return self.browser.complaints()

    def is_dark(self) -> bool:
        return bool(self.browser.run("return document.documentElement.classList.contains('dark')"))

    def background(self, frame: str) -> str:
        """Of the page, or of the file in its frame."""
        script = "return getComputedStyle(arguments[0]).backgroundColor"
        driver = self.browser.driver
        if frame:
            driver.switch_to.frame("file")
        try:
            color = self.browser.run(_LUMA, self.browser.run(script, self.browser.all("body" if frame else "#main")[0]))
        finally:
            driver.switch_to.default_content()
        return "light" if color >= LIGHT_FROM else "dark"


# A browser names colours in several ways; a canvas makes them red, green and blue.
_LUMA = """
const pen = document.createElement("canvas").getContext("2d");
pen.fillStyle = arguments[0];
pen.fillRect(0, 0, 1, 1);
const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
return 0.299 * red + 0.587 * green + 0.114 * blue;
"""
