"""One rating each, of what one has or had; what the plugin's row says of them equals a recount."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.erasure import erase_buyer
from marketplace.models import PluginRating
from tests.marketplace.purchases.actions import (
    change,
    install,
    publish,
    rate,
    require_true_counts,
    take_down,
    uninstall,
)
from tests.support.accounts import Account, make_account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]


def test_a_rating_answers_with_the_new_mean(buyer: Account, make_user: MakeUser) -> None:
    plugin, other = publish(), make_user(tier="team")
    install(buyer, plugin)
    install(other, plugin)
    rate(other, plugin, 2)
    answer = rate(buyer, plugin, 5)
    assert answer.status == 200
    assert answer.json == {"plugin_id": plugin.pk, "stars": 5, "avg_rating": 3.5, "rating_count": 2}
    require_true_counts(plugin)


def test_one_each_and_the_last_one_counts(buyer: Account) -> None:
    plugin = publish()
    install(buyer, plugin)
    for stars in (1, 5, 3, 3):
        answer = rate(buyer, plugin, stars)
        assert (answer.json["avg_rating"], answer.json["rating_count"]) == (stars, 1)
    require_true_counts(plugin)


def test_who_never_had_it_may_not_rate_it(buyer: Account) -> None:
    plugin = publish()
    answer = rate(buyer, plugin, 5)
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert not PluginRating.objects.exists()


def test_who_had_it_once_may_rate_it(buyer: Account) -> None:
    plugin = publish()
    install(buyer, plugin)
    uninstall(buyer, plugin)
    assert rate(buyer, plugin, 4).status == 200


def test_nobody_rates_a_plugin_of_their_own(buyer: Account) -> None:
    plugin = publish(author=buyer.user)
    install(buyer, plugin)
    answer = rate(buyer, plugin, 5)
    assert (answer.status, answer.code) == (403, "permission_denied")
    require_true_counts(plugin)


@pytest.mark.parametrize("stars", [0, 6, -1, "five", None, 4.5, [], True, 10**40])
def test_stars_are_whole_and_one_to_five(buyer: Account, stars: Any) -> None:
    plugin = publish()
    install(buyer, plugin)
    answer = rate(buyer, plugin, stars)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert "stars" in answer.json["errors"]
    require_true_counts(plugin)


def test_the_refusal_comes_before_the_body_is_looked_at(buyer: Account) -> None:
    plugin = publish()
    assert rate(buyer, plugin, "nonsense").status == 403
    assert ApiClient().put("plugins/no-such/rating", body=b"{", token=buyer.access_token).status == 404


def test_lower_tiers_may_not_rate(make_user: MakeUser) -> None:
    answer = rate(make_user(tier="pro"), publish(), 5)
    assert (answer.status, answer.code) == (403, "feature_not_available")


def test_what_is_not_live_cannot_be_rated(buyer: Account) -> None:
    plugin = publish()
    install(buyer, plugin)
    take_down(plugin)
    assert rate(buyer, plugin, 5).status == 410
    change(plugin, status="withdrawn")
    assert rate(buyer, plugin, 5).status == 404


steps = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(st.integers(1, 5), st.sampled_from(["install", "uninstall", "leave"])),
    ),
    max_size=20,
)


@pytest.mark.thorough
@given(steps=steps)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_sequence_the_plugin_says_what_a_recount_says(steps: list[tuple[int, Any]]) -> None:
    people, plugin = [make_account(tier="team") for _ in range(4)], publish()
    had: set[int] = set()
    for who, step in steps:
        if step == "install":
            install(people[who], plugin)
            had.add(who)
        elif step == "uninstall":
            uninstall(people[who], plugin)
        elif step == "leave":
            erase_buyer(people[who].user.pk)
            had.discard(who)
        else:
            assert rate(people[who], plugin, step).status == (200 if who in had else 403)
        require_true_counts(plugin)
