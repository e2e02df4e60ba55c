"""PUT /organizations/{id}/sso: what of the provider is checked, and where we do not go."""

import time
from typing import Any

import pytest

from accounts.organizations.models import (
    Connection,
    Role,
)
from adiuva.egress import guard
from tests.accounts.conftest import Clock
from tests.accounts.organizations.sso.conftest import Acme
from tests.fakes.oidc_keys import base64url
from tests.fakes.oidc_provider import OidcProvider
from tests.support.accounts import make_account
from tests.support.client import Answer
from tests.support.foreign_hosts import ForeignHosts, foreign
from tests.support.organizations import join
from tests.support.sign_on import Browser

__all__ = ["foreign"]
pytestmark = pytest.mark.django_db


def sentence_of(answer: Answer) -> str:
    assert (answer.status, answer.code) == (400, "validation_error"), answer
    ((name, (sentence,)),) = answer.json["errors"].items()
    assert name == "issuer"
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "SECRET" not in sentence
    return str(sentence)


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://evil.example"}, "another issuer"),
    "no issuer": ({"issuer": None}, "another issuer"),
    "an issuer that is no text": ({"issuer": ["x"]}, "another issuer"),
    "no authorization endpoint": ({"authorization_endpoint": None}, "authorization_endpoint"),
    "no token endpoint": ({"token_endpoint": None}, "token_endpoint"),
    "a token endpoint that is no text": ({"token_endpoint": {"a": 1}}, "token_endpoint"),
    "no keys": ({"jwks_uri": None}, "jwks_uri"),
    "no code flow": ({"response_types_supported": ["id_token"]}, "code flow"),
    "no response types": ({"response_types_supported": None}, "code flow"),
    "response types that are no list": ({"response_types_supported": "code"}, "code flow"),
    "plain PKCE": ({"code_challenge_methods_supported": ["plain"]}, "S256"),
    "keys of another kind for clients": ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "secret"),
    "a query that no database takes": ({"token_endpoint": "http://127.0.0.1/t?\0"}, "no query has"),
    "such a query elsewhere": ({"userinfo_endpoint": "http://127.0.0.1/u?\ud800"}, "no query has"),
    "a fragment": ({"authorization_endpoint": "https://login.example.com/#a"}, "fragment"),
    "a line end": ({"authorization_endpoint": "https://login.example.com/\r\nX-Evil: 1"}, "fragment"),
}


@pytest.mark.parametrize(("document", "sentence"), UNFIT.values(), ids=UNFIT)
def test_a_provider_that_cannot_be_used(acme: Acme, document: dict[str, Any], sentence: str) -> None:
    acme.provider.discovery = document
    assert sentence in sentence_of(acme.put())
    assert not Connection.objects.exists()
    acme.provider.discovery = {}
    assert acme.put().status == 200


@pytest.mark.parametrize(
    "document",
    [
        {"code_challenge_methods_supported": None},
        {"token_endpoint_auth_methods_supported": None},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]},
        {"userinfo_endpoint": None},
        {"unknown": {"a": ["b"]}},
    ],
)
def test_a_provider_need_not_say_everything(acme: Acme, document: dict[str, Any]) -> None:
    acme.provider.discovery = document
    assert acme.put().status == 200


FAULTS = [500, 404, 401, 429, "reset", "cut", "garbage", "huge", "redirect"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("page", ["discovery", "jwks"])
def test_a_provider_that_fails(acme: Acme, page: Any, fault: Any) -> None:
    with OidcProvider() as trap:
        acme.provider.redirect_to, acme.provider.faults = f"{trap.issuer}/jwks", {page: fault}
        sentence_of(acme.put())
        assert not trap.requests, "nothing follows a redirect"
    acme.provider.faults = {}
    assert acme.put().status == 200


def test_a_provider_that_hangs(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.organizations.sso.provider.asking.SECONDS", 0.3)
    acme.provider.faults, began = {"discovery": "hang"}, time.monotonic()
    assert "time" in sentence_of(acme.put())
    assert time.monotonic() - began < 3


def test_an_organisation_makes_us_ask_providers_so_often_and_no_more(acme: Acme, limits_clock: Clock) -> None:
    """Each with another name may hang, and they would take the places of everybody's sign-ons: whoever of it asks."""
    admin = join(acme.organization, role=Role.ADMIN)
    statuses = [acme.put(by, issuer="https://x").status for _ in range(20) for by in (acme.owner, admin)]
    assert statuses == [400] * 20 + [429] * 20
    assert acme.put(make_account(tier="free")).status == 404
    assert acme.get().status == 404


def test_nobody_is_there(acme: Acme) -> None:
    acme.provider.stop()
    assert "reached" in sentence_of(acme.put())


def test_keys_of_no_kind_that_we_take(acme: Acme) -> None:
    (honest,) = acme.provider.keys
    for jwk in (
        {**honest.jwk, "use": "enc"},
        {**honest.jwk, "alg": "RS512"},
        {**honest.jwk, "alg": "HS256"},
        {**honest.jwk, "kty": "oct", "k": "AAAA"},
        {**honest.jwk, "n": "AQAB"},
        {**honest.jwk, "n": base64url((2**2047 - 1).to_bytes(256))},  # a bit too few
        {**honest.jwk, "n": "not base64!"},
        {**honest.jwk, "kid": "\x00"},
        {**honest.jwk, "kid": "\ud800"},
        {**honest.jwk, "kid": ["a"]},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        "a key",
    ):
        acme.provider.jwks = {"keys": [jwk]}
        assert "no key" in sentence_of(acme.put()), jwk
    acme.provider.jwks = {"keys": [{**honest.jwk, "alg": "RS512"}, honest.jwk]}
    assert acme.put().status == 200


def test_a_private_key_that_a_provider_shows_is_not_kept(acme: Acme) -> None:
    acme.provider.jwks = {"keys": [{**acme.provider.keys[0].jwk, "d": "PRIVATE", "p": "PRIVATE"}]}
    assert acme.put().status == 200
    assert "PRIVATE" not in str(Connection.objects.get().keys)


# --- where we do not go ----------------------------------------------------------------------------------------

INSIDE: dict[str, str] = {
    "metadata of a cloud": "https://169.254.169.254",
    "metadata over http": "http://169.254.169.254/latest/meta-data",
    "localhost": "https://localhost",
    "loopback": "https://127.0.0.1",
    "loopback over IPv6": "https://[::1]",
    "loopback as a number": "https://2130706433",
    "a private network": "https://10.0.0.1",
    "http": "http://login.example.com",
    "another port": "https://login.example.com:8443",
    "a name that leads to loopback": "https://inside.example.com",
    "a name that leads to a metadata service": "https://metadata.example.com",
    "a user in the address": "https://login.example.com@127.0.0.1",
    "a name of the network": "https://idp.internal",
    "no web address": "file:///etc/passwd",
}


@pytest.fixture
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the resolver says."""
    known = {"inside.example.com": "127.0.0.1", "metadata.example.com": "169.254.169.254"}

    def look_up(host: str, port: int) -> list[tuple[str, int]]:
        return [(known.get(host, "93.184.215.14"), port)]

    monkeypatch.setattr(guard, "_ask_system", look_up)


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE)
class TestInside:
    def test_as_issuer(self, acme: Acme, address: str) -> None:
        sentence_of(acme.put(issuer=address))
        assert not acme.provider.requests
        assert acme.put().status == 200

    @pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
    def test_as_an_endpoint_that_we_ask(self, acme: Acme, name: str, address: str) -> None:
        acme.provider.discovery = {name: f"{address}/x"}
        assert name in sentence_of(acme.put())
        acme.provider.discovery = {}
        assert acme.put().status == 200

    def test_as_the_page_that_a_browser_opens(self, acme: Acme, address: str) -> None:
        """Where a name leads is the browser's to find out: we connect to none."""
        acme.provider.discovery = {"authorization_endpoint": f"{address}/authorize"}
        if address in {"https://inside.example.com", "https://metadata.example.com"}:
            assert acme.put().status == 200
        else:
            assert "authorization_endpoint" in sentence_of(acme.put())


def test_a_provider_of_the_internet_is_known_by_its_certificate(acme: Acme, foreign: ForeignHosts) -> None:
    with OidcProvider(host="login.example.com", tls=foreign.authority.server_context("login.example.com")) as real:
        foreign.addresses["login.example.com"] = [("127.0.0.1", real.port)]
        real.callback_url = acme.provider.callback_url
        assert acme.put(issuer="https://login.example.com").status == 200
        assert "code" in Browser(acme.organization, real).sign_on()
    with OidcProvider(host="login.example.com", tls=foreign.authority.server_context("evil.example.com")) as evil:
        foreign.addresses["login.example.com"] = [("127.0.0.1", evil.port)]
        assert "reached" in sentence_of(acme.put(issuer="https://login.example.com"))
        assert not evil.requests
