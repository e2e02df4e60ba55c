import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from accounts import authentication
from accounts.access_tokens import read_access_token
from accounts.authentication import Identity
from accounts.models import Session, User
from adiuva.api.errors import InvalidToken
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_an_access_token_carries_the_claims_of_the_contract_and_no_other(make_user: MakeUser, settings: Any) -> None:
    account = make_user()
    claims = claims_of(account.access_token)
    assert set(claims) == {"sub", "sid", "email", "iat", "exp", "jti", "iss", "aud", "token_type"}
    assert UUID(claims["sub"]) == account.user.id
    assert UUID(claims["sid"]) == account.session_id
    assert claims["email"] == account.email
    assert claims["token_type"] == "access"
    assert claims["exp"] - claims["iat"] == settings.ACCESS_TOKEN_LIFETIME.total_seconds()
    assert abs(claims["iat"] - time.time()) < 5
    assert (claims["iss"], claims["aud"]) == (settings.SIMPLE_JWT["ISSUER"], settings.SIMPLE_JWT["AUDIENCE"])


def test_an_access_token_is_signed_with_the_algorithm_and_secret_of_the_settings(
    make_user: MakeUser, settings: Any
) -> None:
    token = make_user().access_token
    assert jwt.get_unverified_header(token)["alg"] == settings.JWT_ALGORITHM
    jwt.decode(
        token, settings.JWT_SECRET, algorithms=[settings.JWT_ALGORITHM], audience=settings.SIMPLE_JWT["AUDIENCE"]
    )


def test_no_two_access_tokens_share_a_jti(api: ApiClient, make_user: MakeUser) -> None:
    refresh_token = make_user().refresh_token
    first, second = (api.post("auth/refresh", json={"refresh_token": refresh_token}).json for _ in range(2))
    assert claims_of(first["access_token"])["jti"] != claims_of(second["access_token"])["jti"]


def test_the_profile_is_exactly_what_the_contract_names(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    answer = api.get("auth/me", token=account.access_token)
    assert answer.status == 200
    created_at = answer.json["created_at"]
    assert answer.json == {
        "id": str(account.user.id),
        "email": account.email,
        "email_verified": True,
        "locale": "en",
        "tier": "pro",
        "created_at": created_at,
        "has_second_factor": False,
        "organization": None,
    }
    assert created_at.endswith("Z")
    assert datetime.fromisoformat(created_at) == account.user.created_at
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("tier", ["free", "team"])
def test_the_profile_with_its_tier_and_factors_is_one_query(
    api: ApiClient, make_user: MakeUser, django_assert_num_queries: Any, tier: str
) -> None:
    account = make_user(tier=tier)
    with django_assert_num_queries(1):
        assert api.get("auth/me", token=account.access_token).json["tier"] == tier


def test_reloading_an_identity_is_one_query(make_user: MakeUser, django_assert_num_queries: Any) -> None:
    identity = authentication.authenticate(make_user().access_token)
    with django_assert_num_queries(1):
        assert authentication.reload(identity) == identity


def test_a_forged_signature_costs_no_query(api: ApiClient, make_user: MakeUser, django_assert_num_queries: Any) -> None:
    token = make_user().access_token
    with django_assert_num_queries(0):
        assert api.get("auth/me", token=token[:-4] + "AAAA").status == 401


def test_the_tier_is_read_live_and_the_display_copy_decides_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    set_tier(user=account.user, tier=Tier.POWER)
    User.objects.filter(id=account.user.id).update(tier="team")
    assert api.get("auth/me", token=account.access_token).json["tier"] == "power"


def test_the_email_shown_is_the_databases_not_the_tokens(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(email="new@example.com")
    assert api.get("auth/me", token=account.access_token).json["email"] == "new@example.com"


def test_an_identity_expires_when_its_token_does(make_user: MakeUser) -> None:
    token = make_user().access_token
    assert authentication.authenticate(token).expires_at == datetime.fromtimestamp(claims_of(token)["exp"], UTC)


def test_an_identity_whose_token_expired_cannot_be_reloaded(make_user: MakeUser) -> None:
    account = make_user()
    past = datetime.now(UTC) - timedelta(seconds=11)
    with pytest.raises(InvalidToken):
        authentication.reload(Identity(user=account.user, session_id=account.session_id, expires_at=past))


def test_an_identity_whose_session_ended_cannot_be_reloaded(make_user: MakeUser) -> None:
    account = make_user()
    identity = authentication.authenticate(account.access_token)
    Session.objects.filter(id=account.session_id).update(revoked_at=datetime.now(UTC))
    with pytest.raises(InvalidToken):
        authentication.reload(identity)


def test_a_signed_token_is_recognised_without_the_database(make_user: MakeUser, django_assert_num_queries: Any) -> None:
    token = make_user().access_token
    with django_assert_num_queries(0):
        assert authentication.is_signed(token)
        assert not authentication.is_signed(token + "x")
        assert not authentication.is_signed("")


def test_claims_are_read_as_they_were_written(make_user: MakeUser) -> None:
    account = make_user()
    claims = read_access_token(account.access_token)
    assert (claims.user_id, claims.session_id) == (account.user.id, account.session_id)
