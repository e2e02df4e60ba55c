"""Whatever is not exactly an access token of ours is 401, with a challenge, and never a 5xx."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings

from accounts import authentication, ws_tickets
from accounts.access_tokens import new_access_token
from accounts.models import Session, User
from adiuva.api.errors import InvalidToken
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
GONE = object()


def assert_invalid(answer: Answer) -> None:
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adiuva", error="invalid_token"'


def good_claims(account: Account) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(account.access_token, options={"verify_signature": False})
    return claims


def sign(claims: dict[str, Any], *, algorithm: str = "HS256", key: str | None = None, **header: Any) -> str:
    return jwt.encode(claims, key or settings.JWT_SECRET, algorithm=algorithm, headers=header or None)


def by_hand(header: Any, payload: Any) -> str:
    """A token with any header at all, signed with the right key by HMAC-SHA256."""
    parts = [
        base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=")
        for part in (header, payload)
    ]
    signature = hmac.new(settings.JWT_SECRET.encode(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_the_forgers_own_tools_make_a_good_token_when_nothing_is_changed(api: ApiClient, make_user: MakeUser) -> None:
    claims = good_claims(make_user())
    assert api.get("auth/me", token=sign(claims)).status == 200
    assert api.get("auth/me", token=by_hand({"alg": "HS256", "typ": "JWT"}, claims)).status == 200


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_hmac_is_refused_though_the_key_is_right(api: ApiClient, make_user: MakeUser, algorithm: str) -> None:
    assert_invalid(api.get("auth/me", token=sign(good_claims(make_user()), algorithm=algorithm)))


def test_another_key_is_refused(api: ApiClient, make_user: MakeUser) -> None:
    assert_invalid(api.get("auth/me", token=sign(good_claims(make_user()), key="another key of thirty-two bytes!")))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", "RS256", "ES256", "EdDSA", None, 1, ["HS256"]]
)
def test_another_algorithm_in_the_header_is_refused(api: ApiClient, make_user: MakeUser, algorithm: Any) -> None:
    token = by_hand({"alg": algorithm, "typ": "JWT"}, good_claims(make_user()))
    assert_invalid(api.get("auth/me", token=token))
    unsigned = token.rpartition(".")[0] + "."
    assert_invalid(api.get("auth/me", token=unsigned))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", GONE),
        ("iss", "another"),
        ("iss", ["adiuva"]),
        ("aud", GONE),
        ("aud", "another"),
        ("aud", []),
        ("aud", None),
        ("token_type", GONE),
        ("token_type", "refresh"),
        ("token_type", None),
        ("jti", GONE),
        ("exp", GONE),
        ("exp", None),
        ("exp", "tomorrow"),
        ("exp", 10**30),
        ("exp", -1),
        ("iat", "now"),
        ("sub", GONE),
        ("sub", None),
        ("sub", 1),
        ("sub", ""),
        ("sub", "admin"),
        ("sid", GONE),
        ("sid", None),
        ("sid", 7),
        ("sid", ["x"]),
        ("sid", {}),
        ("sid", "not-a-uuid"),
        ("sid", "\ud800"),
    ],
)
def test_a_claim_that_is_missing_or_another_is_refused(
    api: ApiClient, make_user: MakeUser, claim: str, value: Any
) -> None:
    claims = good_claims(make_user())
    if value is GONE:
        del claims[claim]
    else:
        claims[claim] = value
    assert_invalid(api.get("auth/me", token=by_hand({"alg": "HS256", "typ": "JWT"}, claims)))


def test_an_expired_token_is_refused(api: ApiClient, make_user: MakeUser) -> None:
    now = int(time.time())
    assert_invalid(api.get("auth/me", token=sign(good_claims(make_user()) | {"iat": now - 100, "exp": now - 11})))


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_from_the_future_is_refused(api: ApiClient, make_user: MakeUser, claim: str) -> None:
    assert_invalid(api.get("auth/me", token=sign(good_claims(make_user()) | {claim: int(time.time()) + 12})))


@pytest.mark.parametrize("claims", [{"iat": 8}, {"nbf": 8}, {"iat": 8, "nbf": 8}, {"iat": -100, "exp": -8}])
def test_a_token_of_another_server_passes_while_their_clocks_are_ten_seconds_apart(
    api: ApiClient, make_user: MakeUser, claims: dict[str, int]
) -> None:
    now = int(time.time())
    token = sign(good_claims(make_user()) | {claim: now + seconds for claim, seconds in claims.items()})
    assert api.get("auth/me", token=token).status == 200
    ticket = api.post("auth/ws-ticket", token=token).json["ticket"]
    identity = ws_tickets.redeem(ticket)
    assert authentication.reload(identity) == identity
    assert authentication.seconds_left(identity) > 0
    assert authentication.is_signed(token)


def test_a_refresh_token_is_no_access_token(api: ApiClient, make_user: MakeUser) -> None:
    assert_invalid(api.get("auth/me", token=make_user().refresh_token))


def test_the_session_of_another_user_is_refused(api: ApiClient, make_user: MakeUser) -> None:
    mine, theirs = make_user(), make_user()
    token, _ = new_access_token(user_id=mine.user.id, session_id=theirs.session_id, email=mine.email)
    assert_invalid(api.get("auth/me", token=token))


@pytest.mark.parametrize("claim", ["sub", "sid"])
def test_nobody_and_no_session_are_refused(api: ApiClient, make_user: MakeUser, claim: str) -> None:
    assert_invalid(api.get("auth/me", token=sign(good_claims(make_user()) | {claim: str(uuid.uuid4())})))


def test_a_disabled_user_is_refused_at_once(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_active=False)
    assert_invalid(api.get("auth/me", token=account.access_token))


def test_a_user_who_is_gone_is_refused(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).delete()
    assert_invalid(api.get("auth/me", token=account.access_token))


def test_a_revoked_session_is_refused(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    Session.objects.filter(id=account.session_id).update(revoked_at=datetime.now(UTC) - timedelta(days=1))
    assert_invalid(api.get("auth/me", token=account.access_token))


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer \t",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ...",
        "Bearer null",
        "Bearer a b",
        "Bearer café.x.y",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 60_000,
        "Bearer " + base64.urlsafe_b64encode(b"[" * 40_000).decode() + ".e30.x",
        "Bearer " + base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"9" * 5_000 + b"}").decode() + ".e30.x",
    ],
)
def test_a_garbage_token_is_invalid(api: ApiClient, header: str) -> None:
    assert_invalid(api.get("auth/me", headers={"Authorization": header}))


@pytest.mark.parametrize("payload", [b"[" * 5_000, b"[]", b"null", b"\xff", b'"x"', b""])
def test_a_signed_payload_that_is_no_object_is_invalid(api: ApiClient, payload: bytes) -> None:
    assert_invalid(api.get("auth/me", token=by_hand({"alg": "HS256", "typ": "JWT"}, payload)))


@pytest.mark.parametrize("header", ["", " ", "Basic YTpi", "Token x", "bearertoken", "Bearer,x", "\xe9 x"])
def test_no_token_at_all_is_not_authenticated(api: ApiClient, header: str) -> None:
    answer = api.get("auth/me", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adiuva"'


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer    {}", "Bearer {}  "])
def test_the_scheme_has_no_case_and_any_number_of_spaces(api: ApiClient, make_user: MakeUser, form: str) -> None:
    header = form.format(make_user().access_token)
    assert api.get("auth/me", headers={"Authorization": header}).status == 200


@pytest.mark.parametrize("raw", ["\ud800", "é", "\x00", "\U0001f600.x.y", "a.b\udfff.c"])
def test_text_that_no_header_could_carry_is_invalid_too(raw: str) -> None:
    with pytest.raises(InvalidToken):
        authentication.authenticate(raw)
    assert not authentication.is_signed(raw)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "auth/logout"),
        ("GET", "auth/me"),
        ("DELETE", "auth/me"),
        ("GET", "auth/sessions"),
        ("DELETE", "auth/sessions/7d1f6c0e-3a52-4b8e-9c41-5f0e2d6b8a97"),
        ("POST", "auth/password"),
        ("POST", "auth/ws-ticket"),
    ],
)
def test_every_route_that_is_not_public_asks_for_the_token_before_it_reads_the_body(
    api: ApiClient, method: str, path: str
) -> None:
    answer = api.request(method, path, body=b"{ not json")
    assert (answer.status, answer.code) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adiuva"'
