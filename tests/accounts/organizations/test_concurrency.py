"""Many at once, on real threads: seats, memberships and the last owner."""

from collections import Counter
from functools import partial

import pytest

from accounts.organizations.models import AuditEntry, Invitation, Membership, Organization, Role
from billing.models import Subscription
from tests.accounts.concurrency import run_concurrently
from tests.accounts.organizations.actions import accept, found, invite, invited, remove, set_role
from tests.support.accounts import make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def test_twelve_acceptances_of_one_invitation() -> None:
    organization, owner = make_organization()
    guest = make_account(verified=False)
    token = invited(owner, organization, guest.email)
    assert statuses(run_concurrently(*(partial(accept, guest, token) for _ in range(12)))) == {200: 1, 400: 11}
    assert Membership.objects.filter(organization=organization).count() == 2
    assert AuditEntry.objects.filter(type="invitation_accepted").count() == 1


def test_eight_acceptances_for_the_last_seat() -> None:
    organization, owner = make_organization(seats=9)
    guests = [make_account() for _ in range(8)]
    tokens = [invited(owner, organization, guest.email) for guest in guests]
    Subscription.objects.filter(organization=organization).update(seats=2)
    answers = run_concurrently(*(partial(accept, *pair) for pair in zip(guests, tokens, strict=True)))
    assert statuses(answers) == {200: 1, 402: 7}
    assert Membership.objects.filter(organization=organization).count() == 2
    assert Invitation.objects.filter(state="pending").count() == 7


def test_acceptances_of_one_account_into_six_organisations() -> None:
    guest = make_account()
    tokens = []
    for n in range(6):
        organization, owner = make_organization(name=f"Acme {n}")
        tokens.append(invited(owner, organization, guest.email))
    assert statuses(run_concurrently(*(partial(accept, guest, token) for token in tokens))) == {200: 1, 409: 5}
    assert Membership.objects.filter(user=guest.user).count() == 1


def test_a_founding_against_an_acceptance() -> None:
    organization, owner = make_organization()
    guest = make_account(tier="team")
    token = invited(owner, organization, guest.email)
    answers = run_concurrently(partial(found, guest), partial(accept, guest, token), partial(found, guest))
    assert Counter(answer.status // 100 for answer in answers) == {2: 1, 4: 2}
    assert Membership.objects.filter(user=guest.user).count() == 1
    joined = Membership.objects.get(user=guest.user).organization
    assert Organization.objects.count() == (1 if joined == organization else 2)


def test_eight_invitations_for_the_last_seat() -> None:
    organization, owner = make_organization(seats=2)
    answers = run_concurrently(*(partial(invite, owner, organization, f"guest{n}@example.com") for n in range(8)))
    assert statuses(answers) == {201: 1, 402: 7}


def test_eight_invitations_of_one_address_leave_one_that_waits() -> None:
    organization, owner = make_organization(seats=2)
    answers = run_concurrently(*(partial(invite, owner, organization, "guest@example.com") for _ in range(8)))
    assert statuses(answers) == {201: 8}
    assert Invitation.objects.filter(state="pending").count() == 1


def test_owners_that_leave_at_once() -> None:
    organization, owner = make_organization()
    owners = [owner, *(join(organization, role=Role.OWNER) for _ in range(3))]
    answers = run_concurrently(*(partial(remove, one, organization, one) for one in owners))
    assert statuses(answers) == {204: 3, 409: 1}
    assert Membership.objects.filter(organization=organization, role=Role.OWNER).count() == 1


def test_two_owners_that_demote_or_remove_each_other() -> None:
    for act in (partial(set_role, role="member"), remove):
        organization, one = make_organization()
        other = join(organization, role=Role.OWNER)
        answers = run_concurrently(partial(act, one, organization, other), partial(act, other, organization, one))
        assert sorted(answer.status // 100 for answer in answers) == [2, 4]
        assert Membership.objects.filter(organization=organization, role=Role.OWNER).count() == 1


def test_an_acceptance_against_the_end_of_the_organisation() -> None:
    organization, owner = make_organization()
    guest = make_account()
    token = invited(owner, organization, guest.email)
    delete = partial(ApiClient().delete, f"organizations/{organization.id}", token=owner.access_token)
    deleted, accepted = run_concurrently(delete, partial(accept, guest, token))
    assert deleted.status == 204
    assert accepted.status in {200, 400}
    assert not Membership.objects.exists()
