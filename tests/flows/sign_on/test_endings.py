"""How a company takes back what it has given: it enforces its provider, logs out there, and its directory lets go."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fakes.oidc_provider_node.process import NodeProvider
from tests.flows.sign_on.apps import App, PlainBrowser, Tokens, sign_in_with
from tests.flows.sign_on.company import Company, Person, Service
from tests.support.browser import Browser, is_installed

pytestmark = pytest.mark.node

Found = Callable[..., Company]
SESSION_OVER = 4401
# Of a close that was pushed; a poll would bring it later, an expiry much later.
AT_ONCE_SECONDS = 5


@contextmanager
def synchronising(service: Service, tokens: Tokens) -> Iterator[ClientConnection]:
    with connect(f"{service.server.ws_url}/api/v1/sync", additional_headers=tokens.bearer) as socket:
        assert json.loads(socket.recv(timeout=60))["type"] == "hello"
        yield socket


def close_of(socket: ClientConnection) -> tuple[list[str], int | None]:
    """The types of the frames until the socket is closed, pings aside, and the code that closes it."""
    said: list[str] = []
    try:
        while True:
            said.append(json.loads(socket.recv(timeout=60))["type"])
    except ConnectionClosed as closed:
        return [one for one in said if one != "ping"], closed.rcvd.code if closed.rcvd else None


def ends_at_once(socket: ClientConnection, begun: float) -> None:
    assert close_of(socket) == (["revoked"], SESSION_OVER)
    assert time.monotonic() - begun < AT_ONCE_SECONDS


def test_enforced_sign_on_refuses_passwords_and_break_glass_passes(
    service: Service, found: Found, provider: NodeProvider, app: App, person: PlainBrowser
) -> None:
    company = found(provider)
    owner = company.owner
    company.do("PUT", "sso", 409, {"issuer": provider.issuer, "client_id": "adiuva", "enforced": True})

    boss = company.hire("boss", email=owner.email)
    person.sign_in(app.begin(owner.email), boss.login)
    linked = owner.tokens.post("auth/sso/link", {"code": app.code(), "code_verifier": app.verifier})
    assert linked.status_code == 204, linked.text
    codes = company.do("POST", "sso/break-glass", 200)["codes"]
    company.connect(enforced=True)

    # Who only works there is let in by the provider alone; who is wrong about the password hears nothing of it.
    with Person(service, f"guest@{company.domain}") as guest:
        guest.verify_address()
        company.invite(guest.email)
        guest.accept_invitation()
        refused = guest.log_in()
        assert (refused.status_code, refused.json()["code"]) == (403, "sso_required")
        assert "access_token" not in refused.text
        wrong = guest.http.post("auth/login", json={"email": guest.email, "password": "not this one"})
        assert wrong.status_code == 401

    assert owner.log_in().json()["code"] == "sso_required"
    assert owner.log_in(break_glass_code="0000-0000").status_code in (401, 403)
    broken = owner.log_in(break_glass_code=codes[0])
    assert broken.status_code == 200, broken.text
    assert owner.log_in(break_glass_code=codes[0]).status_code in (401, 403)
    assert Tokens(owner.http, broken.json()).profile()["organization"]["role"] == "owner"
    assert "break_glass_code_used" in company.audited()

    person.sign_in(app.begin(owner.email), boss.login)
    assert app.tokens().profile()["email"] == owner.email


@pytest.mark.skipif(not is_installed(), reason="needs chromium and chromedriver")
def test_who_logs_out_at_the_provider_is_logged_out_here(
    browser: Browser, service: Service, acme: Company, app: App
) -> None:
    alice = acme.hire("leaves")
    sign_in_with(browser, app.begin(alice.email), alice.login)
    browser.wait_for_title(App.page)
    tokens = app.tokens()
    acme.provider.events()

    with synchronising(service, tokens) as socket:
        browser.open(acme.provider.end_session_endpoint)
        begun = time.monotonic()
        browser.all("button[name=logout]")[0].click()
        ends_at_once(socket, begun)
        browser.wait_for_title("You have left the company")
    assert acme.provider.events() == [f"backchannel.success: adiuva {alice.login}"]
    assert tokens.get("auth/me").status_code == 401
    assert tokens.refresh().status_code == 401
    assert acme.audited()[0] == "sso_sessions_ended"


def test_a_logout_ends_the_session_that_it_names_and_no_other(acme: Company, app: App, person: PlainBrowser) -> None:
    alice = acme.hire("two-desks")
    with PlainBrowser() as desk:
        desk.sign_in(app.begin(alice.email), alice.login)
        first = app.tokens()
        person.sign_in(app.begin(alice.email), alice.login)
        second = app.tokens()
        desk.sign_in(acme.provider.end_session_endpoint, alice.login)
    assert first.get("auth/me").status_code == 401
    assert second.profile()["email"] == alice.email


def test_the_directory_ends_a_session_and_its_sockets_at_once(
    service: Service, found: Found, provider: NodeProvider, app: App, person: PlainBrowser
) -> None:
    company = found(provider)
    token = company.do("POST", "scim/tokens", 201)["token"]
    with httpx.Client(
        base_url=f"{service.server.url}/scim/v2/{company.id}/",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
        timeout=60,
    ) as directory:
        heidi = company.hire("heidi")
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": heidi.email,
            "externalId": "00u1",
            "active": True,
        }
        made = directory.post("Users", json=user)
        assert made.status_code == 201, made.text
        person.sign_in(app.begin(heidi.email), heidi.login)
        tokens = app.tokens()
        assert tokens.profile()["id"] == made.json()["id"]

        with synchronising(service, tokens) as socket:
            begun = time.monotonic()
            assert set_active(directory, made.json()["id"], is_active=False) is False
            ends_at_once(socket, begun)
        assert tokens.get("auth/me").status_code == 401
        assert tokens.refresh().status_code == 401
        person.sign_in(app.begin(heidi.email), heidi.login)
        refused = app.redeem(app.code())
        assert (refused.status_code, refused.json()["code"]) == (403, "not_provisioned")

        assert set_active(directory, made.json()["id"], is_active=True) is True
        person.sign_in(app.begin(heidi.email), heidi.login)
        assert app.tokens().profile()["id"] == made.json()["id"]
    assert company.audited()[:2] == ["member_reactivated", "member_deactivated"]


def set_active(directory: httpx.Client, user_id: str, *, is_active: bool) -> Any:
    """As Okta does; what the user is then."""
    change = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "value": {"active": is_active}}],
    }
    answer = directory.patch(f"Users/{user_id}", json=change)
    assert answer.status_code == 200, answer.text
    return answer.json()["active"]
