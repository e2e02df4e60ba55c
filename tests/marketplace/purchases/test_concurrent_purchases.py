"""However many ask at once: one purchase, one charge, one installation. On both databases."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from tests.accounts.concurrency import run_concurrently
from tests.fakes.stripe.faults import Kind
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.purchases.actions import (
    charged_cents,
    deliver,
    give_card,
    has_installed,
    install,
    lose_answers,
    page_of,
    publish,
    purchases_of,
    rate,
    require_true_counts,
    sales_of,
    session_of,
    uninstall,
)
from tests.support.accounts import Account
from tests.support.client import Answer

pytestmark = pytest.mark.django_db(transaction=True)

MakeUser = Callable[..., Account]
DONE = {200, 201}


@pytest.mark.thorough
def test_twenty_parallel_installs_charge_once(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    stripe.fail("slow", path="/v1/payment_intents", seconds=0.2)
    answers = run_concurrently(*[partial(install, buyer, plugin)] * 20)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 19}
    assert {answer.json["amount_cents"] for answer in answers} == {499}
    assert (charged_cents(stripe), sales_of(plugin), purchases_of(buyer)) == ([499], [499], ["paid"])
    require_true_counts(plugin)


@pytest.mark.thorough
def test_a_bank_that_thinks_longer_than_the_sdk_waits_keeps_nobody_from_an_answer(
    stripe: LoopbackStripe, buyer: Account
) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    stripe.fail("slow", path="/v1/payment_intents", seconds=3)
    answers = run_concurrently(*[partial(install, buyer, plugin)] * 5)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 4}
    assert charged_cents(stripe) == [499]


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["timeout_after_commit", "reset_after_commit"])
@pytest.mark.parametrize("times", [1, 7, 60])
def test_twenty_parallel_installs_charge_once_when_answers_are_lost(
    stripe: LoopbackStripe, buyer: Account, kind: Kind, times: int
) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe, kind=kind, times=times):
        answers = run_concurrently(*[partial(install, buyer, plugin)] * 20)
    assert {answer.status for answer in answers} <= DONE | {503, 504}
    assert sum(answer.status == 201 for answer in answers) <= 1
    stripe.mend()
    assert install(buyer, plugin).status in DONE
    assert (charged_cents(stripe), sales_of(plugin), purchases_of(buyer)) == ([499], [499], ["paid"])
    require_true_counts(plugin)


@pytest.mark.thorough
def test_installs_and_events_at_once_charge_and_record_once(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    jobs: list[Callable[[], Answer]] = [partial(install, buyer, plugin)] * 6
    jobs += [partial(deliver, event) for event in stripe.undelivered() * 2]
    answers = run_concurrently(*jobs)
    assert {answer.status for answer in answers} <= DONE
    assert has_installed(buyer, plugin)
    assert (charged_cents(stripe), sales_of(plugin)) == ([499], [499])
    require_true_counts(plugin)


def test_ten_at_once_without_a_card_get_one_page(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    answers = run_concurrently(*[partial(install, buyer, plugin)] * 10)
    assert len({page_of(answer) for answer in answers}) == 1
    assert len(stripe.world.all("checkout.session")) == 1
    stripe.complete_checkout(session_of(answers[0]))
    answers = run_concurrently(*[partial(install, buyer, plugin)] * 10)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 9}
    assert (charged_cents(stripe), sales_of(plugin)) == ([499], [499])
    require_true_counts(plugin)


def test_ten_at_once_with_a_refused_card_get_one_page(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer, manner="declined")
    plugin = publish(price_cents=499)
    answers = run_concurrently(*[partial(install, buyer, plugin)] * 10)
    assert len({page_of(answer) for answer in answers}) == 1
    assert charged_cents(stripe) == []
    assert len(stripe.world.all("payment_intent")) == 1


def test_many_buyers_at_once_are_all_counted(stripe: LoopbackStripe, make_user: MakeUser) -> None:
    buyers, plugin = [make_user(tier="team") for _ in range(8)], publish(price_cents=499)
    for one in buyers:
        give_card(stripe, one)
    answers = run_concurrently(*[partial(install, one, plugin) for one in buyers])
    assert [answer.status for answer in answers] == [201] * 8
    assert charged_cents(stripe) == [499] * 8
    require_true_counts(plugin)
    plugin.refresh_from_db()
    assert plugin.install_count == 8


def test_installing_and_uninstalling_at_once_keeps_the_count(buyer: Account) -> None:
    plugin = publish()
    jobs: list[Callable[[], Answer]] = [partial(install, buyer, plugin), partial(uninstall, buyer, plugin)] * 6
    answers = run_concurrently(*jobs)
    assert {answer.status for answer in answers} <= DONE | {204, 404}
    require_true_counts(plugin)


def test_ratings_at_once_are_all_counted(make_user: MakeUser) -> None:
    people, plugin = [make_user(tier="team") for _ in range(5)], publish()
    for one in people:
        install(one, plugin)
    jobs = [partial(rate, one, plugin, stars) for stars in (1, 5, 3) for one in people]
    assert {answer.status for answer in run_concurrently(*jobs)} == {200}
    require_true_counts(plugin)
    plugin.refresh_from_db()
    assert plugin.rating_count == 5
