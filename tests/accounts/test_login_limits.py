"""Limits on login and register. The windows' clock is moved by hand, so that no test waits or straddles a minute."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.login_limits import PER_ACCOUNT, PER_ADDRESS
from tests.accounts.conftest import Clock
from tests.support.accounts import PASSWORD, Account
from tests.support.client import Answer, ApiClient
from tests.support.thorough import thorough

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits_clock")]
MakeUser = Callable[..., Account]


def log_in(api: ApiClient, email: str, password: str = "wrong password", address: str = "192.0.2.1") -> Answer:
    return api.post("auth/login", json={"email": email, "password": password}, REMOTE_ADDR=address)


def garbage(api: ApiClient, address: str = "192.0.2.1", path: str = "auth/login") -> Answer:
    return api.post(path, body=b"{", REMOTE_ADDR=address)


def wait_of(answer: Answer) -> int:
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert answer.json["retry_after"] == int(answer.headers["Retry-After"])
    return int(answer.headers["Retry-After"])


def test_failed_logins_of_an_account_are_limited_whoever_makes_them(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    tried = [log_in(api, account.email, address=f"192.0.2.{n}").status for n in range(PER_ACCOUNT + 1)]
    assert tried == [401] * PER_ACCOUNT + [429]


def test_while_limited_even_the_right_password_has_to_wait(
    api: ApiClient, make_user: MakeUser, limits_clock: Clock
) -> None:
    account = make_user()
    for _ in range(PER_ACCOUNT):
        log_in(api, account.email)
    wait = wait_of(log_in(api, account.email, PASSWORD))
    assert 0 < wait <= 60
    limits_clock.now += wait - 1
    assert log_in(api, account.email, PASSWORD).status == 429
    limits_clock.now += 1
    assert log_in(api, account.email, PASSWORD).status == 200


def test_an_unknown_address_is_limited_alike(api: ApiClient) -> None:
    tried = [log_in(api, "nobody@example.com").status for _ in range(PER_ACCOUNT + 1)]
    assert tried == [401] * PER_ACCOUNT + [429]


def test_other_spellings_of_an_address_share_its_limit(api: ApiClient) -> None:
    spellings = ["ada@münchen.example", "ADA@xn--mnchen-3ya.example", " ada@MÜNCHEN.Example"]
    tried = [log_in(api, spellings[n % 3]).status for n in range(PER_ACCOUNT + 1)]
    assert tried[-1] == 429


def test_another_account_is_not_limited_with_it(api: ApiClient, make_user: MakeUser) -> None:
    mine, other = make_user(), make_user()
    for _ in range(PER_ACCOUNT + 1):
        log_in(api, mine.email)
    assert log_in(api, other.email, PASSWORD).status == 200


def test_logins_of_an_account_are_limited_even_when_they_succeed(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    tried = [log_in(api, account.email, PASSWORD).status for _ in range(PER_ACCOUNT + 1)]
    assert tried == [200] * PER_ACCOUNT + [429]


@pytest.mark.parametrize("path", ["auth/login", "auth/register", "auth/refresh"])
def test_an_address_is_limited_and_the_refusal_comes_before_the_body(api: ApiClient, path: str) -> None:
    tried = [garbage(api, path=path).status for _ in range(PER_ADDRESS + 1)]
    assert tried == [400] * PER_ADDRESS + [429]
    assert garbage(api, "192.0.2.2", path).status == 400


def test_registrations_of_one_address_are_limited(api: ApiClient) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD}
    tried = [api.post("auth/register", json=body, REMOTE_ADDR=f"192.0.2.{n}").status for n in range(21)]
    assert tried == [201] + [409] * (PER_ACCOUNT - 1) + [429]


def refresh(api: ApiClient, token: str, address: str = "192.0.2.1") -> Answer:
    return api.post("auth/refresh", json={"refresh_token": token}, REMOTE_ADDR=address)


def test_refreshes_of_an_account_are_limited_whichever_session_they_are_of(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    token, tried = account.refresh_token, []
    for n in range(PER_ACCOUNT):
        answer = refresh(api, token, f"192.0.2.{n}")
        tried.append(answer.status)
        token = answer.json["refresh_token"]
    assert set(tried) == {200}
    wait_of(refresh(api, token, "192.0.2.99"))
    login = log_in(api, account.email, PASSWORD)  # which is another limit
    assert (login.status, refresh(api, login.json["refresh_token"]).status) == (200, 429)


def test_a_token_that_comes_again_is_no_other_attempt_of_the_account(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert {refresh(api, account.refresh_token).status for _ in range(PER_ACCOUNT * 2)} == {200}


def test_tokens_of_nobody_count_for_their_address_alone(api: ApiClient) -> None:
    tried = [refresh(api, f"unknown {n}").status for n in range(PER_ADDRESS + 1)]
    assert tried == [401] * PER_ADDRESS + [429]


def test_an_ipv6_client_is_its_whole_64(api: ApiClient) -> None:
    tried = [garbage(api, f"2001:db8:1:2::{n:x}").status for n in range(PER_ADDRESS + 1)]
    assert tried[-1] == 429
    assert garbage(api, "2001:db8:1:3::1").status == 400


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2.1:4711", "fe80::1%eth0", "::ffff:192.0.2.1"])
def test_an_address_of_any_form_is_only_a_name(api: ApiClient, address: str) -> None:
    assert log_in(api, "nobody@example.com", address=address).status == 401


def test_each_answer_says_how_much_of_the_addresss_limit_is_left(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    for answer, left in [(log_in(api, account.email), 119), (log_in(api, account.email, PASSWORD), 118)]:
        assert answer.headers["RateLimit-Limit"] == str(PER_ADDRESS)
        assert answer.headers["RateLimit-Remaining"] == str(left)
        assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 60


def test_a_refusal_says_that_nothing_is_left(api: ApiClient) -> None:
    for _ in range(PER_ACCOUNT):
        log_in(api, "nobody@example.com")
    refused = log_in(api, "nobody@example.com")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["RateLimit-Limit"] == str(PER_ACCOUNT)
    assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]


def test_the_window_is_new_after_the_reset(api: ApiClient, limits_clock: Clock) -> None:
    limits_clock.now += int(garbage(api).headers["RateLimit-Reset"])
    assert garbage(api).headers["RateLimit-Remaining"] == str(PER_ADDRESS - 1)


@pytest.mark.parametrize("attempts", [21, thorough(121)])
def test_after_retry_after_one_login_passes_however_many_limits_were_reached(
    api: ApiClient, make_user: MakeUser, limits_clock: Clock, attempts: int
) -> None:
    account = make_user()
    for second in range(0, 60, 13):
        limits_clock.now += 13
        answers = [log_in(api, account.email) for _ in range(attempts)]
        limits_clock.now += wait_of(answers[-1])
        assert log_in(api, account.email, PASSWORD).status == 200, second
        limits_clock.now += 120


def test_a_refused_address_does_not_use_up_an_accounts_attempts(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    for _ in range(PER_ADDRESS):
        garbage(api)
    refused = {log_in(api, account.email).status for _ in range(PER_ACCOUNT + 1)}
    assert refused == {429}
    assert log_in(api, account.email, PASSWORD, address="192.0.2.2").status == 200


def test_without_a_cache_logins_pass_with_a_warning(
    api: ApiClient, make_user: MakeUser, no_cache: None, caplog: pytest.LogCaptureFixture
) -> None:
    account = make_user()
    assert [log_in(api, account.email).status for _ in range(PER_ACCOUNT + 1)] == [401] * (PER_ACCOUNT + 1)
    assert log_in(api, account.email, PASSWORD).status == 200
    assert refresh(api, account.refresh_token).status == 200
    lines = [record for record in caplog.records if record.name == "accounts.login_limits"]
    assert {line.levelname for line in lines} == {"WARNING"}
    assert account.email not in caplog.text


def test_without_a_cache_one_registers_too(api: ApiClient, no_cache: None) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD}
    assert api.post("auth/register", json=body).status == 201


def test_no_address_becomes_a_cache_key(api: ApiClient, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    def noted(*parts: Any) -> str:
        keys.append(str(parts))
        return "a key"

    monkeypatch.setattr("django_ratelimit.core._make_cache_key", noted)
    log_in(api, "ada@example.com")
    assert keys
    assert "ada" not in "".join(keys)


def test_a_session_guesses_its_password_no_faster_than_a_stranger(api: ApiClient, make_user: MakeUser) -> None:
    """Whatever asks for it, together; the tier alone would let a stolen access token try 200 a minute."""
    account = make_user(tier="team")
    routes = [
        ("post", "auth/password", {"current_password": "wrong password", "new_password": "another good one"}),
        ("post", "auth/email", {"new_email": "thief@example.com", "password": "wrong password"}),
        ("delete", "auth/me", {"password": "wrong password"}),
        ("post", "auth/reauthenticate", {"password": "wrong password"}),
    ]
    tried = []
    for n in range(PER_ACCOUNT + 4):
        method, path, body = routes[n % 4]
        tried.append(getattr(api, method)(path, json=body, token=account.access_token).status)
    assert tried == [400] * PER_ACCOUNT + [429] * 4
