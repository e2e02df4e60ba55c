"""The limiter as a client meets it: headers, refusals, and a tier that counts from the next request on."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.core.management import call_command

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def rate_headers(answer: Answer) -> tuple[int, int, int]:
    """Limit, Remaining, Reset."""
    return tuple(int(answer.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))  # type: ignore[return-value]


def use_up(api: ApiClient, account: Account, count: int) -> None:
    for _ in range(count):
        assert api.get("auth/me", token=account.access_token).status == 200


@pytest.mark.parametrize(("tier", "limit"), [("free", 20), ("pro", 60), ("power", 120), ("team", 200)])
def test_every_answer_tells_the_limit_of_the_tier(api: ApiClient, make_user: MakeUser, tier: str, limit: int) -> None:
    account = make_user(tier=tier)
    first, second = (api.get("auth/me", token=account.access_token) for _ in range(2))
    assert rate_headers(first) == (limit, limit - 1, 60)
    assert rate_headers(second)[:2] == (limit, limit - 2)
    assert 59 <= rate_headers(second)[2] <= 60
    assert "Retry-After" not in first.headers


def test_a_404_counts_and_says_so(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = api.delete(f"auth/sessions/{uuid4()}", token=account.access_token)
    assert answer.status == 404
    assert rate_headers(answer) == (20, 19, 60)


def test_a_body_that_is_refused_counts(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = api.post("auth/password", json={}, token=account.access_token)
    assert answer.status == 400
    assert rate_headers(answer) == (20, 19, 60)


def test_over_the_limit_is_429_with_the_time_to_wait(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    use_up(api, account, 20)
    answer = api.get("auth/me", token=account.access_token)
    limit, remaining, reset = rate_headers(answer)
    assert answer.status == 429
    assert answer.code == "rate_limited"
    assert (limit, remaining) == (20, 0)
    assert answer.headers["Retry-After"] == str(answer.json["retry_after"]) == str(reset)
    assert 50 <= reset <= 60


def test_429_goes_before_404_and_before_the_body(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    use_up(api, account, 20)
    assert api.delete(f"auth/sessions/{uuid4()}", token=account.access_token).status == 429
    assert api.post("auth/password", json={}, token=account.access_token).status == 429


def test_401_goes_before_429_and_costs_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    use_up(api, account, 19)
    for token in [account.access_token + "x", None]:
        answer = api.get("auth/me", token=token)
        assert answer.status == 401
        assert "RateLimit-Limit" not in answer.headers
    use_up(api, account, 1)
    assert api.get("auth/me", token=account.access_token + "x").status == 401


def test_all_routes_and_sessions_of_a_user_share_the_window(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    login = api.post("auth/login", json={"email": account.email, "password": account.password})
    use_up(api, account, 10)
    for _ in range(10):
        assert api.get("auth/sessions", token=login.json["access_token"]).status == 200
    assert api.get("auth/me", token=account.access_token).status == 429


def test_what_is_exempt_neither_counts_nor_is_refused(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    use_up(api, account, 20)
    assert api.get("health", token=account.access_token).status == 200
    assert api.get("billing/tiers", token=account.access_token).status == 200
    refresh = api.post("auth/refresh", json={"refresh_token": account.refresh_token})
    assert refresh.status == 200
    assert refresh.headers["RateLimit-Limit"] == "120"  # of the address, not of the user


def test_users_do_not_share_a_window(api: ApiClient, make_user: MakeUser) -> None:
    one, other = make_user(), make_user()
    use_up(api, one, 20)
    assert api.get("auth/me", token=other.access_token).status == 200


def test_a_new_tier_counts_from_the_very_next_request_with_the_old_token(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    use_up(api, account, 20)
    assert api.get("auth/me", token=account.access_token).status == 429

    call_command("set_tier", account.email, "pro")
    upgraded = api.get("auth/me", token=account.access_token)
    assert (upgraded.status, upgraded.json["tier"]) == (200, "pro")
    assert rate_headers(upgraded)[:2] == (60, 39)

    call_command("set_tier", account.email, "free")
    assert api.get("auth/me", token=account.access_token).status == 429
    assert rate_headers(api.get("auth/me", token=account.access_token))[:2] == (20, 0)


def test_the_tier_that_a_client_claims_is_ignored(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    api.post("auth/password", json={"tier": "team"}, token=account.access_token)
    assert rate_headers(api.get("auth/me", token=account.access_token))[0] == 20
