from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache, caches

from accounts import authentication, ws_tickets
from accounts.authentication import Identity
from accounts.models import Session, User
from adiuva.api.errors import InvalidToken, UpstreamUnavailable
from tests.accounts.concurrency import run_concurrently
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def ticket_for(account: Account) -> str:
    return ws_tickets.issue(authentication.authenticate(account.access_token)).ticket


def test_asking_answers_201_with_a_ticket_for_thirty_seconds(api: ApiClient, make_user: MakeUser) -> None:
    answer = api.post("auth/ws-ticket", token=make_user().access_token)
    assert answer.status == 201
    assert set(answer.json) == {"ticket", "expires_in"}
    assert answer.json["expires_in"] == 30
    assert len(answer.json["ticket"]) >= 40
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_ticket_is_its_buyers_identity_until_their_token_expires(make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    identity = authentication.authenticate(account.access_token)
    assert ws_tickets.redeem(ws_tickets.issue(identity).ticket) == identity


def test_redeeming_reads_user_session_and_tier_in_one_query(
    api: ApiClient, make_user: MakeUser, django_assert_num_queries: Any
) -> None:
    ticket = ticket_for(make_user(tier="pro"))
    with django_assert_num_queries(1):
        assert ws_tickets.redeem(ticket).user.subscription.tier == "pro"


def test_a_ticket_works_once(make_user: MakeUser) -> None:
    ticket = ticket_for(make_user())
    ws_tickets.redeem(ticket)
    with pytest.raises(InvalidToken):
        ws_tickets.redeem(ticket)


def test_the_cache_forgets_a_ticket_after_thirty_seconds(make_user: MakeUser) -> None:
    ticket = ticket_for(make_user())
    backend: Any = caches["default"]
    key = backend.make_key(ws_tickets.TICKETS.key(ticket))
    if hasattr(backend, "_expire_info"):
        left = backend._expire_info[key] - datetime.now(UTC).timestamp()
    else:
        left = backend._cache.get_client(key).ttl(key)
    assert 25 < left <= 30


def test_a_ticket_that_the_cache_forgot_is_refused(make_user: MakeUser) -> None:
    ticket = ticket_for(make_user())
    cache.touch(ws_tickets.TICKETS.key(ticket), -1)
    with pytest.raises(InvalidToken):
        ws_tickets.redeem(ticket)


def test_a_ticket_dies_with_its_session(make_user: MakeUser) -> None:
    account = make_user()
    ticket = ticket_for(account)
    Session.objects.filter(id=account.session_id).update(revoked_at=datetime.now(UTC) + timedelta(seconds=1))
    with pytest.raises(InvalidToken):
        ws_tickets.redeem(ticket)


def test_a_ticket_dies_with_its_user(make_user: MakeUser) -> None:
    account = make_user()
    ticket = ticket_for(account)
    User.objects.filter(id=account.user.id).update(is_active=False)
    with pytest.raises(InvalidToken):
        ws_tickets.redeem(ticket)


def test_a_ticket_dies_with_the_token_it_was_bought_with(make_user: MakeUser) -> None:
    account = make_user()
    expired = datetime.now(UTC) - timedelta(seconds=11)
    identity = Identity(user=account.user, session_id=account.session_id, expires_at=expired)
    with pytest.raises(InvalidToken):
        ws_tickets.redeem(ws_tickets.issue(identity).ticket)


@pytest.mark.parametrize("ticket", ["", "x", "é", "\ud800", "\x00", "a b c", "x" * 100_000, "../../etc", "ws-ticket:x"])
def test_what_is_no_ticket_is_refused(ticket: str) -> None:
    with pytest.raises(InvalidToken):
        ws_tickets.redeem(ticket)


def test_a_ticket_is_no_token_and_a_token_no_ticket(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert api.get("auth/me", token=ticket_for(account)).status == 401
    for token in (account.access_token, account.refresh_token):
        with pytest.raises(InvalidToken):
            ws_tickets.redeem(token)


def test_the_cache_does_not_hold_the_ticket_itself(make_user: MakeUser) -> None:
    ticket = ticket_for(make_user())
    assert ticket not in ws_tickets.TICKETS.key(ticket)
    assert cache.get(ticket) is None


def test_without_a_cache_asking_is_503_and_says_when_to_try_again(
    api: ApiClient, make_user: MakeUser, no_cache: None
) -> None:
    answer = api.post("auth/ws-ticket", token=make_user().access_token)
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_without_a_cache_redeeming_is_unavailable_not_a_crash(no_cache: None) -> None:
    with pytest.raises(UpstreamUnavailable):
        ws_tickets.redeem("x")


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_redeem_at_once_one_gets_in(make_user: MakeUser) -> None:
    ticket = ticket_for(make_user())

    def redeem() -> bool:
        try:
            ws_tickets.redeem(ticket)
        except InvalidToken:
            return False
        return True

    assert sorted(run_concurrently(*[redeem] * 20)) == [False] * 19 + [True]
