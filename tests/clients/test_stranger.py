"""A stranger with the package's tarball and its README makes the page that the README tells of, word for word.

The page is built with Vite as its own template sets it up, and opened in Chromium: it registers, stores, talks, and
another device (the same page of another origin, which shares nothing with the first) has the note by synchronisation.
"""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.commands import npm
from tests.clients.static_pages import serve_pages
from tests.support.browser import Browser, is_installed
from tests.support.server import PROJECT_DIR, RunningServer
from tests.support.template_database import Templates

pytestmark = [pytest.mark.node, pytest.mark.skipif(not is_installed(), reason="needs chromium and chromedriver")]

PASSWORD = "a long sentence is best"
NOTE = "The spare key is under the geranium"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tarball: Path) -> Path:
    """What `npm create vite` and the README's `npm install` come to, and the README's files in it."""
    notes = tmp_path_factory.mktemp("stranger") / "notes"
    shutil.copytree(
        PROJECT_DIR / "tests/clients/stranger", notes, ignore=shutil.ignore_patterns("node_modules", "dist", "src")
    )
    npm(notes, "install", "--no-audit", "--no-fund", "--no-save", "--prefer-offline", str(tarball))
    for name, code in files_of((PROJECT_DIR / "clients/typescript/README.md").read_text()).items():
        file = notes / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
    return notes


def files_of(readme: str) -> dict[str, str]:
    """The blocks that say of which file they are, by its name."""
    return dict(re.findall(r"^<!-- file: (\S+) -->\n\n```\w+\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def pages(project: Path) -> Iterator[int]:
    """The port at which what Vite makes will be served, on every name of this machine."""
    dist = project / "dist"
    with serve_pages(dist) as port:
        yield port


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, project: Path, pages: int, database_templates: Templates
) -> Iterator[RunningServer]:
    """With the page built for it meanwhile."""
    root = tmp_path_factory.mktemp("server")
    (root / "data").mkdir()
    env = {
        "DATA_DIR": str(root / "data"),
        "DATABASE_URL": f"sqlite:///{root}/data/adiuva.sqlite3",
        "JWT_SECRET": secrets.token_hex(32),
        "CORS_ORIGINS": f"http://localhost:{pages},http://127.0.0.1:{pages}",
    }
    server = RunningServer(folder=root, env=env)
    (project / ".env").write_text(f"VITE_ADIUVA_URL={server.url}\n")
    with ThreadPoolExecutor() as pool:
        building = pool.submit(npm, project, "run", "--silent", "build")
        database_templates.migrate(server)
        server.start()
        building.result()
    yield server
    server.stop()


def test_the_readme_has_the_whole_page() -> None:
    files = files_of((PROJECT_DIR / "clients/typescript/README.md").read_text())
    assert set(files) == {"index.html", "src/main.ts"}


def test_the_page_registers_stores_talks_and_synchronises(tmp_path: Path, pages: int, server: RunningServer) -> None:
    email = f"{secrets.token_hex(4)}@example.com"
    with Browser(tmp_path / "profile") as browser:
        browser.open(f"http://localhost:{pages}/")
        enter(browser, email, "register")
        fill(browser, "#note", NOTE)
        browser.wait(lambda: notes(browser) == [NOTE], message=said(browser))

        fill(browser, "#question", "show my notes")
        browser.wait(lambda: NOTE in browser.all("#answer")[0].text, message=said(browser))

        # A free account has no room: the note is here, and goes up once there is a plan.
        first = browser.driver.current_window_handle
        browser.wait(lambda: browser.driver.find_element("id", "upgrade").is_displayed(), message=said(browser))
        browser.driver.find_element("id", "upgrade").click()
        browser.wait(lambda: len(browser.driver.window_handles) == 2, message="the page of the checkout")
        browser.driver.switch_to.window(browser.driver.window_handles[1])
        browser.wait_for_text("Test mode")
        browser.driver.find_element("css selector", "button[type=submit]").click()
        browser.wait(lambda: not browser.all("form[method=post]"), message="the end of the checkout")
        browser.driver.close()
        browser.driver.switch_to.window(first)
        browser.wait(lambda: not browser.driver.find_element("id", "upgrade").is_displayed(), message=said(browser))

        # Another tab of this browser: nobody is asked for a password, and the copy is the same.
        browser.driver.switch_to.new_window("tab")
        browser.open(f"http://localhost:{pages}/")
        browser.wait(lambda: notes(browser) == [NOTE], message=said(browser))
        browser.driver.close()
        browser.driver.switch_to.window(first)

        # Another device.
        browser.driver.switch_to.new_window("tab")
        browser.open(f"http://127.0.0.1:{pages}/")
        assert notes(browser) == []
        enter(browser, email, "login")
        browser.wait(lambda: notes(browser) == [NOTE], message=said(browser))
        fill(browser, "#note", "Water the ficus")
        both = sorted([NOTE, "Water the ficus"])
        browser.wait(lambda: sorted(notes(browser)) == both, message=said(browser))

        browser.driver.switch_to.window(first)
        written = time.monotonic()
        browser.wait(lambda: sorted(notes(browser)) == both, message=said(browser))
        assert time.monotonic() - written < 10  # by a hint, and not by the look at the feed every five minutes
        assert browser.text("#connection") == "online"
        assert not [line for line in browser.complaints() if "favicon" not in line and "402" not in line]
    kept = [file for file in (Path(server.env["DATA_DIR"])).rglob("*") if file.is_file()]
    assert not [file for file in kept if NOTE.encode() in file.read_bytes()]


def enter(browser: Browser, email: str, way: str) -> None:
    for name, text in (("email", email), ("password", PASSWORD)):
        browser.driver.find_element("css selector", f"#account [name={name}]").send_keys(text)
    browser.driver.find_element("css selector", f"#account [value={way}]").click()
    browser.wait(lambda: browser.driver.find_element("id", "app").is_displayed(), message=said(browser))


def fill(browser: Browser, form: str, text: str) -> None:
    field = browser.driver.find_element("css selector", f"{form} [name=text]")
    field.clear()
    field.send_keys(text)
    browser.driver.find_element("css selector", f"{form} button").click()


def notes(browser: Browser) -> list[str]:
    return [str(item.text) for item in browser.all("#notes li")]


def said(browser: Browser) -> str:
    """What the page shows, for a test that fails."""
    return str(browser.run("return document.body.innerText"))
