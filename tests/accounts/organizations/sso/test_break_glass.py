"""POST /organizations/{id}/sso/break-glass."""

from collections import Counter
from functools import partial

import pytest

from accounts.models import Session
from accounts.organizations.models import AuditEntry, BreakGlassCode, Role
from tests.accounts.concurrency import run_concurrently
from tests.accounts.database_dump import whole_database
from tests.accounts.organizations.sso.companies import Company, make_company
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def ask(company: Company, by: Account) -> Answer:
    return ApiClient().post(f"organizations/{company.organization.id}/sso/break-glass", token=by.access_token)


def test_an_owner_gets_eight_codes_that_nobody_keeps(company: Company) -> None:
    answer = ask(company, company.owner)
    assert answer.status == 200, answer
    assert answer.headers["Cache-Control"] == "no-store"
    codes = answer.json["codes"]
    assert len(set(codes)) == 8
    held = whole_database()
    assert not any(code in held or code.replace("-", "") in held for code in codes)
    assert company.audit() == [("break_glass_codes_made", "member", None)]
    assert AuditEntry.objects.get().actor == company.owner.user


def test_new_codes_void_the_old_ones(company: Company) -> None:
    old = ask(company, company.owner).json["codes"][0]
    ask(company, company.owner)
    company.change(enforced=True)
    assert BreakGlassCode.objects.count() == 8
    body = {"email": company.owner.email, "password": company.owner.password, "break_glass_code": old}
    assert ApiClient().post("auth/login", json=body).status == 401


@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN])
def test_only_owners_make_them(company: Company, role: Role) -> None:
    answer = ask(company, company.join(role=role))
    assert (answer.status, answer.code) == (403, "permission_denied")


def test_to_strangers_there_is_nothing(company: Company) -> None:
    assert ask(company, make_account()).status == 404
    assert ApiClient().post("organizations/x/sso/break-glass", token=company.owner.access_token).status == 404


def test_it_takes_a_fresh_session(company: Company) -> None:
    Session.objects.update(fresh_at=None)
    answer = ask(company, company.owner)
    assert (answer.status, answer.code) == (403, "reauthentication_required")
    assert not BreakGlassCode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_with_one_code_one_passes() -> None:
    company = make_company()
    code = company.break_glass_codes()[0]
    members = [company.join() for _ in range(5)]
    company.change(enforced=True)
    bodies = [
        {"email": one.email, "password": one.password, "break_glass_code": code} for one in [company.owner, *members]
    ]
    answers = run_concurrently(*(partial(ApiClient().post, "auth/login", json=body) for body in bodies))
    assert Counter(answer.status for answer in answers) == {200: 1, 401: 5}
