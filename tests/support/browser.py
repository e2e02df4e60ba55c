"""Chromium without a window, for what only a browser shows."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tests.support.pictures import remember

PROGRAMS = ("chromium", "chromedriver")
PATIENCE_SECONDS = 60


def is_installed() -> bool:
    return all(shutil.which(program) for program in PROGRAMS)


class Browser:
    """``driver`` is selenium's, for whatever this class does not say shortly."""

    def __init__(self, folder: Path) -> None:
        from selenium.webdriver import Chrome, ChromeOptions, ChromeService

        options = ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for argument in (
            "--headless=new",
            "--no-sandbox",  # CI runs as root, where Chromium's own does not work
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--window-size=1000,1000",
            f"--user-data-dir={folder}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # A path of our own: selenium would look for a driver to download.
        self.driver: Chrome = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(120)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.driver.quit()

    def forget(self) -> None:
        self.driver.get("about:blank")
        # Selenium's own way sees those of the open page only, and about:blank has none.
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.width(1000)
        self.colors("light")
        self.complaints()

    def open(self, url: str) -> None:
        self.driver.get(url)

    def colors(self, scheme: Literal["light", "dark"]) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def width(self, pixels: int) -> None:
        metrics = {"width": pixels, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        """Of the first such element, once there is one."""
        texts: list[str] = []

        def read() -> bool:
            texts.append(str(self.driver.find_element("css selector", selector).text))
            return True

        self.wait(read, message=selector)
        return texts[-1]

    def wait(self, condition: Callable[[], object], *, message: str) -> None:
        """Until ``condition`` holds; an error of the driver's is no answer yet.

        While one page takes another's place, Chromium's driver says so in several ways, some of them with no class but
        the general one ("Node with given id does not belong to the document").

        Raises:
            TimeoutException: it did not hold for 15 s; ``message`` is in it.
        """
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, PATIENCE_SECONDS, ignored_exceptions=[WebDriverException]).until(
            lambda _: condition(), message=message
        )

    def wait_for_title(self, part: str) -> None:
        """And for the end of the page it stands on."""
        complete = "return document.readyState === 'complete'"
        self.wait(lambda: part in self.driver.title and self.run(complete), message=part)

    def wait_for_text(self, part: str, selector: str = "body") -> None:
        self.wait(
            lambda: part in self.driver.find_element("css selector", selector).text, message=f"{part} in {selector}"
        )

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.run(script))

    def log_in(self, url: str, email: str, password: str, *, to: str) -> None:
        """Into the admin of the server at ``url``, where the page ``to`` follows."""
        self.open(f"{url}/admin/login/?next={to}")
        for name, text in (("username", email), ("password", password)):
            self.driver.find_element("name", name).send_keys(text)
        self.all("button[type=submit]")[0].click()

    def picture(self, path: Path, *, width: int, height: int | None = None) -> None:
        """The whole page, however long, or its beginning."""
        bottom = "return document.querySelector('#content').getBoundingClientRect().bottom + window.scrollY"
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        metrics["height"] = height or max(900, int(self.run(bottom)) + 16)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert self.driver.save_screenshot(str(path))
        remember(path)

    def complaints(self) -> list[str]:
        """What the console holds since the last look: script errors, what a policy blocked, what did not load."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]
