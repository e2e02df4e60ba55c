"""Who gets in by an organisation's provider, and as whom: docs/api.md § 16."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.commands import compile_client
from tests.fakes.oidc_provider_node.process import NodeProvider
from tests.flows.sign_on.apps import App, PlainBrowser, sign_in_with
from tests.flows.sign_on.company import Company, Person, Service
from tests.support.browser import Browser, is_installed

pytestmark = pytest.mark.node

Found = Callable[..., Company]
PROGRAM = Path(__file__).with_name("sign_in.mjs")


@pytest.mark.skipif(not is_installed(), reason="needs chromium and chromedriver")
def test_somebody_new_signs_in_with_a_real_browser(browser: Browser, app: App, acme: Company) -> None:
    alice = acme.hire("alice")
    sign_in_with(browser, app.begin(alice.email), alice.login)
    browser.wait_for_title(App.page)
    assert browser.complaints() == []

    profile = app.tokens().profile()
    assert (profile["email"], profile["email_verified"], profile["tier"]) == (alice.email, True, "team")
    assert profile["organization"] == {"id": acme.id, "name": acme.name, "role": "member"}
    assert "member_provisioned" in acme.audited()

    # The second time the provider knows them, and asks nothing.
    browser.open(app.begin(alice.email))
    browser.wait_for_title(App.page)
    assert app.tokens().profile()["id"] == profile["id"]


@pytest.mark.skipif(not is_installed(), reason="needs chromium and chromedriver")
def test_the_published_client_signs_somebody_in(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, service: Service, acme: Company
) -> None:
    ivan = acme.hire("ivan")
    command = [
        "node",
        str(PROGRAM),
        str(compile_client(tmp_path_factory.getbasetemp())),
        service.server.url,
        ivan.email,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        sign_in_with(browser, program.stdout.readline().strip(), ivan.login)
        browser.wait_for_title("Adiuva")
        said = json.loads(program.stdout.readline())
    assert (said["keys"], said["profile"]["email"]) == ("none", ivan.email)
    assert said["profile"]["organization"]["id"] == acme.id
    assert browser.complaints() == []


def test_claims_from_userinfo_and_a_secret_in_the_body_do_as_well(
    found: Found, other_provider: NodeProvider, app: App, person: PlainBrowser
) -> None:
    company = found(other_provider)
    bob = company.hire("bob")
    person.sign_in(app.begin(bob.email), bob.login)
    assert app.tokens().profile()["organization"]["id"] == company.id


def test_an_address_that_the_provider_does_not_call_verified_proves_nothing(
    acme: Company, app: App, person: PlainBrowser
) -> None:
    mallory = acme.hire("mallory", verified=False)
    person.sign_in(app.begin(mallory.email), mallory.login)
    answer = app.redeem(app.code())
    assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")


def test_an_address_outside_of_the_proven_domains_is_nobodys(acme: Company, app: App, person: PlainBrowser) -> None:
    guest = acme.hire("guest", email=f"guest@of-{acme.name}.example")
    person.sign_in(app.begin(f"anybody@{acme.domain}"), guest.login)
    answer = app.redeem(app.code())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_provisioned")


def test_without_just_in_time_an_invitation_lets_in(
    found: Found, provider: NodeProvider, app: App, person: PlainBrowser
) -> None:
    company = found(provider, just_in_time=False)
    carol = company.hire("carol")
    person.sign_in(app.begin(carol.email), carol.login)
    answer = app.redeem(app.code())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_provisioned")

    company.invite(carol.email, role="admin")
    person.sign_in(app.begin(carol.email), carol.login)
    assert app.tokens().profile()["organization"]["role"] == "admin"


def test_an_account_that_is_there_is_linked_by_its_owner_and_by_nobody_else(
    service: Service, acme: Company, app: App, person: PlainBrowser
) -> None:
    dave = acme.hire("dave")
    with Person(service, dave.email) as account:
        account_id = account.tokens.profile()["id"]
        account.verify_address()
        acme.invite(dave.email)
        account.accept_invitation()

        person.sign_in(app.begin(dave.email), dave.login)
        refused = app.redeem(app.code())
        assert (refused.status_code, refused.json()["code"]) == (403, "link_required")

        person.sign_in(app.begin(dave.email), dave.login)
        body = {"code": app.code(), "code_verifier": app.verifier}
        linked = account.tokens.post("auth/sso/link", body)
        assert linked.status_code == 204, linked.text
        again = account.tokens.post("auth/sso/link", body)
        assert (again.status_code, again.json()["code"]) == (401, "invalid_grant")

    person.sign_in(app.begin(dave.email), dave.login)
    assert app.tokens().profile()["id"] == account_id
    assert acme.audited()[0] == "sso_linked"


def test_another_address_at_the_provider_changes_nobody(acme: Company, app: App, person: PlainBrowser) -> None:
    erin = acme.hire("erin")
    person.sign_in(app.begin(erin.email), erin.login)
    before = app.tokens().profile()

    # Married, and not yet verified; then even with the address of somebody else.
    for address in (f"erin.married@{acme.domain}", acme.owner.email):
        acme.provider.add_account(erin.login, email=address, email_verified=address == acme.owner.email)
        person.sign_in(app.begin(erin.email), erin.login)
        profile = app.tokens().profile()
        assert (profile["id"], profile["email"]) == (before["id"], erin.email)


def test_the_same_subject_of_another_provider_is_somebody_else(
    found: Found, provider: NodeProvider, other_provider: NodeProvider, app: App, person: PlainBrowser
) -> None:
    company = found(provider)
    frank = company.hire("frank")
    person.sign_in(app.begin(frank.email), frank.login)
    account_id = app.tokens().profile()["id"]

    # The company moves to another provider, which gives the same subject to whoever it likes.
    company.connect(other_provider)
    other_provider.add_account(frank.login, email=f"grace@{company.domain}", email_verified=True)
    person.sign_in(app.begin(frank.email), frank.login)
    grace = app.tokens().profile()
    assert (grace["id"] != account_id, grace["email"]) == (True, f"grace@{company.domain}")

    # Frank himself is not taken for his account by his address alone.
    other_provider.add_account(frank.login + "-there", email=frank.email, email_verified=True)
    with PlainBrowser() as other:
        other.sign_in(app.begin(frank.email), frank.login + "-there")
    refused = app.redeem(app.code())
    assert (refused.status_code, refused.json()["code"]) == (403, "link_required")
