"""A plugin from its submission to its developer's earnings: the real server, its admin, and its stub of Stripe."""

import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.contract import CHECKED
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

PASSWORD = "a long sentence is best"
REVIEWER, REVIEWERS_PASSWORD = "reviewer@example.com", "adiuva-demo-1"
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Person:
    def __init__(self, server: RunningServer, *, tier: str) -> None:
        self.email = f"{uuid.uuid4().hex[:12]}@example.com"
        told = {"email": self.email, "password": PASSWORD}
        tokens = httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).json()
        server.manage("set_tier", self.email, tier)
        server.manage("verify_email", self.email)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        self.http = httpx.Client(base_url=f"{server.url}/api/v1/", headers=bearer, timeout=30, event_hooks=CHECKED)


@pytest.fixture
def developer(server: RunningServer) -> Iterator[Person]:
    person = Person(server, tier="team")
    with person.http:
        yield person


@pytest.fixture
def buyer(server: RunningServer) -> Iterator[Person]:
    person = Person(server, tier="power")
    with person.http:
        yield person


@pytest.fixture
def reviewer(server: RunningServer) -> Iterator[httpx.Client]:
    """Logged in to the admin, as a browser would be."""
    server.manage("seed_demo")
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as browser:
        form = CSRF.search(browser.get("/admin/login/").text)
        assert form is not None
        sent = {"username": REVIEWER, "password": REVIEWERS_PASSWORD, "csrfmiddlewaretoken": form[1], "next": "/admin/"}
        assert browser.post("/admin/login/", data=sent, headers={"Referer": server.url}).status_code == 200
        yield browser


def package_of(code: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.js", code)
    return packed.getvalue()


def test_a_plugins_life(developer: Person, buyer: Person, reviewer: httpx.Client) -> None:
    slug = f"focus-{uuid.uuid4().hex[:8]}"
    manifest: dict[str, Any] = {
        "id": slug,
        "name": f"Focus {slug[-8:]}",
        "version": "1.0.0",
        "description": "Hides what is not due today.",
        "category": "Productivity",
        "price_cents": 333,
        "permissions": ["read:tasks"],
        "entrypoint": "main.js",
    }
    package = package_of("export function activate(app) { return app.tasks.list(); }\n")

    # The developer submits it. Nobody else sees it yet.
    form: dict[str, tuple[str, str | bytes, str]] = {
        "manifest": ("manifest.json", json.dumps(manifest), "application/json"),
        "package": ("p.zip", package, "application/zip"),
    }
    submitted = developer.http.post("plugins", files=form)
    assert submitted.status_code == 201, submitted.text
    assert submitted.json()["status"] == "pending_review"
    assert buyer.http.get(f"plugins/{slug}").status_code == 404

    # A reviewer opens the oldest submission that waits, and approves it.
    queue = reviewer.get("/admin/marketplace/pluginversion/").text
    assert slug in queue
    row = re.search(
        rf"/admin/marketplace/pluginversion/([0-9a-f-]{{36}})/change/[^>]*>(?:(?!</tr>).)*{slug}", queue, re.DOTALL
    )
    assert row is not None
    page = reviewer.get(f"/admin/marketplace/pluginversion/{row[1]}/change/")
    token = CSRF.search(page.text)
    assert token is not None
    decided = reviewer.post(
        f"/admin/marketplace/pluginversion/{row[1]}/approve/",
        data={"csrfmiddlewaretoken": token[1], "notes": "Small and tidy."},
        headers={"Referer": str(page.url)},
    )
    assert f"{slug} 1.0.0 is approved" in decided.text
    [mine] = developer.http.get("plugins/mine").json()["items"]
    assert mine["status"] == "approved"

    # It is found, paid for on the page that the server plays, and installed.
    found = buyer.http.get("plugins", params={"q": manifest["name"]}).json()["items"]
    assert [item["id"] for item in found] == [slug]
    wanted = buyer.http.post(f"plugins/{slug}/install")
    assert (wanted.status_code, wanted.json()["code"]) == (402, "payment_required")
    paid = httpx.post(
        wanted.json()["checkout_url"].replace("localhost", "127.0.0.1"), timeout=30, follow_redirects=True
    )
    assert paid.status_code == 200
    installed = buyer.http.post(f"plugins/{slug}/install")
    assert installed.status_code == 200
    assert installed.json()["amount_cents"] == 333

    # The package is what was sent, and the buyer says what they think of it.
    downloaded = buyer.http.get(f"plugins/{slug}/package")
    assert downloaded.content == package
    assert downloaded.headers["X-Checksum"] == hashlib.sha256(package).hexdigest()
    assert buyer.http.put(f"plugins/{slug}/rating", json={"stars": 4}).status_code == 200

    # The developer has seventy per cent of it, rounded down, and nobody lost a cent.
    earned = developer.http.get("plugins/earnings").json()
    assert (earned["gross_cents"], earned["developer_share_cents"], earned["platform_share_cents"]) == (333, 233, 100)
    assert earned["sales"] == 1

    # What was bought stays bought.
    assert buyer.http.delete(f"plugins/{slug}/install").status_code == 204
    assert buyer.http.get(f"plugins/{slug}/package").status_code == 403
    assert buyer.http.post(f"plugins/{slug}/install").status_code == 201
    assert developer.http.get("plugins/earnings").json()["gross_cents"] == 333
