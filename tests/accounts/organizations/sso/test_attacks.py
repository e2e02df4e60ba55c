"""What could be done to a sign-on, case by case: each is refused, and the same flow without it passes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection as database

from accounts.handoff.codes import use_code
from accounts.organizations.models import Connection
from accounts.organizations.sso.flows import FLOWS
from accounts.organizations.sso.provider.asking import MOST_AT_ONE_HOST
from accounts.organizations.sso.provider.exchange import callback_url
from adiuva.api.errors import InvalidGrant
from tests.fakes.oidc_keys import SigningKey, base64url
from tests.fakes.oidc_provider import OidcProvider
from tests.support.client import Answer, ApiClient
from tests.support.organizations import make_organization
from tests.support.sign_on import Browser, connect, query_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(provider: OidcProvider) -> Browser:
    organization, _ = make_organization()
    connect(organization, provider)
    return Browser(organization, provider)


def changed(url: str, **changes: str | None) -> str:
    """``url`` with another query. None takes a parameter away."""
    query = {name: value for name, value in {**query_of(url), **changes}.items() if value is not None}
    return f"{url.partition('?')[0]}?{urlencode(query)}"


def passes(browser: Browser) -> bool:
    """Of the same browser, provider and connection, with nothing wrong."""
    told = browser.sign_on()
    return bool(use_code(code=told["code"], code_verifier=browser.code_verifier))


def error_of(answer: Answer) -> str:
    """What the app is told. Never a code beside it, and the app's own state."""
    told = query_of(answer.headers["Location"])
    assert set(told) == {"error", "state"}, told
    return told["error"]


# --- what the browser brings back ------------------------------------------------------------------------------


class TestState:
    """Unknown, used, expired, changed or missing: nothing is known of the flow, so there is nowhere to go."""

    @pytest.mark.parametrize("state", ["", "unknown", "x" * 600, "\x00", "ü"])
    def test_one_that_we_never_made(self, browser: Browser, state: str) -> None:
        answer = browser.come_back(changed(browser.log_in(), state=state))
        assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", ["state"])
        assert passes(browser)

    def test_none_at_all(self, browser: Browser) -> None:
        answer = browser.come_back(changed(browser.log_in(), state=None))
        assert (answer.status, list(answer.json["errors"])) == (400, ["state"])
        assert passes(browser)

    def test_one_beside_another(self, browser: Browser) -> None:
        back = browser.log_in()
        answer = browser.come_back(f"{back}&state={query_of(back)['state']}")
        assert (answer.status, list(answer.json["errors"])) == (400, ["state"])
        assert passes(browser)

    def test_one_that_was_used(self, browser: Browser) -> None:
        back = browser.log_in()
        assert browser.come_back(back).status == 302
        answer = browser.come_back(back)
        assert (answer.status, list(answer.json["errors"])) == (400, ["state"])
        assert passes(browser)

    def test_one_that_has_expired(self, browser: Browser) -> None:
        back = browser.log_in()
        cache.touch(FLOWS.key(query_of(back)["state"]), -1)
        assert browser.come_back(back).status == 400
        assert FLOWS.lifetime_seconds == 600
        assert passes(browser)

    def test_that_of_another_flow_of_the_same_browser(self, browser: Browser) -> None:
        """The code is of one flow and the state of the other: neither verifier nor nonce fits."""
        first, second = browser.log_in(), browser.log_in()
        answer = browser.come_back(changed(first, state=query_of(second)["state"]))
        assert error_of(answer) == "server_error"
        assert passes(browser)


class TestBrowser:
    def test_another_browser_brings_the_answer(self, browser: Browser) -> None:
        """Login CSRF: whoever is made to open the attacker's answer is not logged in as the attacker."""
        back = browser.log_in()
        victim = Browser(browser.organization, browser.provider)
        assert error_of(victim.come_back(back)) == "access_denied"
        assert not browser.provider.seen("token")
        assert browser.come_back(back).status == 400, "it counts once, whoever brought it"
        assert passes(browser)

    def test_another_browser_with_a_flow_of_its_own(self, browser: Browser) -> None:
        victim = Browser(browser.organization, browser.provider)
        victim.log_in()
        assert error_of(victim.come_back(browser.log_in())) == "access_denied"
        assert passes(browser)

    def test_a_cookie_of_that_name_with_another_value(self, browser: Browser) -> None:
        back = browser.log_in()
        for cookie in browser.api._client.cookies.values():
            cookie.set(cookie.key, "0" * 64, "0" * 64)
        assert error_of(browser.come_back(back)) == "access_denied"
        browser.api._client.cookies.clear()
        assert passes(browser)


class TestCode:
    def test_one_that_the_provider_never_gave(self, browser: Browser) -> None:
        assert error_of(browser.come_back(changed(browser.log_in(), code="unknown"))) == "server_error"
        assert passes(browser)

    @pytest.mark.parametrize("code", [None, "", "c" * 5000])
    def test_none_that_could_be_one(self, browser: Browser, code: str | None) -> None:
        assert error_of(browser.come_back(changed(browser.log_in(), code=code))) == "server_error"
        assert not browser.provider.seen("token")
        assert passes(browser)

    def test_one_that_was_used_in_another_flow(self, browser: Browser) -> None:
        """Also where the provider lets it be used again: the verifier is the other flow's."""
        browser.provider.is_single_use = False
        first = browser.log_in()
        assert browser.come_back(first).status == 302
        again = changed(browser.log_in(), code=query_of(first)["code"])
        assert error_of(browser.come_back(again)) == "server_error"
        assert passes(browser)

    def test_a_stolen_one_in_the_thiefs_own_flow(self, browser: Browser) -> None:
        """Code injection (RFC 9700 § 4.5)."""
        stolen = query_of(browser.log_in())["code"]
        thief = Browser(browser.organization, browser.provider)
        assert error_of(thief.come_back(changed(thief.log_in(), code=stolen))) == "server_error"
        assert passes(browser)


class TestVerifier:
    def test_our_code_is_worth_nothing_with_another(self, browser: Browser) -> None:
        with pytest.raises(InvalidGrant):
            use_code(code=browser.sign_on()["code"], code_verifier="v" * 43)
        assert passes(browser)

    def test_the_challenge_at_the_provider_was_another(self, browser: Browser) -> None:
        location = browser.open().headers["Location"]
        back = browser.provider.authorize(changed(location, code_challenge="A" * 43))
        assert error_of(browser.come_back(back)) == "server_error"
        assert passes(browser)


class TestRedirect:
    """The app's address is checked at the start; the provider's answer cannot name another."""

    def test_the_browser_goes_where_the_flow_began_to_go(self, browser: Browser) -> None:
        back = changed(browser.log_in(), redirect_uri="https://evil.example/")
        assert browser.come_back(back).headers["Location"].startswith("http://127.0.0.1:51234/callback?")

    @pytest.mark.parametrize(
        "redirect_uri",
        [
            "https://evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost/",
            "http://127.0.0.1@evil.example/",
        ],
    )
    def test_an_address_of_nobody_on_this_computer(self, browser: Browser, redirect_uri: str) -> None:
        assert browser.open(redirect_uri=redirect_uri).status == 400
        assert passes(browser)


class TestIssuer:
    """Mix-up (RFC 9207): the answer of one provider is taken to another."""

    @pytest.mark.parametrize("issuer", ["https://evil.example", "", None])
    def test_the_answer_names_another_or_none(self, browser: Browser, issuer: str | None) -> None:
        browser.provider.answer = {"iss": issuer}
        assert error_of(browser.come_back(browser.log_in())) == "server_error"
        assert not browser.provider.seen("token"), "the code went to nobody"
        browser.provider.answer = {}
        assert passes(browser)

    def test_the_answer_names_another_beside_ours(self, browser: Browser) -> None:
        back = browser.log_in() + "&iss=https://evil.example"
        assert error_of(browser.come_back(back)) == "server_error"
        assert passes(browser)

    def test_an_error_is_held_against_it_too(self, browser: Browser) -> None:
        browser.provider.error, browser.provider.answer = "access_denied", {"iss": "https://evil.example"}
        assert error_of(browser.come_back(browser.log_in())) == "server_error"

    @pytest.mark.parametrize("column", ["issuer", "client_id"])
    def test_the_connection_is_another_by_now(self, browser: Browser, column: str) -> None:
        back, before = browser.log_in(), getattr(Connection.objects.get(), column)
        Connection.objects.update(**{column: "https://evil.example"})
        assert error_of(browser.come_back(back)) == "server_error"
        assert not browser.provider.seen("token")
        Connection.objects.update(**{column: before})
        assert passes(browser)

    def test_the_connection_is_gone_by_now(self, browser: Browser) -> None:
        back = browser.log_in()
        Connection.objects.all().delete()
        assert error_of(browser.come_back(back)) == "server_error"

    def test_two_organisations_two_providers(self, browser: Browser, settings: Any) -> None:
        """The state of one and the code of the other."""
        with OidcProvider(callback_url=browser.provider.callback_url) as other:
            settings.EGRESS_ALLOW |= {other.place}
            organization, _ = make_organization()
            connect(organization, other)
            theirs = Browser(organization, other, api=browser.api)
            mixed = changed(browser.log_in(), state=query_of(theirs.log_in())["state"])
            assert error_of(browser.come_back(mixed)) == "server_error"
            assert not other.seen("token")
            assert passes(browser)
            assert passes(theirs)

    def test_a_rogue_provider_sends_the_browser_on_to_another_companys(self, browser: Browser, settings: Any) -> None:
        """Mix-up (RFC 9700 § 4.4.1), where the honest provider's answers do not name it: the rogue one's own flow in
        the victim's browser asks for a code of the honest one, bound to a flow that the attacker has begun there.
        """
        honest = browser.provider
        honest.discovery = {"authorization_response_iss_parameter_supported": None}
        honest.answer = {"iss": None}
        Connection.objects.all().delete()
        connection = connect(browser.organization, honest)
        honest.callback_url = callback_url(connection)
        assert passes(browser)
        attackers = browser.open().headers["Location"]
        for says_iss in (None, True):
            with OidcProvider(callback_url=honest.callback_url) as rogue:
                settings.EGRESS_ALLOW |= {rogue.place}
                rogue.discovery = {"authorization_response_iss_parameter_supported": says_iss}
                organization, _ = make_organization()
                connect(organization, rogue)
                victim = Browser(organization, rogue)
                theirs = victim.open().headers["Location"]
                back = honest.authorize(changed(attackers, state=query_of(theirs)["state"]))
                assert error_of(victim.come_back(back)) == "server_error"
                assert not rogue.seen("token"), "the honest provider's code went to the rogue one"
        assert passes(browser)

    def test_the_answer_comes_to_another_callback(self, browser: Browser) -> None:
        browser.provider.discovery = {"authorization_response_iss_parameter_supported": None}
        Connection.objects.all().delete()
        browser.provider.callback_url = callback_url(connect(browser.organization, browser.provider))
        back = browser.log_in().replace(str(browser.organization.id), "00000000-0000-0000-0000-000000000000")
        assert error_of(browser.come_back(back)) == "server_error"
        assert not browser.provider.seen("token")
        assert passes(browser)


class TestRefusal:
    @pytest.mark.parametrize("word", ["access_denied", "login_required", "server_error", "anything&else"])
    def test_the_app_is_told_in_our_words(self, browser: Browser, word: str) -> None:
        browser.provider.error = word
        assert error_of(browser.come_back(browser.log_in())) == "access_denied"
        browser.provider.error = ""
        assert passes(browser)


# --- what the provider's ID token says -------------------------------------------------------------------------


@dataclass(frozen=True)
class Lie:
    """What is wrong with a token, and the word of it that the log has."""

    tell: Callable[[OidcProvider], None]
    word: str


def says(**claims: Any) -> Callable[[OidcProvider], None]:
    def tell(provider: OidcProvider) -> None:
        provider.id_token = {name: value(provider) if callable(value) else value for name, value in claims.items()}

    return tell


def sets(**attributes: Any) -> Callable[[OidcProvider], None]:
    def tell(provider: OidcProvider) -> None:
        for name, value in attributes.items():
            setattr(provider, name, value)

    return tell


def signs_with_a_key_of_its_own(provider: OidcProvider) -> None:
    """Under the name of the one that it shows."""
    mine = SigningKey.make("RS256", number=99)
    provider.signing_key = SigningKey("RS256", provider.keys[0].kid, mine.private)


def signs_with_another_kind_of_key(provider: OidcProvider) -> None:
    mine = SigningKey.make("ES256", number=99)
    provider.signing_key = SigningKey("ES256", provider.keys[0].kid, mine.private)


def signs_otherwise_than_its_key_says(provider: OidcProvider) -> None:
    shown = provider.keys[0]
    provider.signing_key = SigningKey("PS256", shown.kid, shown.private)


def brings_its_key_along(provider: OidcProvider) -> None:
    signs_with_a_key_of_its_own(provider)
    provider.header = {"jwk": provider.signing_key.jwk, "jku": f"{provider.issuer}/evil", "x5u": provider.issuer}


def cuts_the_signature(provider: OidcProvider) -> None:
    parts = [base64url(b'{"alg":"RS256","kid":"RS256-1"}'), base64url(b'{"sub":"alice"}'), ""]
    provider.token_answer = {"id_token": ".".join(parts)}


KID_IS_A_NUMBER = base64url(b'{"alg":"RS256","kid":7}') + ".e30.AA"
NOW = int(time.time())
DAY = 86_400
LIES: dict[str, Lie] = {
    "none": Lie(sets(sign_as="none"), "alg"),
    "HS256 with the public key": Lie(sets(sign_as="HS256"), "alg"),
    "a key of its own": Lie(signs_with_a_key_of_its_own, "signature"),
    "a key of another kind": Lie(signs_with_another_kind_of_key, "key"),
    "another algorithm than the key's": Lie(signs_otherwise_than_its_key_says, "key"),
    "a key in the token": Lie(brings_its_key_along, "signature"),
    "an unknown key": Lie(sets(header={"kid": "unknown"}), "key"),
    "a kid that is no text": Lie(sets(token_answer={"id_token": KID_IS_A_NUMBER}), "form"),
    "an extension that must be known": Lie(sets(header={"crit": ["b64"], "b64": False}), "crit"),
    "no signature": Lie(cuts_the_signature, "signature"),
    "no token": Lie(sets(token_answer={"id_token": "alice"}), "form"),
    "a huge token": Lie(sets(token_answer={"id_token": "a" * 70_000}), "form"),
    "expired": Lie(says(exp=NOW - 60), "exp"),
    "expired beyond the leeway": Lie(says(exp=lambda _: time.time() - 11), "exp"),
    "no expiry": Lie(says(exp=None), "exp"),
    "an expiry that is no time": Lie(says(exp="tomorrow"), "exp"),
    "an endless expiry": Lie(says(exp=float("inf")), "exp"),
    "an expiry that no float can be": Lie(says(exp=10**400), "exp"),
    "true as expiry": Lie(says(exp=True), "exp"),
    "of the future": Lie(says(iat=NOW + DAY, exp=NOW + 2 * DAY), "iat"),
    "of a future beyond the leeway": Lie(says(iat=lambda _: time.time() + 20), "iat"),
    "of no time": Lie(says(iat=None), "iat"),
    "not yet": Lie(says(nbf=NOW + DAY), "nbf"),
    "another issuer": Lie(says(iss="https://evil.example"), "iss"),
    "the issuer with a slash": Lie(says(iss=lambda provider: f"{provider.issuer}/"), "iss"),
    "no issuer": Lie(says(iss=None), "iss"),
    "another audience": Lie(says(aud="another client"), "aud"),
    "other audiences": Lie(says(aud=["another client", "a third"]), "aud"),
    "no audience": Lie(says(aud=None), "aud"),
    "several audiences and no party": Lie(says(aud=lambda provider: [provider.client_id, "another"]), "azp"),
    "several audiences and another party": Lie(
        says(aud=lambda provider: [provider.client_id, "another"], azp="another"), "azp"
    ),
    "another authorised party": Lie(says(azp="another client"), "azp"),
    "another nonce": Lie(says(nonce="another"), "nonce"),
    "no nonce": Lie(says(nonce=None), "nonce"),
    "a nonce that is no text": Lie(says(nonce=7), "nonce"),
    "no subject": Lie(says(sub=None), "sub"),
    "an empty subject": Lie(says(sub=""), "sub"),
    "a subject that is too long": Lie(says(sub="s" * 256), "sub"),
    "a subject that no database takes": Lie(says(sub="a\0b"), "sub"),
    "a subject that is no text": Lie(says(sub=7), "sub"),
    "the hash of another access token": Lie(says(at_hash="A" * 22), "at_hash"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_an_id_token_that_proves_nothing(browser: Browser, lie: Lie, caplog: pytest.LogCaptureFixture) -> None:
    provider = browser.provider
    honest_key = provider.signing_key
    lie.tell(provider)
    assert error_of(browser.come_back(browser.log_in())) == "server_error"
    (line,) = [record for record in caplog.records if record.message == "a single sign-on failed"]
    assert vars(line)["step"] == f"id_token {lie.word}"
    provider.id_token, provider.header, provider.token_answer, provider.sign_as = {}, {}, {}, ""
    provider.signing_key = honest_key
    assert passes(browser)


@pytest.mark.parametrize(
    "truth",
    [
        says(exp=lambda _: time.time() - 5),
        says(iat=lambda _: time.time() + 5),
        says(aud=lambda provider: [provider.client_id]),
        says(aud=lambda provider: [provider.client_id, "another"], azp=lambda provider: provider.client_id),
        says(azp=lambda provider: provider.client_id),
        says(at_hash=None),
        says(sub="s" * 255),
        sets(header={"kid": None}),
    ],
)
def test_an_id_token_that_is_right_to_the_edge(browser: Browser, truth: Callable[[OidcProvider], None]) -> None:
    truth(browser.provider)
    assert passes(browser)


def test_userinfo_of_somebody_else_ends_it(browser: Browser) -> None:
    """Token substitution (OpenID Connect Core § 5.3.4)."""
    browser.provider.email_in, browser.provider.userinfo = "userinfo", {"sub": "mallory"}
    assert error_of(browser.come_back(browser.log_in())) == "server_error"
    browser.provider.userinfo = {}
    assert passes(browser)


def test_an_access_token_that_would_end_its_header_is_not_sent(browser: Browser) -> None:
    browser.provider.email_in = "userinfo"
    browser.provider.token_answer = {"access_token": "a\r\nX-Evil: 1"}
    browser.provider.id_token = {"at_hash": None}
    assert passes(browser)
    assert not browser.provider.seen("userinfo")


# --- a provider that is away, or leads elsewhere ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (500, "temporarily_unavailable"),
        (429, "temporarily_unavailable"),
        ("reset", "temporarily_unavailable"),
        ("cut", "temporarily_unavailable"),
        (400, "server_error"),
        ("garbage", "server_error"),
        ("huge", "server_error"),
        ("redirect", "server_error"),
    ],
)
@pytest.mark.parametrize("page", ["token", "userinfo"])
def test_a_provider_that_fails(browser: Browser, page: Any, fault: Any, word: str) -> None:
    provider = browser.provider
    provider.email_in = "userinfo"
    with OidcProvider() as trap:
        provider.redirect_to, provider.faults = f"{trap.issuer}/token", {page: fault}
        answer = browser.come_back(browser.log_in())
        assert not trap.requests, "nothing follows a redirect"
    if page == "userinfo" and fault in {400, "garbage", "redirect"}:
        assert "code" in query_of(answer.headers["Location"]), "it says nothing, and who it is was proven"
    else:
        assert error_of(answer) == word
    provider.faults = {}
    assert passes(browser)


def test_a_provider_that_hangs_holds_nobody_for_long(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.organizations.sso.provider.asking.SECONDS", 0.3)
    browser.provider.faults = {"token": "hang"}
    back, began = browser.log_in(), time.monotonic()
    assert error_of(browser.come_back(back)) == "temporarily_unavailable"
    assert time.monotonic() - began < 2
    browser.provider.faults = {}
    monkeypatch.undo()


def test_a_provider_that_is_gone(browser: Browser) -> None:
    back = browser.log_in()
    browser.provider.stop()
    assert error_of(browser.come_back(back)) == "temporarily_unavailable"


INSIDE = [
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/token",
    "https://localhost/token",
    "https://[::1]/token",
    "https://10.0.0.1/token",
    "http://login.example.com/token",
    "https://login.example.com:8443/token",
    "https://user@login.example.com/token",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("name", ["token_endpoint", "userinfo_endpoint", "jwks_uri"])
def test_an_address_that_leads_inside_by_now(browser: Browser, name: str, address: str) -> None:
    """Whatever the discovery document said: the guard looks at each use."""
    browser.provider.email_in = "userinfo"
    connection = Connection.objects.get()
    honest = dict(connection.metadata)
    connection.metadata = {**honest, name: address}
    connection.keys = {"keys": [], "seconds": 3600}
    connection.keys_at = connection.keys_asked_at = datetime.fromtimestamp(0, UTC)
    connection.save()
    told = error_of(browser.come_back(browser.log_in()))
    assert told == ("temporarily_unavailable" if name == "jwks_uri" else "server_error")
    Connection.objects.update(metadata=honest, keys_asked_at=datetime.fromtimestamp(0, UTC))
    assert passes(browser)


def test_nothing_of_a_flow_is_left_for_who_comes_without_one(browser: Browser) -> None:
    """A callback that was only opened tells nothing of connections, organisations or accounts."""
    parts = urlsplit(browser.log_in())
    answers = [ApiClient().get(f"{parts.path}?{query}") for query in ("state=a&code=b", "code=b", "error=c", "")]
    assert {(answer.status, tuple(answer.json["errors"])) for answer in answers} == {(400, ("state",))}


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_hangs_takes_no_place_of_anothers(browser: Browser, settings: Any) -> None:
    browser.provider.faults = {"token": "hang"}
    waiting = [Browser(browser.organization, browser.provider) for _ in range(MOST_AT_ONE_HOST)]
    threads = [Thread(target=sign_on_and_leave, args=(one,)) for one in waiting]
    for thread in threads:
        thread.start()
    while len(browser.provider.seen("token")) < MOST_AT_ONE_HOST:
        time.sleep(0.01)
    assert browser.sign_on()["error"] == "temporarily_unavailable"
    with OidcProvider(callback_url=browser.provider.callback_url) as other:
        settings.EGRESS_ALLOW |= {other.place}
        organization, _ = make_organization()
        connect(organization, other)
        assert passes(Browser(organization, other))
    browser.provider.let_go()
    for thread in threads:
        thread.join(timeout=30)
    assert passes(browser)


def sign_on_and_leave(browser: Browser) -> None:
    browser.sign_on()
    database.close()
