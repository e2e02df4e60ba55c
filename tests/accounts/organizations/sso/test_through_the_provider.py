"""From the app's button to the provider's logout, over real HTTP to a provider on loopback."""

import pytest

from accounts.models import User
from accounts.organizations.models import Connection
from tests.accounts.organizations.sso.companies import ALICE, Company, make_company
from tests.fakes.oidc_provider import OidcProvider
from tests.support.accounts import make_account
from tests.support.client import Answer, ApiClient
from tests.support.sign_on import Browser, connect

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def company(provider: OidcProvider) -> Company:
    company = make_company()
    company.connection.delete()
    company.connection = connect(company.organization, provider, just_in_time=True, enforced=True)
    return company


@pytest.fixture
def browser(company: Company, provider: OidcProvider) -> Browser:
    return Browser(company.organization, provider)


def log_out(token: str) -> Answer:
    return ApiClient().post("auth/sso/backchannel-logout", body=f"logout_token={token}", content_type=FORM)


def test_somebody_new_comes_in_and_is_logged_out_at_the_provider(browser: Browser, provider: OidcProvider) -> None:
    tokens = browser.redeem()
    assert tokens.status == 200, tokens
    me = ApiClient().get("auth/me", token=tokens.json["access_token"])
    assert (me.json["email"], me.json["organization"]["role"]) == (ALICE, "member")
    assert log_out(provider.logout_token(sid="session of alice")).status == 200
    assert ApiClient().get("auth/me", token=tokens.json["access_token"]).status == 401
    assert browser.redeem().status == 401, "that session of the provider's is over"
    provider.log_in("alice", email=ALICE, sid="the next one")
    assert browser.redeem().status == 200
    assert User.objects.filter(email=ALICE).count() == 1


def test_an_id_token_is_no_logout_token(browser: Browser, provider: OidcProvider) -> None:
    tokens = browser.redeem().json
    stolen = provider.logout_token(sub="alice", nonce="of an ID token")
    assert log_out(stolen).status == 400
    assert ApiClient().get("auth/me", token=tokens["access_token"]).status == 200


def test_a_logout_token_of_a_new_key_makes_us_ask_for_it(
    company: Company, browser: Browser, provider: OidcProvider
) -> None:
    tokens = browser.redeem().json
    provider.rotate()
    Connection.objects.update(keys_asked_at=company.connection.created_at.replace(year=2020))
    assert log_out(provider.logout_token(sub="alice")).status == 200
    assert ApiClient().get("auth/me", token=tokens["access_token"]).status == 401


def test_keys_that_cannot_be_had_prove_nothing(company: Company, browser: Browser, provider: OidcProvider) -> None:
    tokens = browser.redeem().json
    token = provider.logout_token(sub="alice")
    provider.stop()
    long_ago = company.connection.created_at.replace(year=2020)
    Connection.objects.update(keys_asked_at=long_ago, keys_at=long_ago)
    assert log_out(token).status == 400
    assert ApiClient().get("auth/me", token=tokens["access_token"]).status == 200


def test_an_account_that_is_there_is_linked_with_a_second_code(browser: Browser) -> None:
    account = make_account(email=ALICE)
    refused = browser.redeem()
    assert (refused.status, refused.code) == (403, "link_required")
    assert browser.redeem("auth/sso/link", token=account.access_token).status == 204
    assert browser.redeem().status == 200
