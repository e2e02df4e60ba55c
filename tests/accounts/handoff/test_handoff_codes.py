"""From a login in the browser to the app: POST /auth/passkeys/login/code and POST /auth/sso/token."""

import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st

from accounts.handoff import codes
from accounts.handoff.codes import challenge_of, is_app_address
from accounts.models import Session, User
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.passkeys.owners import Owner
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

APP = "http://127.0.0.1:51234/callback"
STATE = "st&te ü"


@pytest.fixture
def owner(api: ApiClient, make_user: Callable[..., Account], settings: Any) -> Owner:
    owner = Owner(account=make_user(), device=Authenticator(origin=settings.PUBLIC_ORIGIN), api=api)
    owner.add_passkey()
    return owner


@pytest.fixture
def verifier() -> str:
    return secrets.token_urlsafe(48)


def ask(owner: Owner, verifier: str, **changes: Any) -> Answer:
    body = {
        "credential": owner.assertion(),
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "redirect_uri": APP,
        "state": STATE,
    }
    return owner.api.post("auth/passkeys/login/code", json=body | changes)


def code_of(owner: Owner, verifier: str) -> str:
    answer = ask(owner, verifier)
    assert answer.status == 200, answer
    return parse_qs(urlsplit(answer.json["redirect_to"]).query)["code"][0]


def redeem(code: str, verifier: str, **headers: str) -> Answer:
    body = {"code": code, "code_verifier": verifier}
    return ApiClient().post("auth/sso/token", json=body, headers=headers)


@pytest.mark.django_db
def test_the_browser_gets_a_code_and_the_app_its_tokens(owner: Owner, verifier: str) -> None:
    answer = ask(owner, verifier)
    assert answer.status == 200
    assert list(answer.json) == ["redirect_to"]
    address, _, query = answer.json["redirect_to"].partition("?")
    assert address == APP
    told = parse_qs(query)
    assert set(told) == {"code", "state"}
    assert told["state"] == [STATE]
    assert not Session.objects.exclude(id=owner.account.session_id).exists()
    tokens = redeem(told["code"][0], verifier, **{"User-Agent": "Adiuva/1.0 (Electron)"})
    assert tokens.status == 200
    assert set(tokens.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    session = Session.objects.exclude(id=owner.account.session_id).get()
    assert session.user_agent == "Adiuva/1.0 (Electron)"
    assert owner.api.get("auth/me", token=tokens.json["access_token"]).json["email"] == owner.account.email


@pytest.mark.django_db
def test_a_code_counts_once(owner: Owner, verifier: str) -> None:
    code = code_of(owner, verifier)
    assert redeem(code, verifier).status == 200
    again = redeem(code, verifier)
    assert (again.status, again.code) == (401, "invalid_grant")
    assert redeem("unknown", verifier).code == "invalid_grant"


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["x", "A" * 43, "A" * 128, "ü" * 43])
def test_a_wrong_verifier_uses_the_code_up(owner: Owner, verifier: str, wrong: str) -> None:
    code = code_of(owner, verifier)
    assert redeem(code, wrong).code == "invalid_grant"
    assert redeem(code, verifier).code == "invalid_grant"


@pytest.mark.django_db
def test_a_code_lives_a_minute(owner: Owner, verifier: str) -> None:
    code = code_of(owner, verifier)
    cache.touch(codes.CODES.key(code), -1)
    assert redeem(code, verifier).code == "invalid_grant"
    assert codes.LIFETIME_SECONDS == 60


@pytest.mark.django_db
def test_a_code_of_the_version_before_is_none_any_more(owner: Owner, verifier: str) -> None:
    code = code_of(owner, verifier)
    kept = {"user": str(owner.account.user.id), "method": "passkey", "code_challenge": challenge_of(verifier)}
    cache.set(codes.CODES.key(code), json.dumps(kept), 60)
    assert redeem(code, verifier).code == "invalid_grant"


@pytest.mark.django_db
def test_a_code_dies_with_the_password_and_with_the_account(owner: Owner, verifier: str) -> None:
    first, second = (code_of(owner, verifier) for _ in range(2))
    owner.account.user.set_password("another long sentence")
    owner.account.user.save()
    assert redeem(first, verifier).code == "invalid_grant"
    User.objects.filter(id=owner.account.user.id).update(is_active=False)
    assert redeem(second, verifier).code == "invalid_grant"


@pytest.mark.django_db
def test_the_cache_holds_no_code(owner: Owner, verifier: str) -> None:
    code = code_of(owner, verifier)
    assert code not in codes.CODES.key(code)
    assert code not in cache.get(codes.CODES.key(code))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code_challenge": "short"}, "code_challenge"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:5000/"}, "redirect_uri"),
        ({"state": ""}, "state"),
        ({"credential": {}}, "credential.id"),
        ({"credential": None}, "credential"),
    ],
)
def test_what_the_app_asks_for_is_checked(owner: Owner, verifier: str, change: dict[str, Any], field: str) -> None:
    answer = ask(owner, verifier, **change)
    assert answer.status == 400
    assert next(iter(answer.json["errors"])) == field


@pytest.mark.django_db
def test_a_login_that_fails_gives_no_code(owner: Owner, verifier: str) -> None:
    owner.device.verifies_user = False
    answer = ask(owner, verifier)
    assert (answer.status, answer.code) == (401, "invalid_credentials")


@pytest.mark.django_db
def test_what_is_no_request_for_tokens_is_400(api: ApiClient) -> None:
    for body in ({}, {"code": "x"}, {"code": 1, "code_verifier": "x"}, {"code": "x", "code_verifier": "v" * 513}):
        assert api.post("auth/sso/token", json=body).status == 400


@pytest.mark.django_db
def test_without_a_cache_it_is_503(api: ApiClient, no_cache: None) -> None:
    answer = api.post("auth/sso/token", json={"code": "x", "code_verifier": "x"})
    assert (answer.status, answer.code) == (503, "upstream_unavailable")


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_redeem_at_once_one_gets_tokens(owner: Owner, verifier: str) -> None:
    code = code_of(owner, verifier)
    answers = run_concurrently(*[lambda: redeem(code, verifier).status] * 20)
    assert sorted(answers) == [200] + [401] * 19


def test_the_verifier_is_hashed_as_the_standard_does() -> None:
    """The example of RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    "address",
    [APP, "http://127.0.0.1/", "http://[::1]:8080/a?b=c", "http://127.0.0.1:1", "adiuva://sso", "adiuva://a/b?c=d"],
)
def test_an_address_of_an_app(address: str) -> None:
    assert is_app_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://localhost:8080/",
        "https://127.0.0.1:8080/",
        "http://127.0.0.1:8080@evil.example/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1:80/#fragment",
        "http://127.0.0.1/#",
        "http:127.0.0.1/",
        "http://127.1/",
        "http://[::2]/",
        "HTTP://127.0.0.1/",
        "adiuva:sso",
        "adiuvas://sso",
        "javascript:alert(1)",
        "//127.0.0.1/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\n",
        "http://127.0.0.1/ü",
        "http://127.0.0.1/" + "a" * 512,
    ],
)
def test_no_address_of_an_app(address: str) -> None:
    assert not is_app_address(address)


@given(st.text(max_size=40))
def test_what_stands_after_the_host_never_leads_elsewhere(rest: str) -> None:
    """Whatever is taken, a browser's way of reading it (WHATWG URL: backslash is a slash) has our host."""
    address = f"http://127.0.0.1{rest}"
    if is_app_address(address):
        host = address.removeprefix("http://").replace("\\", "/").partition("/")[0].partition("?")[0]
        assert host.rpartition("@")[2].partition(":")[0] == "127.0.0.1"
        assert "@" not in host
