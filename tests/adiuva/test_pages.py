"""Every HTML page, found by walking the URLconf: what it may load, who may frame it, and that it needs no more."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from adiuva.server.middleware import ADMIN, BARE, SWAGGER
from marketplace.admin.base import PAGE_POLICY
from tests.support.months import Months

pytestmark = pytest.mark.django_db
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", re.IGNORECASE)
INLINE_HANDLER = re.compile(r"<[^>]+\son\w+=", re.IGNORECASE)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def every_path() -> Iterator[tuple[str, str]]:
    """(path with its parameters as in the URLconf, name) of all that is not the API's."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
        for one in patterns:
            route = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, route)
            elif isinstance(one, URLPattern):
                yield route, one.name or ""

    return ((route, name) for route, name in walk(get_resolver().url_patterns, "/") if not route.startswith("/api/"))


def fill_route(route: str) -> str:
    """With an object that is there, where the route is about one."""
    route = route.replace("^", "").replace("$", "")
    _, _, app, model, *_ = [*route.split("/"), "", "", "", ""]
    found = next((m for m in admin.site._registry if (m._meta.app_label, m._meta.model_name) == (app, model)), None)
    first = found._default_manager.first() if found else None
    key = str(first.pk) if first else "nothing"
    values = {"object_id": key, "path:object_id": key, "pk": key, "index": "0", "app_label": "accounts"}
    path = PARAMETER.sub(lambda match: values.get(match[1], "nothing"), route)
    return re.sub(r"\(\?P<app_label>[^)]*\)", "accounts", path)


@pytest.fixture
def root() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser(email="root@example.com"))
    return client


@pytest.fixture
def pages(root: Client) -> dict[str, Any]:
    """The answers of all routes that are HTML, by path; the service has something to show."""
    call_command("seed_demo", verbosity=0)
    Months(users=12).build()
    answers = {path: root.get(path) for path in sorted({fill_route(route) for route, _ in every_path()} | {"/nowhere"})}
    return {
        path: answer
        for path, answer in answers.items()
        if answer.headers.get("Content-Type", "").startswith("text/html") and answer.status_code != 302
    }


@pytest.mark.slow  # builds a whole service and opens every page
def test_every_page_has_the_headers(pages: dict[str, Any]) -> None:
    lists = [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry]
    assert len(lists) > 15
    assert {*lists, "/admin/", "/docs", "/nowhere", "/billing/done", "/plugins/onboarding/done"} <= {*pages}
    for path, answer in pages.items():
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert re.search(r"frame-ancestors '(none|self)'", policy), path
        assert "'unsafe-inline'" not in re.sub(r"style-src(-attr)? [^;]*", "", policy), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] in {"DENY", "SAMEORIGIN"}
        # Pages whose address holds a token tell it to nobody; that of passkeys holds none.
        has_token = path.startswith("/account/") and path != "/account/passkey"
        referrer = "no-referrer" if has_token else "same-origin"
        assert answer.headers["Referrer-Policy"] == referrer, path
        assert "camera=()" in answer.headers["Permissions-Policy"]


@pytest.mark.slow  # builds a whole service and opens every page
def test_each_kind_of_page_has_the_least_that_it_needs(pages: dict[str, Any]) -> None:
    by_policy = {path: answer.headers["Content-Security-Policy"] for path, answer in pages.items()}
    assert by_policy["/nowhere"] == BARE
    assert by_policy["/docs"] == SWAGGER
    assert by_policy["/admin/accounts/user/"] == by_policy["/admin/"] == ADMIN
    assert {policy for path, policy in by_policy.items() if path.startswith("/admin/")} >= {ADMIN, PAGE_POLICY}
    assert not any("unsafe-eval" in policy for path, policy in by_policy.items() if not path.startswith("/admin/"))


@pytest.mark.slow  # builds a whole service and opens every page
def test_no_page_has_a_script_a_style_or_a_handler_of_its_own(pages: dict[str, Any]) -> None:
    for path, answer in pages.items():
        page = answer.content.decode()
        if answer.status_code < 400:
            assert not INLINE_SCRIPT.findall(page), path
            assert "<style" not in page or path == "/docs", path
        assert not INLINE_HANDLER.findall(page), path


def test_an_answer_of_the_api_is_not_burdened(root: Client) -> None:
    headers = root.get("/api/v1/health").headers
    assert "Content-Security-Policy" not in headers
    assert "Permissions-Policy" not in headers


def test_the_login_page_has_them_too(client: Client) -> None:
    answer = client.get("/admin/login/")
    assert answer.headers["Content-Security-Policy"] == ADMIN
    assert "unfold-theme-colors" not in answer.content.decode()


def test_the_themes_variables_are_in_its_stylesheet() -> None:
    from django.contrib.staticfiles.finders import find
    from unfold.settings import CONFIG_DEFAULTS

    with open(find("adiuva/theme.css")) as file:  # type: ignore[arg-type]  # noqa: PTH123
        sheet = file.read()
    colors: Any = CONFIG_DEFAULTS["COLORS"]
    for name, weights in colors.items():
        for weight in weights:
            assert f"--color-{name}-{weight}:" in sheet


def test_sessions_last_a_working_day_and_their_cookies_stay_in_the_admin(settings: Any) -> None:
    User.objects.create_superuser(email="boss@example.com", password="a long enough one")
    browser = Client()
    browser.post("/admin/login/", {"username": "boss@example.com", "password": "a long enough one"})
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
        cookie = browser.cookies[name]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/admin/", "Strict", True)
    assert browser.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == 8 * 3600


@pytest.mark.thorough
def test_in_production_cookies_need_https(production: Any) -> None:
    cookie = httpx.get(f"{production.url}/admin/login/", timeout=30).headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/admin/"} <= {part.strip() for part in cookie.split(";")}


def test_there_is_an_icon(server: Any) -> None:
    answer = httpx.get(f"{server.url}/favicon.ico", timeout=30)
    assert answer.status_code == 200
    assert answer.content[:4] == b"\0\0\1\0"
    page = httpx.get(f"{server.url}/admin/login/", timeout=30).text
    (named,) = re.findall(r'<link rel="icon" href="([^"]+)"', page)
    assert httpx.get(f"{server.url}{named}", timeout=30).headers["Content-Type"] == "image/svg+xml"
