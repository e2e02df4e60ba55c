"""The admin's login in two steps in Chromium.

``SCREENSHOTS=docs/screenshots`` in the environment keeps what is seen.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyotp
import pytest

from tests.support.browser import Browser
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates

pytestmark = pytest.mark.browser
ROOT, PASSWORD = "root@example.com", "adiuva-demo-1"
BUILD = f"from accounts.models import User; User.objects.create_superuser(email={ROOT!r}, password={PASSWORD!r})"
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    """A new one, as in production: its superuser has a password and nothing else."""
    folder = tmp_path_factory.mktemp("staff")
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": new_database(f"adiuva_staff_{os.getpid()}", folder),
        "JWT_SECRET": "9a1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f1",
        "STAFF_REQUIRE_SECOND_FACTOR": "true",
    }
    running = RunningServer(folder=folder, env=environment)
    database_templates.migrate(running)
    running.manage("shell", "--verbosity=0", "-c", BUILD)
    running.start()
    yield running
    running.stop()
    drop_database(environment["DATABASE_URL"])


def look(browser: Browser, name: str) -> None:
    """Wide and narrow, light and dark."""
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        browser.colors(scheme)
        for width in (1280, 390):
            browser.width(width)
            assert browser.overflow() == 0, (name, scheme, width)
            if folder := os.environ.get("SCREENSHOTS"):
                assert browser.driver.save_screenshot(str(Path(folder) / f"{name}-{scheme}-{width}.png"))


def type_code(browser: Browser, code: str) -> None:
    (field,) = browser.all("#id_code")
    field.clear()
    field.send_keys(code)
    (button,) = browser.all("#login-form button[type=submit]")
    button.click()


def test_the_first_superuser_sets_a_factor_up_and_is_asked_for_it_from_then_on(
    browser: Browser, service: RunningServer
) -> None:
    browser.log_in(service.url, ROOT, PASSWORD, to="/admin/")
    browser.wait_for_title("Second factor")
    look(browser, "staff-set-up")
    app = pyotp.TOTP(browser.text("#secret"))
    type_code(browser, app.now())
    browser.text("#recovery-codes")
    assert len(browser.all("#recovery-codes li")) == 10
    look(browser, "staff-recovery-codes")
    (go_on,) = browser.all("a[href='/admin/']")
    go_on.click()
    browser.wait_for_title("Dashboard")
    browser.driver.delete_all_cookies()
    browser.log_in(service.url, ROOT, PASSWORD, to="/admin/")
    browser.wait_for_title("Second factor")
    type_code(browser, "wrong")
    browser.text(".errors")
    look(browser, "staff-second-factor")
    type_code(browser, app.at(int(time.time()) + 30))
    browser.wait_for_title("Dashboard")
    assert browser.complaints() == []
