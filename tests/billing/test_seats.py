"""Which subscription pays for an organisation: the founder's, and once that is over, another owner's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts import erasure
from accounts.organizations.members.service import reactivate_member
from accounts.organizations.models import Membership, Organization, Role
from accounts.organizations.seats import payment
from adiuva.api.errors import FeatureNotAvailable
from billing.jobs import settle_organizations
from billing.models import Subscription
from billing.organizations.seats import settle, settle_all
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.concurrency import run_concurrently
from tests.accounts.organizations.actions import accept, invite, invited, remove
from tests.billing.conftest import DeliverAll
from tests.billing.purchases import cancel, checkout, session_of, subscription
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

# Payers change once a transaction is over.
pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]


def payer_of(organization: Organization) -> str | None:
    return Subscription.objects.filter(organization=organization).values_list("user__email", flat=True).first()


def found(owner: Account) -> Organization:
    organization = Organization.objects.create(name="Another", created_at=datetime.now(UTC))
    join(organization, owner, Role.OWNER)
    payment().attach(organization=organization, user=owner.user)
    return organization


def test_a_grant_that_comes_back_pays_for_the_organisation_again() -> None:
    organization, owner = make_organization()
    set_tier(user=owner.user, tier=Tier.FREE)
    assert (payer_of(organization), payment().seats(organization.id)) == (None, 0)
    with pytest.raises(FeatureNotAvailable):
        payment().require_team(organization.id)
    set_tier(user=owner.user, tier=Tier.TEAM, seats=3)
    assert (payer_of(organization), payment().seats(organization.id)) == (owner.email, 3)


def test_a_subscription_from_before_there_were_seats_is_for_one() -> None:
    organization, owner = make_organization()
    Subscription.objects.filter(user=owner.user).update(seats=None)
    assert payment().seats(organization.id) == 1


@pytest.mark.parametrize("lower", [Tier.FREE, Tier.POWER])
def test_another_owner_pays_once_the_first_does_not(make_user: MakeUser, lower: Tier) -> None:
    organization, owner = make_organization()
    second = join(organization, make_user(tier="team"), Role.OWNER)
    join(organization, make_user(tier="team"), Role.ADMIN)
    set_tier(user=owner.user, tier=lower)
    assert payer_of(organization) == second.email
    set_tier(user=owner.user, tier=Tier.TEAM)
    assert payer_of(organization) == second.email


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_who_is_no_owner_pays_for_nobody_else(make_user: MakeUser, role: Role) -> None:
    organization, owner = make_organization()
    member = join(organization, make_user(), role)
    set_tier(user=owner.user, tier=Tier.FREE)
    set_tier(user=member.user, tier=Tier.TEAM)
    assert payer_of(organization) is None


def test_who_takes_over_stays_the_payer_of_nothing_else(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    busy, free = make_user(tier="team"), make_user(tier="team")
    other = found(busy)
    Membership.objects.filter(user=busy.user).delete()
    join(organization, busy, Role.OWNER)
    join(organization, free, Role.OWNER)
    set_tier(user=owner.user, tier=Tier.FREE)
    assert (payer_of(organization), payer_of(other)) == (free.email, busy.email)


def test_a_subscription_that_pays_for_one_organisation_is_not_taken_for_another(make_user: MakeUser) -> None:
    first, payer = make_organization()
    join(first, make_user(), Role.OWNER)
    Membership.objects.filter(user=payer.user).delete()
    second, other = make_organization()
    join(second, payer, Role.OWNER)
    set_tier(user=other.user, tier=Tier.FREE)
    assert settle_all() == 0
    assert (payer_of(first), payer_of(second)) == (payer.email, None)


def test_another_owner_pays_once_the_account_that_paid_is_gone(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    second = join(organization, make_user(tier="team"), Role.OWNER)
    erasure.close_account(user=owner.user)
    assert erasure.erase(user_id=owner.user.id)
    assert payer_of(organization) == second.email


def test_an_organisation_whose_payer_is_gone_is_unpaid_until_an_owner_pays(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    second = join(organization, make_user(), Role.OWNER)
    erasure.close_account(user=owner.user)
    assert erasure.erase(user_id=owner.user.id)
    assert payment().seats(organization.id) == 0
    set_tier(user=second.user, tier=Tier.TEAM)
    assert payer_of(organization) == second.email


def test_founding_moves_the_subscription_from_what_was_left(make_user: MakeUser) -> None:
    left, owner = make_organization()
    second = join(left, make_user(tier="team"), Role.OWNER)
    Membership.objects.filter(user=owner.user).delete()
    assert payer_of(left) == owner.email
    new = found(owner)
    assert (payer_of(new), payer_of(left)) == (owner.email, second.email)


def test_who_pays_and_has_left_takes_a_seat_still(make_user: MakeUser) -> None:
    """They have the tier by the same subscription: of two seats three would have it."""
    organization, owner = make_organization(seats=3)
    second = join(organization, role=Role.OWNER)
    assert remove(owner, organization, owner).status == 204
    someone = make_user()
    assert accept(someone, invited(second, organization, someone.email)).status == 200
    refused = invite(second, organization, make_user().email)
    assert (refused.code, refused.json["limit"], refused.json["used"]) == ("quota_exceeded", 3, 3)
    assert accept(owner, invited(second, organization, owner.email)).status == 200, "the seat is theirs"
    Membership.objects.filter(user=owner.user).update(active=False, role=Role.MEMBER, deactivated_at=datetime.now(UTC))
    assert invite(second, organization, make_user().email).code == "quota_exceeded"
    with transaction.atomic():
        reactivate_member(membership=Membership.objects.get(user=owner.user))


def test_a_grace_that_is_over_is_noticed_by_the_clock(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    second = join(organization, make_user(tier="team"), Role.OWNER)
    rows = Subscription.objects.filter(user=owner.user)
    for days, payer in [(6, owner), (8, second)]:
        rows.update(
            status="past_due", past_due_since=datetime.now(UTC) - timedelta(days=days), tier_after_grace=Tier.FREE
        )
        settle_organizations()
        assert payer_of(organization) == payer.email


def test_seats_follow_the_quantity_at_stripe(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    owner = make_user()

    def seats() -> tuple[int, int]:
        deliver_all()
        stripe_server.world.advance(60)
        return payment().seats(organization.id), subscription(api, owner)["seats"]

    stripe_server.complete_checkout(session_of(checkout(api, owner, "team", seats=3)))
    deliver_all()
    organization = found(owner)
    name = subscription(api, owner)["stripe_subscription_id"]
    assert seats() == (3, 3)
    for quantity in (5, 2):
        stripe_server.change_quantity(name, quantity)
        assert seats() == (quantity, quantity)
    stripe_server.renew(name, paid=False)
    assert (seats(), subscription(api, owner)["status"]) == ((2, 2), "past_due")
    Subscription.objects.update(past_due_since=datetime.now(UTC) - timedelta(days=8))
    assert seats() == (0, 2)
    invoice = stripe_server.world.get("subscription", name)["latest_invoice"]
    stripe_server.pay_invoice(invoice)
    assert seats() == (2, 2)
    assert cancel(api, owner).status == 200
    assert seats()[0] == 0
    stripe_server.complete_checkout(session_of(checkout(api, owner, "team", seats=4)))
    assert seats() == (4, 4)


def test_an_operators_seats_hold_as_long_as_the_tier(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    owner = make_user()
    stripe_server.complete_checkout(session_of(checkout(api, owner, "pro")))
    deliver_all()
    set_tier(user=owner.user, tier=Tier.TEAM, seats=6)
    call_command("sync_stripe", "--fix")
    assert (subscription(api, owner)["tier"], subscription(api, owner)["seats"]) == ("team", 6)
    stripe_server.world.advance(60)
    stripe_server.change_price(subscription(api, owner)["stripe_subscription_id"], "price_power_monthly")
    deliver_all()
    assert (subscription(api, owner)["tier"], subscription(api, owner)["seats"]) == ("power", 1)


def test_two_at_once_leave_one_payer(make_user: MakeUser) -> None:
    organization, owner = make_organization()
    owners = [join(organization, make_user(tier="team"), Role.OWNER) for _ in range(3)]
    set_tier_of = [
        lambda user=one.user: payment().attach(organization=organization, user=user) for one in (owner, *owners)
    ]
    run_concurrently(*set_tier_of, lambda: settle(organization.id), lambda: set_tier(user=owner.user, tier=Tier.FREE))
    settle_organizations()
    assert Subscription.objects.filter(organization=organization).count() == 1
    assert payment().seats(organization.id) == 1
