"""Two real browsers with the TypeScript client's engine stay in step, through a cut network and a killed server.

Needs Chromium as well as Node; IndexedDB, WebSockets and ``navigator.locks`` are the browser's own.
"""

import secrets
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.static_pages import serve_pages
from tests.support.browser import Browser, is_installed
from tests.support.server import RunningServer
from tests.support.template_database import Templates

pytestmark = [pytest.mark.node, pytest.mark.skipif(not is_installed(), reason="needs chromium and chromedriver")]


ASK = """
const [call, ...given] = arguments;
const done = given.pop();
Promise.resolve(window.device[call](...given)).then((value) => done([value]), (error) => done(String(error)));
"""


@pytest.fixture(scope="module")
def pages(folder: Path) -> Iterator[str]:
    """The compiled client, served as ES modules."""
    with serve_pages(folder) as port:
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, pages: str, database_templates: Templates
) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("browsers")
    env = {
        "DATA_DIR": str(root / "data"),
        "DATABASE_URL": f"sqlite:///{root}/data/adiuva.sqlite3",
        "JWT_SECRET": secrets.token_hex(32),
        "CORS_ORIGINS": pages,
        "LLM_PRELOAD": "false",
    }
    (root / "data").mkdir()
    server = RunningServer(folder=root, env=env)
    database_templates.migrate(server)
    server.manage("seed_demo")
    server.start()
    yield server
    server.stop()


class Window:
    """A window of the app in a profile of its own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        browser.driver.set_script_timeout(30)
        browser.open(url)
        self.await_start()

    def await_start(self) -> None:
        self.browser.wait(lambda: self.browser.run("return window.device !== undefined"), message="the page's script")

    def ask(self, call: str, *arguments: str) -> Any:
        """What ``device.CALL`` comes to."""
        answer = self.browser.driver.execute_async_script(ASK, call, *arguments)
        assert isinstance(answer, list), answer
        return answer[0]

    def write(self, note: str, line: str) -> None:
        self.ask("write", note, line)

    def await_lines(self, note: str, *lines: str) -> None:
        def are_there() -> bool:
            return set((self.ask("contents").get(note) or "").split("\n")) == set(lines)

        self.browser.wait(are_there, message=f"{lines} in {self.ask('contents')}, {self.told('errors')}")

    def told(self, what: str) -> list[Any]:
        return list(self.browser.run(f"return window.device.{what}"))

    def online(self, is_online: bool) -> None:
        conditions = {"offline": not is_online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.browser.driver.execute_cdp_cmd("Network.enable", {})
        self.browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def test_two_browsers_stay_in_step(tmp_path: Path, pages: str, server: RunningServer) -> None:
    url = f"{pages}/test/pages/device.html?api={server.url}"
    with ExitStack() as open_browsers:
        laptop, phone = (
            Window(open_browsers.enter_context(Browser(tmp_path / name)), url) for name in ("laptop", "phone")
        )
        note, other, late = (str(uuid.uuid4()) for _ in range(3))

        # What is written in one is in the other, without being asked for.
        laptop.write(note, "milk")
        phone.await_lines(note, "milk")
        phone.write(note, "bread")
        laptop.await_lines(note, "milk", "bread")
        assert "changes" in laptop.told("hints")

        # The phone has no network, and then the server is killed; both go on writing, and the laptop is started anew.
        phone.online(False)
        phone.write(note, "tea")
        laptop.write(note, "coffee")
        laptop.browser.wait(lambda: laptop.ask("unsent") == 0, message="the laptop's note to be sent")
        server.stop(signal.SIGKILL)
        laptop.write(other, "written while the server was down")
        laptop.browser.driver.refresh()
        laptop.await_start()
        assert laptop.ask("unsent") == 1
        server.start()
        phone.online(True)
        for window in (laptop, phone):
            window.await_lines(note, "milk", "bread", "tea", "coffee")
            window.await_lines(other, "written while the server was down")

        # Two windows of one profile share the copy: nothing is sent twice, and one of them listens for both.
        driver = laptop.browser.driver
        first = driver.current_window_handle
        driver.switch_to.new_window("tab")
        second = Window(laptop.browser, url)
        second.write(late, "from the second window")
        phone.await_lines(late, "from the second window")
        assert second.told("hints") == []
        phone.ask("remove", late)
        second.await_lines(late, "")
        driver.close()
        driver.switch_to.window(first)
        laptop.write(other, "and after it")
        phone.await_lines(other, "written while the server was down", "and after it")

        assert laptop.ask("contents") == phone.ask("contents")
        assert is_on_the_server(server) == {note: 4, other: 2}


def is_on_the_server(server: RunningServer) -> dict[str, int]:
    """How often each note was written: what is sent twice, or merged twice, is one too many."""
    with httpx.Client(base_url=f"{server.url}/api/v1/", timeout=30) as client:
        login = {"email": "demo-pro@example.com", "password": "adiuva-demo-1"}
        token = client.post("auth/login", json=login).json()["access_token"]
        records = client.get("storage/records", headers={"Authorization": f"Bearer {token}"}).json()["items"]
    return {one["id"]: one["revision"] for one in records}
