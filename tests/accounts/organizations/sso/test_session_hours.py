"""How long a member's session goes on: POST /auth/refresh (docs/api.md § 16)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import RefreshToken, SecurityEvent, Session
from accounts.organizations.models import Membership
from accounts.organizations.sso.enforcement import Age, Standing, decide_age
from tests.accounts.elapsed_time import let_time_pass
from tests.accounts.organizations.sso.companies import Company, age, deactivate, make_company, session_of
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient


@pytest.fixture
def company(db: None) -> Company:
    return make_company(session_hours=10)


def refresh(token: str) -> Answer:
    return ApiClient().post("auth/refresh", json={"refresh_token": token})


def assert_over(answer: Answer) -> None:
    assert (answer.status, answer.code) == (401, "sso_required")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adiuva", error="invalid_token"'


def signed_in(company: Company) -> tuple[str, Account]:
    account = company.join()
    company.identify(account)
    return company.sign_in().json["refresh_token"], account


def test_a_session_that_began_at_the_provider_ends_after_its_hours(company: Company) -> None:
    token, account = signed_in(company)
    age(session_of(account.user), hours=9.9)
    answer = refresh(token)
    assert answer.status == 200
    age(session_of(account.user), hours=0.2)
    assert_over(refresh(answer.json["refresh_token"]))


def test_what_is_over_is_neither_rotated_nor_taken_for_reuse(company: Company) -> None:
    token, account = signed_in(company)
    session = session_of(account.user)
    age(session, hours=11)
    for _ in range(3):
        assert_over(refresh(token))
    assert RefreshToken.objects.get(session=session).rotated_at is None
    assert not SecurityEvent.objects.filter(type="refreshed_reuse").exists()
    company.change(session_hours=12)
    assert refresh(token).status == 200


def test_a_lost_answer_is_not_repeated_once_the_hours_are_over(company: Company) -> None:
    token, account = signed_in(company)
    assert refresh(token).status == 200
    assert refresh(token).status == 200
    age(session_of(account.user), hours=11)
    assert_over(refresh(token))


def test_reuse_goes_before_the_hours(company: Company) -> None:
    token, account = signed_in(company)
    refresh(token)
    session = session_of(account.user)
    let_time_pass(session.id, timedelta(hours=11))
    age(Session.objects.get(id=session.id), hours=11)
    answer = refresh(token)
    assert (answer.status, answer.code) == (401, "token_reused")


def test_a_members_other_sessions_end_where_it_is_enforced_and_nowhere_else(company: Company) -> None:
    account = company.join()
    age(Session.objects.get(id=account.session_id), hours=11)
    token = refresh(account.refresh_token).json["refresh_token"]
    company.change(enforced=True)
    assert_over(refresh(token))
    company.change(enforced=False)
    assert refresh(token).status == 200


def test_a_session_from_before_somebody_became_a_member_is_as_old_as_it_is(company: Company) -> None:
    account = make_account()
    age(Session.objects.get(id=account.session_id), hours=11)
    company.change(enforced=True)
    company.join(account)
    assert_over(refresh(account.refresh_token))


def test_to_who_was_taken_back_nothing_is_enforced(company: Company) -> None:
    account = company.join()
    company.change(enforced=True)
    age(Session.objects.get(id=account.session_id), hours=11)
    deactivate(account)
    assert refresh(account.refresh_token).status == 200


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_session_of_the_providers_is_for_members(company: Company, is_gone: bool) -> None:
    token, account = signed_in(company)
    if is_gone:
        Membership.objects.filter(user=account.user).delete()
    else:
        deactivate(account)
    answer = refresh(token)
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_it_is_one_query_whoever_asks(company: Company) -> None:
    counts = []
    for token in (make_account().refresh_token, company.join().refresh_token, signed_in(company)[0]):
        with CaptureQueriesContext(connection) as captured:
            assert refresh(token).status == 200
        counts.append([query["sql"] for query in captured])
    assert len({len(queries) for queries in counts}) == 1
    assert sum("sso_connections" in sql for sql in counts[0]) == 1


# The rule

HOURS = st.one_of(st.none(), st.integers(1, 8760))
ORGANIZATION, ANOTHER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
standings = st.builds(
    Standing,
    began_at=st.timedeltas(timedelta(seconds=-10), timedelta(days=400)).map(lambda ago: NOW - ago),
    provider=st.sampled_from([None, ORGANIZATION, ANOTHER]),
    provider_hours=HOURS,
    organization=st.sampled_from([None, ORGANIZATION]),
    enforced_hours=HOURS,
)


@given(standings)
def test_a_session_that_is_over_stays_so(standing: Standing) -> None:
    if decide_age(standing, now=NOW) is Age.OVER:
        assert decide_age(standing, now=NOW + timedelta(days=1)) is Age.OVER


@given(standings)
def test_no_session_outlives_the_shorter_of_its_hours(standing: Standing) -> None:
    hours = [many for many in (standing.provider_hours, standing.enforced_hours) if many is not None]
    is_old = any(standing.began_at + timedelta(hours=many) <= NOW for many in hours)
    is_lost = standing.provider not in {None, standing.organization}
    expected: Any = Age.LOST if is_lost else Age.OVER if is_old else Age.FINE
    assert decide_age(standing, now=NOW) is expected
