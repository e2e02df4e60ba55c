"""The admin in Chromium: what it looks like, and that its policy keeps nothing from working.

``SCREENSHOTS=docs/screenshots`` in the environment keeps what is seen.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from django.contrib import admin

from tests.support.browser import Browser
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates

pytestmark = pytest.mark.browser
ROOT, PASSWORD = "root@example.com", "adiuva-demo-1"
BUILD = f"""
from django.core.management import call_command
from accounts.models import User
from tests.support.months import Months
call_command("seed_demo", verbosity=0)
User.objects.create_superuser(email={ROOT!r}, password={PASSWORD!r})
Months(users=140).build()
"""
Scheme = Literal["light", "dark"]
LISTS = sorted(f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry)
# A hint of the browser's about a form of Django's.
HINTS = ("Input elements should have autocomplete",)


def serve(folder: Path, build: str, database_templates: Templates) -> Iterator[RunningServer]:
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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    """With some months behind it."""
    yield from serve(tmp_path_factory.mktemp("months"), BUILD, database_templates)


@pytest.fixture(scope="module")
def new_service(tmp_path_factory: pytest.TempPathFactory, database_templates: Templates) -> Iterator[RunningServer]:
    build = f"from accounts.models import User; User.objects.create_superuser(email={ROOT!r}, password={PASSWORD!r})"
    yield from serve(tmp_path_factory.mktemp("new"), build, database_templates)


@pytest.fixture
def root(browser: Browser, service: RunningServer) -> Browser:
    log_in(browser, service)
    return browser


def log_in(browser: Browser, service: RunningServer) -> None:
    browser.log_in(service.url, ROOT, PASSWORD, to="/admin/")
    browser.wait_for_title("Dashboard")
    assert trouble(browser) == []


def trouble(browser: Browser) -> list[str]:
    return [one for one in browser.complaints() if not any(hint in one for hint in HINTS)]


def keep(browser: Browser, name: str, width: int) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        browser.picture(Path(folder) / f"{name}.png", width=width)


def is_dark(browser: Browser) -> bool:
    return bool(browser.run("return document.documentElement.classList.contains('dark')"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_is_readable_wide_and_narrow(root: Browser, service: RunningServer, scheme: Scheme) -> None:
    root.colors(scheme)
    for width in (1280, 390):
        root.width(width)
        root.open(f"{service.url}/admin/")
        assert is_dark(root) is (scheme == "dark")
        assert root.overflow() == 0, width
        assert len(root.all(".dash-tile")) == 5
        assert len(root.all(".dash-card")) == 7
        smallest = root.run(
            "return Math.min(...[...document.querySelectorAll('.dash text, .dash-card *')]"
            ".filter(one => one.textContent.trim()).map(one => parseFloat(getComputedStyle(one).fontSize)))"
        )
        assert smallest >= 11
        keep(root, f"dashboard-{scheme}" if width == 1280 else f"dashboard-{scheme}-phone", width)
    assert trouble(root) == []


def test_a_new_service_has_a_page_to_look_at(browser: Browser, new_service: RunningServer) -> None:
    log_in(browser, new_service)
    for scheme in ("dark", "light"):
        browser.colors(scheme)
        browser.width(1280)
        browser.open(f"{new_service.url}/admin/")
        assert "Nothing has come in for 12 months." in browser.text("#revenue")
        assert "the queue is empty" in browser.text("#pending-reviews")
        keep(browser, f"dashboard-empty-{scheme}", 1280)
        keep(browser, f"dashboard-empty-{scheme}-phone", 390)
    assert trouble(browser) == []


def test_a_number_a_bar_and_a_column_lead_to_their_lists(root: Browser, service: RunningServer) -> None:
    from selenium.webdriver import ActionChains

    def rows() -> int:
        return int(root.run("return document.querySelectorAll('#result_list tbody tr').length"))

    (tile,) = root.all("#past-due a")
    expected = int(str(tile.get_attribute("data-rows")))
    tile.click()
    root.wait_for_title("subscription")
    assert rows() == expected > 0
    root.open(f"{service.url}/admin/")
    (summary,) = root.all("#new-users summary")
    summary.click()
    number = max(root.all("#new-users td a"), key=lambda one: int(str(one.get_attribute("data-rows"))))
    expected = int(str(number.get_attribute("data-rows")))
    number.click()
    root.wait_for_title("user")
    assert rows() == expected > 0
    root.open(f"{service.url}/admin/")
    last_day = root.all("#turns .dash-hit")[-1]
    ActionChains(root.driver).scroll_to_element(last_day).move_to_element(last_day).click().perform()
    root.wait_for_title("usage")
    assert trouble(root) == []


def test_the_keyboard_reaches_every_number_and_sees_where_it_is(root: Browser) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    root.run("document.querySelector('#pending-reviews a').focus()")
    seen = []
    for _ in range(7):
        ActionChains(root.driver).send_keys(Keys.TAB).perform()
        seen.append(root.run("return document.activeElement.closest('[id]').id"))
        assert root.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert seen[:5] == ["operator-alerts", "past-due", "payouts-failing", "payouts-waiting", "users-by-tier"]
    assert root.run("return document.activeElement.closest('svg')") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_its_text_stands_out(root: Browser, service: RunningServer, scheme: Scheme) -> None:
    root.colors(scheme)
    root.open(f"{service.url}/admin/")
    root.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    weak: Any = root.run(_CONTRASTS)
    assert weak["checked"] > 100
    assert weak["weak"] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_of_the_admin_breaks_its_policy_or_its_window(
    root: Browser, service: RunningServer, width: int
) -> None:
    root.width(width)
    changes = []
    for path in [*LISTS, "/admin/auth/group/add/", "/admin/password_change/", "/admin/accounts/"]:
        root.open(service.url + path)
        assert trouble(root) == [], path
        assert root.overflow() == 0, path
        if links := root.all("#result_list tbody th a, #result_list tbody td a"):
            changes.append(str(links[0].get_attribute("href")))
    assert len(changes) > 10
    for address in changes:
        root.open(address)
        assert trouble(root) == [], address
        assert root.overflow() == 0, address


def test_its_parts_work_under_the_policy(root: Browser, service: RunningServer) -> None:
    root.width(1280)
    root.open(f"{service.url}/admin/billing/subscription/")
    assert not root.run("return !!document.querySelector('[x-cloak]')")  # Alpine has run
    root.run("[...document.querySelectorAll('a, button')].find(one => one.innerText.startsWith('Filters')).click()")
    wait(root, "return !!document.querySelector('#changelist-filter') || document.body.innerText.includes('By status')")
    root.open(f"{service.url}/admin/billing/operatoralert/")
    for box in root.all("#result_list tbody input[type=checkbox]")[:2]:
        box.click()
    wait(root, "return !![...document.querySelectorAll('select[name=action]')].find(one => one.offsetParent)")
    root.open(f"{service.url}/admin/auth/group/add/")
    wait(root, "return document.querySelectorAll('.selector').length > 0")  # Django's own script
    root.run("const picker = document.querySelector('[x-on\\\\:click*=\"switchTheme(\\'dark\\')\"]'); picker.click()")
    wait(root, "return document.documentElement.classList.contains('dark')")
    root.run("localStorage.clear()")
    assert trouble(root) == []


@pytest.mark.parametrize("path", ["/docs", "/nowhere", "/billing/done", "/plugins/onboarding/again"])
def test_other_pages_keep_their_policies_too(browser: Browser, service: RunningServer, path: str) -> None:
    browser.open(service.url + path)
    if path == "/docs":
        wait(browser, "return document.querySelectorAll('.opblock-tag').length > 10")
        browser.run("document.querySelector('.opblock-tag').click()")
        wait(browser, "return document.querySelectorAll('.opblock').length > 20")
    assert [one for one in trouble(browser) if "404" not in one] == []


def wait(browser: Browser, script: str) -> None:
    browser.wait(lambda: browser.run(script), message=script)


# WCAG 2.2, 1.4.3, of all text on the page; a canvas makes any way of naming a colour red, green, blue and alpha.
_CONTRASTS = """
const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
    .getContext("2d", {willReadFrequently: true});
const painted = (colors) => {
    pen.clearRect(0, 0, 1, 1);
    for (const one of colors) { pen.fillStyle = one; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const linear = (share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
const luminance = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
const weak = [];
let checked = 0;
for (const one of document.querySelectorAll(".dash text, .dash *:not(svg *)")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || one.classList.contains("material-symbols-outlined")) continue;
    const style = getComputedStyle(one), grounds = [];
    for (let up = one; up; up = up.parentElement) grounds.unshift(getComputedStyle(up).backgroundColor);
    const ink = one instanceof SVGElement ? style.fill : style.color;
    const both = [luminance(painted(grounds)), luminance(painted([...grounds, ink]))].sort((a, b) => b - a);
    const ratio = (both[0] + 0.05) / (both[1] + 0.05);
    checked += 1;
    if (ratio < 4.5) weak.push([one.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
}
return {checked, weak};
"""
