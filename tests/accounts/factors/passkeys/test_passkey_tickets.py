"""POST /auth/passkeys/ticket, and what the page does with one: adding a passkey where nobody is logged in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from accounts.factors.passkeys import tickets
from accounts.models import Factor, SecurityEvent, SecurityEventType
from accounts.sessions import revoke_session
from tests.accounts.concurrency import run_concurrently
from tests.fakes.authenticator import Authenticator
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def buy(api: ApiClient, account: Account) -> str:
    answer = api.post("auth/passkeys/ticket", token=account.access_token)
    assert answer.status == 201, answer
    assert answer.json["expires_in"] == 300
    page, _, ticket = answer.json["url"].partition("#ticket=")
    assert page == "http://localhost:8000/account/passkey"
    assert ticket == answer.json["ticket"]
    return str(ticket)


def options_for(ticket: str) -> Answer:
    return ApiClient().post("auth/passkeys/ticket/options", json={"ticket": ticket})


def add(ticket: str, credential: dict[str, Any]) -> Answer:
    return ApiClient().post("auth/passkeys/ticket/passkey", json={**credential, "ticket": ticket, "name": "Laptop"})


def test_a_ticket_adds_one_passkey(api: ApiClient, make_user: MakeUser, device: Authenticator) -> None:
    account = make_user()
    ticket = buy(api, account)
    assert options_for(ticket).json["user"]["name"] == account.email
    options = options_for(ticket).json  # as often as the page is loaded
    answer = add(ticket, device.create(options))
    assert answer.status == 201
    factor = Factor.objects.get(user_id=account.user.id)
    assert (answer.json["id"], answer.json["name"]) == (str(factor.id), "Laptop")
    (event,) = SecurityEvent.objects.filter(user_id=account.user.id, type=SecurityEventType.FACTOR_ADDED)
    assert event.session_id == account.session_id
    for again in (options_for(ticket), add(ticket, Authenticator(origin=device.origin).create(options))):
        assert (again.status, again.code) == (401, "invalid_grant")


def test_a_ticket_dies_with_its_session(api: ApiClient, make_user: MakeUser, device: Authenticator) -> None:
    account = make_user()
    ticket = buy(api, account)
    credential = device.create(options_for(ticket).json)
    revoke_session(user_id=account.user.id, session_id=account.session_id)
    assert options_for(ticket).code == "invalid_grant"
    assert add(ticket, credential).code == "invalid_grant"
    assert not Factor.objects.exists()


def test_a_ticket_lives_five_minutes(api: ApiClient, make_user: MakeUser) -> None:
    ticket = buy(api, make_user())
    cache.touch(tickets.TICKETS.key(ticket), -1)
    assert options_for(ticket).code == "invalid_grant"


def test_a_ticket_is_for_its_own_account(api: ApiClient, make_user: MakeUser, device: Authenticator) -> None:
    mine, theirs = (buy(api, make_user()) for _ in range(2))
    assert add(mine, device.create(options_for(theirs).json)).status == 400
    assert not Factor.objects.exists()


def test_the_cache_holds_no_ticket(api: ApiClient, make_user: MakeUser) -> None:
    ticket = buy(api, make_user())
    assert ticket not in tickets.TICKETS.key(ticket)
    assert cache.get(ticket) is None


def test_without_a_cache_it_is_503(api: ApiClient, make_user: MakeUser, no_cache: None) -> None:
    for answer in (api.post("auth/passkeys/ticket", token=make_user().access_token), options_for("x")):
        assert (answer.status, answer.code) == (503, "upstream_unavailable")


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_use_one_ticket_at_once_one_adds_a_passkey(
    api: ApiClient, make_user: MakeUser, device: Authenticator
) -> None:
    account = make_user()
    ticket = buy(api, account)
    credentials = [Authenticator(origin=device.origin).create(options_for(ticket).json) for _ in range(10)]
    answers = run_concurrently(*[lambda one=one: add(ticket, one).status for one in credentials])
    assert sorted(answers) == [201] + [401] * 9
    assert Factor.objects.filter(user_id=account.user.id).count() == 1
