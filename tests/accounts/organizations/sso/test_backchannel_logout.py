"""POST /auth/sso/backchannel-logout: OpenID Connect Back-Channel Logout 1.0."""

import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache

from accounts.organizations.models import Connection, Identity, SsoSession
from accounts.organizations.sso.backchannel_logout import EVENT, read_claims
from tests.accounts.concurrency import run_concurrently
from tests.accounts.organizations.sso.companies import CLIENT, ISSUER, Company, make_company
from tests.accounts.recovery.actions import NEW_PASSWORD
from tests.accounts.test_revocation_messages import ended_while
from tests.fakes.oidc_keys import SigningKey
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
KEY = SigningKey.make("ES256")
FORM = "application/x-www-form-urlencoded"


def claims(**changes: Any) -> dict[str, Any]:
    """Of a token that nothing is wrong with; None takes one away."""
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_hex(8),
        "events": {EVENT: {}},
        "sub": "alice",
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def send(token: str, **more: str) -> Answer:
    body = urlencode({"logout_token": token, **more})
    return ApiClient().post("auth/sso/backchannel-logout", body=body, content_type=FORM)


def sign(said: dict[str, Any]) -> str:
    return KEY.sign(said, {"typ": "logout+jwt"})


def tell(**changes: Any) -> Answer:
    return send(sign(claims(**changes)))


@pytest.fixture
def company() -> Company:
    company = make_company()
    for subject in ("alice", "bob"):
        company.identify(company.join(), subject)
    return company


def is_live(tokens: dict[str, Any]) -> bool:
    return ApiClient().get("auth/me", token=tokens["access_token"]).status == 200


def test_a_subject_ends_all_of_its_sessions_and_nobody_elses(company: Company) -> None:
    alice = [company.sign_in("alice", sid=sid).json for sid in ("1", "2", "")]
    bob = company.sign_in("bob", sid="3").json
    answer = tell()
    assert (answer.status, answer.content, answer.headers["Cache-Control"]) == (200, b"", "no-store")
    assert [is_live(tokens) for tokens in alice] == [False] * 3
    assert is_live(bob)
    user_id = Identity.objects.get(subject="alice").user_id
    assert company.audit() == [("sso_sessions_ended", "sso", user_id)]


def test_a_session_of_the_providers_ends_ours_alone(company: Company) -> None:
    first, second = (company.sign_in(sid=sid).json for sid in ("1", "2"))
    assert tell(sub=None, sid="1").status == 200
    assert (is_live(first), is_live(second)) == (False, True)


def test_a_session_of_another_subject_is_not_meant(company: Company) -> None:
    tokens = company.sign_in(sid="1").json
    assert tell(sub="bob", sid="1").status == 200
    assert is_live(tokens)


def test_a_session_that_the_provider_never_named_ends_with_any_of_its_subject(company: Company) -> None:
    unnamed, another = company.sign_in(sid="").json, company.sign_in("bob", sid="").json
    assert tell(sub=None, sid="1").status == 200
    assert is_live(unnamed)
    assert tell(sid="1").status == 200
    assert (is_live(unnamed), is_live(another)) == (False, True)


def test_a_login_by_password_goes_on(company: Company) -> None:
    account = company.join()
    company.identify(account, "carol")
    company.sign_in("carol")
    assert tell(sub="carol").status == 200
    assert ApiClient().get("auth/me", token=account.access_token).status == 200


def test_an_ended_session_cannot_be_refreshed(company: Company) -> None:
    tokens = company.sign_in().json
    tell()
    answer = ApiClient().post("auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert (answer.status, answer.code) == (401, "invalid_token")


@pytest.mark.parametrize("names", [{"sub": "nobody"}, {"sub": None, "sid": "nothing"}])
def test_who_is_unknown_is_no_error(company: Company, names: dict[str, Any]) -> None:
    tokens = company.sign_in(sid="1").json
    assert tell(**names).status == 200
    assert is_live(tokens)
    assert company.audit() == []


def test_another_connection_to_the_same_client_ends_its_own(company: Company) -> None:
    """Two organisations may go through one provider."""
    company.organization.domains.all().delete()
    other = make_company()
    other.identify(other.join())
    both = [one.sign_in().json for one in (company, other)]
    assert tell().status == 200
    assert [is_live(tokens) for tokens in both] == [False, False]


def test_a_connection_with_other_keys_does_not_listen(company: Company) -> None:
    company.organization.domains.all().delete()
    other = make_company(keys={"keys": [SigningKey.make("RS256").jwk], "seconds": 3600})
    other.identify(other.join())
    tokens = other.sign_in().json
    assert tell().status == 200
    assert is_live(tokens)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"iss": ISSUER + "\0"},
        {"iss": ISSUER + "\ud800"},
        {"aud": "another client"},
        {"aud": None},
        {"aud": []},
        {"aud": {"x": 1}},
        {"aud": [CLIENT, 1]},
        {"aud": [CLIENT, "\udfff"]},
        {"events": None},
        {"events": {}},
        {"events": [EVENT]},
        {"events": EVENT},
        {"events": {EVENT: None}},
        {"events": {EVENT: []}},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"nonce": "n"},
        {"nonce": ""},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"sid": 1},
        {"sid": ""},
        {"sub": "a" * 256},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"exp": None},
    ],
    ids=str,
)
def test_what_is_no_logout_token_is_400_and_ends_nothing(company: Company, changes: dict[str, Any]) -> None:
    tokens = company.sign_in().json
    answer = tell(**changes)
    assert (answer.status, answer.code, set(answer.json["errors"])) == (400, "validation_error", {"logout_token"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert is_live(tokens)


@pytest.mark.parametrize(("name", "after"), [("iat", -140), ("iat", 30), ("exp", -20)])
def test_a_token_of_another_time_is_400_and_ends_nothing(company: Company, name: str, after: int) -> None:
    tokens = company.sign_in().json
    assert tell(**{name: int(time.time()) + after}).status == 400
    assert is_live(tokens)


def unsigned() -> str:
    return KEY.sign(claims(), {}, sign_as="none")


def signed_with_the_public_key() -> str:
    return KEY.sign(claims(), {}, sign_as="HS256")


def signed_by_somebody_else() -> str:
    stranger = SigningKey.make("ES256", number=2)
    return SigningKey("ES256", KEY.kid, stranger.private).sign(claims(), {})


def changed_afterwards() -> str:
    head, _, signature = sign(claims(sub="bob")).split(".")
    return ".".join([head, sign(claims()).split(".")[1], signature])


@pytest.mark.parametrize(
    "make",
    [unsigned, signed_with_the_public_key, signed_by_somebody_else, changed_afterwards]
    + [partial(str, text) for text in ("x", "a.b.c", "..", "e30.e30.", "é", "[" * 5000, "." + "W" * 9000 + ".")],
)
def test_what_the_provider_has_not_signed_ends_nothing(company: Company, make: Callable[[], str]) -> None:
    tokens = company.sign_in().json
    assert send(make()).status == 400
    assert is_live(tokens)


def test_a_token_counts_once(company: Company) -> None:
    token = sign(claims())
    company.sign_in()
    assert send(token).status == 200
    tokens = company.sign_in().json
    assert send(token).status == 400
    assert is_live(tokens)


def test_without_a_cache_it_ends_sessions_all_the_same(company: Company, request: pytest.FixtureRequest) -> None:
    tokens = company.sign_in(sid="1").json
    request.getfixturevalue("no_cache")
    assert tell(sid="1").status == 200
    assert not SsoSession.objects.filter(session__revoked_at__isnull=True).exists()
    del tokens


def test_a_code_on_its_way_dies_with_the_providers_session(company: Company) -> None:
    first, second = company.code(sid="1"), company.code(sid="2")
    assert tell(sub=None, sid="1").status == 200
    redeemed = ApiClient().post("auth/sso/token", json=first)
    assert (redeemed.status, redeemed.code) == (401, "invalid_grant")
    assert ApiClient().post("auth/sso/token", json=second).status == 200


def test_an_old_providers_word_counts_for_nothing(company: Company) -> None:
    tokens = company.sign_in().json
    company.change(issuer="https://new.example")
    assert tell().status == 400
    assert is_live(tokens)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("", FORM, 400),
        ("logout_token=", FORM, 400),
        ("logout_token=" + "x" * 20_000, FORM, 400),
        ('{"logout_token": "x"}', "application/json", 415),
    ],
)
def test_it_takes_a_form_with_a_token(body: str, content_type: str, status: int) -> None:
    answer = ApiClient().post("auth/sso/backchannel-logout", body=body, content_type=content_type)
    assert answer.status == status


def test_what_else_the_form_holds_is_ignored(company: Company) -> None:
    assert send(sign(claims()), other="x").status == 200


def test_one_address_may_not_send_without_end(company: Company) -> None:
    from accounts.organizations.sso.accounts_views import LOGOUT_LIMITS

    statuses = [send("x").status for _ in range(LOGOUT_LIMITS.per_address + 1)]
    assert statuses[-2:] == [400, 429]
    cache.clear()


@pytest.mark.django_db(transaction=True)
def test_open_sockets_hear_of_it() -> None:
    company = make_company()
    account = company.join()
    company.identify(account)
    company.sign_in(sid="1")
    begun = SsoSession.objects.get().session_id
    assert ended_while(account, partial(tell, sub=None, sid="1"), 5) == {begun}


@pytest.mark.django_db(transaction=True)
def test_no_session_slips_through_by_a_change_of_password_or_a_login_at_the_same_moment() -> None:
    for _ in range(4):
        Connection.objects.all().delete()
        company = make_company(keys={"keys": [KEY.jwk], "seconds": 3600})
        account: Account = company.join()
        company.identify(account)
        token = company.sign_in(sid="1").json["access_token"]
        change = {"current_password": account.password, "new_password": NEW_PASSWORD}
        run_concurrently(
            partial(ApiClient().post, "auth/password", json=change, token=token),
            partial(ApiClient().post, "auth/sso/token", json=company.code(sid="1")),
            partial(tell, sub=None, sid="1"),
        )
        assert not SsoSession.objects.filter(session__revoked_at__isnull=True).exists()
        company.organization.domains.all().delete()


def test_the_rule_takes_what_the_standard_shows() -> None:
    """The example of § 2.4."""
    shown = {
        "iss": "https://server.example.com",
        "sub": "248289761001",
        "aud": "s6BhdRkqt3",
        "iat": 1471566154,
        "exp": 1471569754,
        "jti": "bWJq",
        "sid": "08a5019c-17e1-4977-8f42-65a12843ea02",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    named = read_claims(shown, now=1471566160)
    assert named is not None
    assert (named.subject, named.provider_session_id) == (shown["sub"], shown["sid"])
    assert read_claims(shown, now=1471566160 + 200) is None
