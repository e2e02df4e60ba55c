"""Whatever a provider answers, it is refused or taken: never a failure of ours."""

from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.handoff.codes import use_code
from accounts.organizations.sso.claims import ProviderClaims
from tests.accounts.organizations.sso.conftest import Acme
from tests.fakes.oidc_provider import OidcProvider
from tests.support.client import Answer
from tests.support.organizations import make_organization
from tests.support.sign_on import Browser, connect

pytestmark = pytest.mark.django_db

# With halves of surrogate pairs, which JSON can escape and neither UTF-8 nor a database has.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just("\ud800")
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
CLAIMS = st.sampled_from(["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "sid", "email"])
FIELDS = st.sampled_from(
    [
        *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"),
        *("response_types_supported", "code_challenge_methods_supported", "token_endpoint_auth_methods_supported"),
        "authorization_response_iss_parameter_supported",
    ]
)
PARTS = st.sampled_from(["kty", "crv", "kid", "alg", "use", "n", "e"])
# One database for all examples, which do not disturb each other.
examples = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def browser(provider: OidcProvider) -> Browser:
    organization, _ = make_organization()
    connect(organization, provider)
    return Browser(organization, provider)


def is_told(browser: Browser) -> bool:
    """Whether there is a code; what it stands for is of one form."""
    browser.api._client.cookies.clear()
    told = browser.sign_on()
    if "code" not in told:
        assert told["error"] in {"server_error", "temporarily_unavailable"}
        return False
    claims = ProviderClaims.from_subject(use_code(code=told["code"], code_verifier=browser.code_verifier).subject)
    assert claims.issuer == browser.provider.issuer
    assert 0 < len(claims.subject) <= 255
    assert claims.subject.isprintable()
    assert claims.email is None or "@" in claims.email
    return True


@examples
@given(name=CLAIMS, value=JSON)
def test_any_claim(browser: Browser, name: str, value: Any) -> None:
    browser.provider.id_token = {name: value}
    is_told(browser)


@examples
@given(page=st.sampled_from(["token", "userinfo"]), value=JSON)
def test_any_answer_to_a_code(browser: Browser, page: Any, value: Any) -> None:
    browser.provider.email_in = "userinfo"
    browser.provider.bodies = {page: value}
    assert is_told(browser) is (page == "userinfo" and not (isinstance(value, dict) and value))


def put(acme: Acme) -> Answer:
    """As often as there are examples."""
    cache.clear()
    return acme.put()


@examples
@given(name=FIELDS, value=JSON)
def test_any_discovery_document(acme: Acme, name: str, value: Any) -> None:
    acme.provider.bodies = {}
    acme.provider.discovery = {name: value}
    assert put(acme).status in {200, 400}


@examples
@given(name=PARTS, value=JSON)
def test_any_key(acme: Acme, name: str, value: Any) -> None:
    (key,) = acme.provider.keys
    acme.provider.jwks = {"keys": [{**key.jwk, name: value}]}
    assert put(acme).status in {200, 400}


@pytest.mark.thorough
@examples
@given(page=st.sampled_from(["discovery", "jwks"]), value=JSON)
def test_any_document(acme: Acme, page: Any, value: Any) -> None:
    acme.provider.bodies = {page: value}
    assert put(acme).status == 400
