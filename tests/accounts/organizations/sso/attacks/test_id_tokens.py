"""What an ID token says that proves nothing: each is refused, and the same flow without it passes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.accounts.organizations.sso.attacks.flows import error_of, passes
from tests.fakes.oidc_keys import SigningKey, base64url
from tests.fakes.oidc_provider import OidcProvider
from tests.support.sign_on import Browser

pytestmark = pytest.mark.django_db


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
