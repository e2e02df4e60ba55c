"""The way through a provider: GET /auth/sso/start, the provider's own pages, GET /auth/sso/callback."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.cache import cache

from accounts.handoff.codes import challenge_of, use_code
from accounts.organizations.models import Connection
from accounts.organizations.sso.claims import ProviderClaims
from accounts.organizations.sso.flows import FLOWS
from accounts.organizations.sso.provider.exchange import callback_url
from tests.accounts.concurrency import run_concurrently
from tests.fakes.oidc_keys import Algorithm
from tests.fakes.oidc_provider import OidcProvider
from tests.support.client import ApiClient
from tests.support.organizations import make_organization
from tests.support.sign_on import APP, Browser, connect, query_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(provider: OidcProvider) -> Browser:
    organization, _ = make_organization()
    connect(organization, provider)
    return Browser(organization, provider)


def claims_of(browser: Browser) -> ProviderClaims:
    grant = use_code(code=browser.sign_on()["code"], code_verifier=browser.code_verifier)
    assert grant.method == "sso"
    return ProviderClaims.from_subject(grant.subject)


def test_the_app_gets_a_code_for_who_the_provider_has_proven(browser: Browser) -> None:
    told = browser.sign_on()
    assert set(told) == {"code", "state"}
    assert told["state"] == browser.state
    grant = use_code(code=told["code"], code_verifier=browser.code_verifier)
    connection = Connection.objects.get()
    assert ProviderClaims.from_subject(grant.subject) == ProviderClaims(
        connection_id=connection.id,
        issuer=browser.provider.issuer,
        subject="alice",
        email="alice@acme.example",
        email_verified=True,
        provider_session_id="session of alice",
    )


def test_the_provider_is_asked_as_the_standard_says(browser: Browser) -> None:
    answer = browser.open()
    address, _, _ = answer.headers["Location"].partition("?")
    asked = query_of(answer.headers["Location"])
    assert address == f"{browser.provider.issuer}/authorize"
    assert asked | {"state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": browser.provider.client_id,
        "redirect_uri": browser.provider.callback_url,
        "scope": "openid email profile",
        "code_challenge_method": "S256",
        "state": "",
        "nonce": "",
        "code_challenge": "",
    }
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43


def test_the_apps_verifier_and_state_stay_with_us(browser: Browser) -> None:
    """The provider, or who looks over its shoulder, gets another challenge and another state than the app's."""
    location = browser.open().headers["Location"]
    asked = query_of(location)
    assert asked["code_challenge"] != challenge_of(browser.code_verifier)
    assert asked["state"] != browser.state


def test_the_cookie_is_for_this_browser_and_these_routes_alone(browser: Browser, settings: Any) -> None:
    for url, is_secure in ((settings.PUBLIC_URL, False), ("https://api.example.com", True)):
        settings.PUBLIC_URL = url
        (cookie,) = browser.open().raw.cookies.values()
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/api/v1/auth/sso")
        assert (bool(cookie["secure"]), cookie["max-age"]) == (is_secure, 600)
        browser.api._client.cookies.clear()


def test_two_flows_in_one_browser_do_not_disturb_each_other(browser: Browser) -> None:
    first, second = browser.log_in(), browser.log_in()
    for back in (first, second):
        assert "code" in query_of(browser.come_back(back).headers["Location"])


def test_neither_answer_is_kept_or_told_on(browser: Browser) -> None:
    answers = [
        browser.open(),
        browser.come_back(browser.log_in()),
        browser.come_back("http://x/api/v1/auth/sso/callback"),
    ]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_cookie_goes_when_the_flow_is_over(browser: Browser) -> None:
    answer = browser.come_back(browser.log_in())
    (cookie,) = answer.raw.cookies.values()
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, "/api/v1/auth/sso")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_provider_signs_in_its_own_way(settings: Any, algorithm: Algorithm) -> None:
    with OidcProvider(algorithm=algorithm) as provider:
        settings.EGRESS_ALLOW = frozenset({provider.place})
        organization, _ = make_organization()
        connect(organization, provider)
        browser = Browser(organization, provider)
        provider.callback_url = query_of(browser.open().headers["Location"])["redirect_uri"]
        assert "code" in browser.sign_on()


def test_a_provider_may_want_the_clients_secret_in_the_form(provider: OidcProvider) -> None:
    provider.client_auth = "client_secret_post"
    organization, _ = make_organization()
    connect(organization, provider)
    assert "code" in Browser(organization, provider).sign_on()
    (asked,) = provider.seen("token")
    assert "authorization" not in asked.headers


def test_a_provider_may_not_name_itself_in_its_answer(provider: OidcProvider) -> None:
    provider.discovery = {"authorization_response_iss_parameter_supported": None}
    provider.answer = {"iss": None}
    organization, _ = make_organization()
    provider.callback_url = callback_url(connect(organization, provider))
    assert provider.callback_url.endswith(f"/callback/{organization.id}")
    assert "code" in Browser(organization, provider).sign_on()


@pytest.mark.parametrize("has_named_itself", [True, False])
def test_the_callback_stays_what_is_registered_when_the_provider_changes(
    provider: OidcProvider, *, has_named_itself: bool
) -> None:
    said = "authorization_response_iss_parameter_supported"
    provider.discovery = {said: has_named_itself}
    organization, _ = make_organization()
    connection = connect(organization, provider)
    before = callback_url(connection)
    provider.discovery = {said: not has_named_itself}
    Connection.objects.update(metadata_at=datetime.now(UTC) - timedelta(days=2))
    provider.callback_url = before
    assert "code" in Browser(organization, provider).sign_on()
    connection.refresh_from_db()
    assert connection.metadata_at > datetime.now(UTC) - timedelta(hours=1), "it was asked anew"
    assert callback_url(connection) == before


def test_an_address_with_a_query_gets_ours_beside_its_own(browser: Browser) -> None:
    connection = Connection.objects.get()
    connection.metadata["authorization_endpoint"] += "?policy=one"
    connection.save()
    asked = query_of(browser.open().headers["Location"])
    assert (asked["policy"], asked["response_type"]) == ("one", "code")


def test_an_address_may_be_in_userinfo_only(browser: Browser) -> None:
    browser.provider.email_in = "userinfo"
    claims = claims_of(browser)
    assert (claims.email, claims.email_verified) == ("alice@acme.example", True)
    assert len(browser.provider.seen("userinfo")) == 1


def test_userinfo_is_not_asked_where_the_id_token_says_it(browser: Browser) -> None:
    assert claims_of(browser).email == "alice@acme.example"
    assert not browser.provider.seen("userinfo")


def test_a_provider_may_know_no_address(browser: Browser) -> None:
    browser.provider.log_in("alice")
    claims = claims_of(browser)
    assert (claims.subject, claims.email, claims.email_verified) == ("alice", None, False)


@pytest.mark.parametrize(
    ("said", "is_verified"),
    [(True, True), ("true", True), (False, False), ("false", False), ("True", False), (1, False), ([True], False)],
)
def test_an_address_is_verified_only_where_the_provider_says_so(browser: Browser, said: Any, is_verified: bool) -> None:
    browser.provider.log_in("alice", email="alice@acme.example", email_verified=said)
    assert claims_of(browser).email_verified is is_verified


@pytest.mark.parametrize(
    ("verified", "owned", "is_verified"),
    [(None, True, True), (None, "1", True), (None, False, False), (None, "0", False), (False, True, False)],
)
def test_entra_says_in_a_claim_of_its_own_that_an_address_is_verified(
    browser: Browser, verified: bool | None, owned: Any, is_verified: bool
) -> None:
    browser.provider.log_in("alice", email="alice@acme.example", xms_edov=owned)
    browser.provider.id_token = {"email_verified": verified}
    assert claims_of(browser).email_verified is is_verified


def test_verified_in_one_place_says_nothing_of_an_address_in_the_other(browser: Browser) -> None:
    browser.provider.email_in = "userinfo"
    browser.provider.id_token = {"email_verified": True}
    browser.provider.userinfo = {"email_verified": None}
    assert claims_of(browser).email_verified is False


@pytest.mark.parametrize(
    "email", ["", "alice", "alice@acme.example\n", "a" * 250 + "@acme.example", 7, ["a@b.example"]]
)
def test_what_is_no_address_is_none(browser: Browser, email: Any) -> None:
    browser.provider.id_token = {"email": email}
    assert claims_of(browser).email is None


@pytest.mark.parametrize("session", ["s" * 256, "sé", "a\0b", 7, ""])
def test_what_is_no_session_of_the_providers_is_none(browser: Browser, session: Any) -> None:
    browser.provider.id_token = {"sid": session}
    assert claims_of(browser).provider_session_id == ""


def test_start_knows_an_organisation_with_sign_on_only(browser: Browser) -> None:
    other, _ = make_organization()
    for organization in (str(other.id), str(uuid4())):
        answer = browser.open(organization=organization)
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"organization": "acme"}, "organization"),
        ({"organization": None}, "organization"),
        ({"code_challenge": "short"}, "code_challenge"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:5000/"}, "redirect_uri"),
        ({"redirect_uri": "http://127.0.0.1:5000@evil.example/"}, "redirect_uri"),
        ({"redirect_uri": "adiuva://account/email?token=stolen"}, "redirect_uri"),
        ({"redirect_uri": "adiuva://sso@account/"}, "redirect_uri"),
        ({"state": None}, "state"),
        ({"state": "s" * 513}, "state"),
    ],
)
def test_what_the_app_asks_for_is_checked(browser: Browser, change: dict[str, Any], field: str) -> None:
    answer = browser.open(**change)
    assert (answer.status, next(iter(answer.json["errors"]))) == (400, field)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "redirect_uri", ["adiuva://sso", "adiuva://sso/?a=b", "http://[::1]:8080/", "http://127.0.0.1:1/?a=b"]
)
def test_the_browser_goes_back_to_the_app_that_asked(browser: Browser, redirect_uri: str) -> None:
    back = browser.provider.authorize(browser.open(redirect_uri=redirect_uri).headers["Location"])
    location = browser.come_back(back).headers["Location"]
    assert location.startswith(redirect_uri)
    assert "code" in query_of(location)


def test_an_old_discovery_document_is_asked_for_anew(browser: Browser) -> None:
    Connection.objects.update(metadata_at=datetime.now(UTC) - timedelta(days=1, seconds=1))
    browser.provider.discovery = {"authorization_endpoint": f"{browser.provider.issuer}/elsewhere"}
    for _ in range(2):
        assert urlsplit(browser.open().headers["Location"]).path == "/elsewhere"
    assert len(browser.provider.seen("discovery")) == 2  # one of them by ``connect``


@pytest.mark.parametrize("fault", [500, 404, "garbage", "reset"])
def test_the_old_document_is_good_while_there_is_no_other(browser: Browser, fault: Any) -> None:
    Connection.objects.update(metadata_at=datetime.now(UTC) - timedelta(days=3))
    browser.provider.faults = {"discovery": fault}
    for _ in range(3):
        assert urlsplit(browser.open().headers["Location"]).path == "/authorize"
    assert len(browser.provider.seen("discovery")) == 2


def test_a_document_that_names_another_issuer_by_now_changes_nothing(browser: Browser) -> None:
    Connection.objects.update(metadata_at=datetime.now(UTC) - timedelta(days=3))
    browser.provider.discovery = {"issuer": "https://evil.example", "token_endpoint": "https://evil.example/token"}
    assert "code" in browser.sign_on()
    assert Connection.objects.get().metadata["token_endpoint"] == f"{browser.provider.issuer}/token"


def test_the_cache_holds_no_secret_of_a_flow(browser: Browser) -> None:
    answer = browser.open()
    asked = query_of(answer.headers["Location"])
    (cookie,) = answer.raw.cookies.values()
    kept = cache.get(FLOWS.key(asked["state"]))
    for secret in (asked["state"], asked["nonce"], asked["code_challenge"], cookie.value, browser.code_verifier):
        assert secret not in kept
    assert asked["state"] not in FLOWS.key(asked["state"])


def test_a_secret_that_was_sealed_under_an_old_key_is_sealed_anew(browser: Browser, settings: Any) -> None:
    before = Connection.objects.get().client_secret
    settings.SSO_SECRETS_FALLBACK_KEYS, settings.SSO_SECRETS_KEY = [settings.SSO_SECRETS_KEY], "0123456789abcdef" * 4
    assert "code" in browser.sign_on()
    settings.SSO_SECRETS_FALLBACK_KEYS = []
    assert "code" in browser.sign_on()
    assert Connection.objects.get().client_secret != before


def test_without_the_cache_there_is_no_sign_on(browser: Browser, no_cache: None) -> None:
    for answer in (browser.open(), browser.come_back("http://x/api/v1/auth/sso/callback?state=x&code=x")):
        assert (answer.status, answer.code) == (503, "upstream_unavailable")


@pytest.mark.usefixtures("limits_clock")  # so many requests may take more than their minute
def test_both_routes_are_limited_for_each_address(browser: Browser) -> None:
    for path in ("auth/sso/start", "auth/sso/callback"):
        answers = [ApiClient().get(path).status for _ in range(601)]
        assert answers == [400] * 600 + [429], path


def test_the_log_tells_what_failed_and_nothing_of_what_was_said(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser.provider.id_token = {"nonce": "another-nonce"}
    back = browser.log_in()
    browser.come_back(back)
    (line,) = [record for record in caplog.records if record.message == "a single sign-on failed"]
    assert (vars(line)["step"], vars(line)["error"]) == ("id_token nonce", "server_error")
    written = json.dumps([{name: str(value) for name, value in vars(record).items()} for record in caplog.records])
    asked = query_of(back)
    for secret in (asked["code"], asked["state"], "another-nonce", "alice", browser.provider.client_secret, "SECRET"):
        assert secret not in written


@pytest.mark.parametrize(
    ("wrong", "step"),
    [
        ({"client_secret": "a new one, since the old one has expired"}, "exchange invalid_client"),
        ({"bodies": {"token": {"error": "alice@acme.example"}}}, "exchange"),
        ({"error": "unauthorized_client"}, "provider unauthorized_client"),
        ({"error": "alice@acme.example"}, "provider"),
    ],
)
def test_the_log_has_the_providers_word_for_it_and_no_other_of_its_words(
    browser: Browser, caplog: pytest.LogCaptureFixture, wrong: dict[str, Any], step: str
) -> None:
    for name, value in wrong.items():
        setattr(browser.provider, name, value)
    browser.come_back(browser.log_in())
    (line,) = [record for record in caplog.records if record.message == "a single sign-on failed"]
    assert vars(line)["step"] == step


@pytest.mark.django_db(transaction=True)
def test_of_ten_who_come_back_at_once_one_gets_a_code(browser: Browser) -> None:
    back = browser.log_in()
    cookie = browser.api._client.cookies.output(header="", sep=";")

    def come_back() -> int:
        parts = urlsplit(back)
        return ApiClient().get(f"{parts.path}?{parts.query}", headers={"Cookie": cookie.split(";")[0].strip()}).status

    assert sorted(run_concurrently(*[come_back] * 10)) == [302] + [400] * 9
    assert APP.startswith("http://127.0.0.1")
