from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from billing.entitlements import tier_of
from billing.models import Subscription
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.billing.purchases import subscription
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def read_tiers(user: User) -> tuple[str, str]:
    """The display copy and the live tier, as the database has them."""
    fresh = User.objects.select_related("subscription").get(pk=user.pk)
    return fresh.tier, tier_of(fresh)


def test_a_tier_and_its_display_copy_change_together(make_user: MakeUser) -> None:
    user = make_user().user
    for tier in [Tier.PRO, Tier.TEAM, Tier.POWER, Tier.FREE]:
        set_tier(user=user, tier=tier)
        assert read_tiers(user) == (tier, tier)
        assert (user.tier, tier_of(user)) == (tier, tier)


def test_free_means_no_row(make_user: MakeUser) -> None:
    user = make_user(tier="pro").user
    set_tier(user=user, tier=Tier.FREE)
    assert not Subscription.objects.filter(user=user).exists()


def test_a_subscription_at_stripe_is_never_forgotten(make_user: MakeUser) -> None:
    user = make_user().user
    ends = timezone.now()
    Subscription.objects.create(
        user=user, tier=Tier.PRO, stripe_subscription_id="sub_1", status="trialing", current_period_end=ends
    )
    set_tier(user=user, tier=Tier.FREE)
    kept = Subscription.objects.get(user=user)
    assert (kept.tier, kept.stripe_subscription_id) == ("free", "sub_1")
    assert (kept.status, kept.current_period_end) == ("trialing", ends)
    assert read_tiers(user) == ("free", "free")


def test_a_grant_over_a_subscription_at_stripe_changes_the_tier_only(make_user: MakeUser) -> None:
    user = make_user().user
    since = timezone.now()
    Subscription.objects.create(
        user=user, tier=Tier.PRO, stripe_subscription_id="sub_1", status="past_due", past_due_since=since
    )
    set_tier(user=user, tier=Tier.TEAM)
    kept = Subscription.objects.get(user=user)
    assert (kept.tier, kept.status, kept.past_due_since) == ("team", "past_due", since)


def test_one_account_does_not_touch_another(make_user: MakeUser) -> None:
    one, other = make_user(tier="pro").user, make_user(tier="power").user
    set_tier(user=one, tier=Tier.FREE)
    assert read_tiers(other) == ("power", "power")


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_at_once_copy_and_row_are_of_the_same_one(make_user: MakeUser) -> None:
    user_id = make_user().user.pk

    def change(tier: Tier) -> None:
        set_tier(user=User.objects.get(pk=user_id), tier=tier)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, list(Tier) * 10))
    copy, live = read_tiers(User.objects.get(pk=user_id))
    assert copy == live


@pytest.mark.parametrize(
    "impossible",
    [
        {"tier": "platinum"},
        {"tier": "pro", "status": "happy"},
        {"tier": "pro", "stripe_subscription_id": ""},
        {"tier": "pro", "status": "past_due"},
        {"tier": "pro", "status": "active", "past_due_since": "2026-01-01T00:00:00Z"},
    ],
)
def test_the_database_refuses_what_cannot_be(make_user: MakeUser, impossible: dict[str, Any]) -> None:
    user = make_user().user
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.create(user=user, **impossible)


def test_the_command_sets_the_tier_and_says_so(make_user: MakeUser, capsys: pytest.CaptureFixture[str]) -> None:
    user = make_user(email="ada@example.com").user
    call_command("set_tier", "Ada@Example.com", "power")
    assert capsys.readouterr().out == "ada@example.com: free -> power\n"
    assert read_tiers(user) == ("power", "power")


def test_the_command_grants_seats_of_team_and_says_so(
    make_user: MakeUser, capsys: pytest.CaptureFixture[str], api: ApiClient
) -> None:
    account = make_user(email="ada@example.com")
    for arguments, before, seats in [
        (["team"], "free", 1),
        (["team", "--seats", "5"], "team", 5),
        (["team"], "team", 5),
        (["team", "--seats", "2"], "team", 2),
    ]:
        call_command("set_tier", account.email, *arguments)
        assert capsys.readouterr().out == f"ada@example.com: {before} -> team, seats: {seats}\n"
        assert subscription(api, account)["seats"] == seats
    call_command("set_tier", account.email, "power")
    assert subscription(api, account)["seats"] == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("power", "--seats", "5"), "only team has seats"),
        (("free", "--seats", "1"), "only team has seats"),
        (("team", "--seats", "0"), "seats are 1 to"),
        (("team", "--seats", "-1"), "seats are 1 to"),
        (("team", "--seats", "10001"), "seats are 1 to"),
        (("team", "--seats", "many"), "invalid int value"),
    ],
)
def test_the_command_knows_no_such_seats(make_user: MakeUser, arguments: tuple[str, ...], why: str) -> None:
    account = make_user(tier="pro")
    with pytest.raises(CommandError, match=why):
        call_command("set_tier", account.email, *arguments)
    assert read_tiers(account.user) == ("pro", "pro")


def test_the_command_says_when_an_organisation_goes_on_giving_team(
    make_user: MakeUser, capsys: pytest.CaptureFixture[str]
) -> None:
    organization, _owner = make_organization()
    member = join(organization, make_user(tier="pro"))
    call_command("set_tier", member.email, "free")
    told = capsys.readouterr()
    assert told.out == f"{member.email}: pro -> free\n"
    assert "organisation" in told.err


def test_a_grant_from_before_seats_is_for_one(make_user: MakeUser, api: ApiClient) -> None:
    account = make_user(tier="team")
    Subscription.objects.filter(user=account.user).update(seats=None)
    assert subscription(api, account)["seats"] == 1


def test_the_command_says_when_stripe_keeps_a_subscription(
    make_user: MakeUser, capsys: pytest.CaptureFixture[str]
) -> None:
    account = make_user()
    Subscription.objects.create(user=account.user, tier=Tier.PRO, stripe_subscription_id="sub_1")
    call_command("set_tier", account.email, "free")
    assert "sub_1" in capsys.readouterr().err


def test_the_command_knows_no_such_tier(make_user: MakeUser) -> None:
    account = make_user()
    with pytest.raises(CommandError, match=r"no such tier: 'gold' .*free, pro, power, team"):
        call_command("set_tier", account.email, "gold")


def test_the_command_knows_no_such_account() -> None:
    with pytest.raises(CommandError, match="no account has the email"):
        call_command("set_tier", "nobody@example.com", "pro")


def test_the_demo_team_has_seats() -> None:
    call_command("seed_demo", verbosity=0)
    seats = dict(Subscription.objects.values_list("user__email", "seats"))
    assert seats == {"demo-pro@example.com": 1, "demo-power@example.com": 1, "demo-team@example.com": 5}
