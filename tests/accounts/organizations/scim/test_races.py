"""Two requests of a directory at once, and one beside what users do themselves."""

import pytest

from accounts.models import Session, User
from accounts.organizations.models import Membership, Role
from tests.accounts.concurrency import run_concurrently
from tests.accounts.organizations.scim.directory import address, make_directory, refusal
from tests.support.accounts import PASSWORD, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join

pytestmark = pytest.mark.django_db(transaction=True)
DEACTIVATE = {"op": "replace", "path": "active", "value": False}


def test_of_two_that_create_the_same_user_one_does() -> None:
    directory, name = make_directory(), address()

    answers = run_concurrently(*[lambda: directory.create(userName=name)] * 2)

    assert sorted(answer.status for answer in answers) == [201, 409]
    assert refusal(max(answers, key=lambda answer: answer.status)) == (409, "uniqueness")
    assert User.objects.filter(email=name).count() == 1


def test_of_two_that_take_the_last_seat_one_does() -> None:
    directory = make_directory(seats=2)

    answers = run_concurrently(*[directory.create] * 2)

    assert sorted(answer.status for answer in answers) == [201, 402]
    assert Membership.objects.active().count() == 2


def test_who_registers_at_the_moment_they_are_created_is_one_account() -> None:
    directory, name = make_directory(), address()

    def register() -> Answer:
        return ApiClient().post("auth/register", json={"email": name, "password": PASSWORD})

    created, registered = run_concurrently(lambda: directory.create(userName=name), register)

    assert (created.status, registered.status) in {(201, 409), (409, 201)}
    assert User.objects.filter(email=name).count() == 1


def test_of_two_owners_that_are_deactivated_at_once_one_stays() -> None:
    directory = make_directory()
    other = join(directory.organization, role=Role.OWNER)
    owners = [{"id": directory.owner.user.id}, {"id": other.user.id}]

    answers = run_concurrently(*[lambda user=user: directory.patch(user, DEACTIVATE) for user in owners])

    assert sorted(answer.status for answer in answers) == [200, 409]
    assert Membership.objects.owners().count() == 1


def test_deactivating_beside_a_login_leaves_no_session_from_before() -> None:
    """A login that begins after it is one of an account without an organisation."""
    directory = make_directory()
    account = join(directory.organization, make_account(email=address()))
    before = set(Session.objects.for_user(account.user.id).values_list("id", flat=True))

    def log_in() -> Answer:
        return ApiClient().post("auth/login", json={"email": account.email, "password": PASSWORD})

    deactivated, _ = run_concurrently(lambda: directory.patch({"id": account.user.id}, DEACTIVATE), log_in)

    assert deactivated.json["active"] is False
    assert not Session.objects.usable().filter(id__in=before).exists()
    assert not Membership.objects.active().filter(user=account.user).exists()
