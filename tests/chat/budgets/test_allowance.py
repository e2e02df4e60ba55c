"""One turn's allowance: calls share its reservation, and nothing is stranded where one is cancelled."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adiuva.api.errors import QuotaExceeded, UpstreamTimeout
from adiuva.egress import Endpoint
from adiuva.observability.secrets import Secret
from agents.llm.meter import Grant, Meter
from agents.llm.own_keys import OwnProvider
from agents.llm.port import Usage
from billing.subscriptions import set_tier
from billing.tiers import Tier
from chat import budgets, usage
from chat.budgets import allowance as allowance_module
from chat.budgets import ledger
from chat.budgets.allowance import (
    ENOUGH_OUTPUT_TOKENS,
    GRACE_SECONDS,
    LEAST_OUTPUT_TOKENS,
    MOST_OUTPUT_TOKENS,
    TurnAllowance,
)
from chat.models import DailyUsage, TokenReservation
from tests.chat.budgets.conftest import Limit
from tests.chat.budgets.rows import Budget, budget_of, let_lapse
from tests.chat.ws.sockets import in_database
from tests.support.accounts import Account

MakeUser = Callable[..., Account]
OWN = OwnProvider(
    kind="openai",
    model="gpt-own",
    api_key=Secret("sk-own"),
    endpoint=Endpoint("https://api.example", "https", "api.example", 443, (("192.0.2.1", 443),)),
)


async def reserve(allowance: TurnAllowance, input_tokens: int, seconds: float = 60) -> Grant:
    return await allowance.reserve(input_tokens=input_tokens, seconds=seconds)


def spend(account: Account, tokens: int, provider: OwnProvider | None = None) -> None:
    """A turn that cost so much, as its caller runs it."""
    meter = budgets.open_meter(account.user, provider)

    async def turn() -> None:
        grant = None if meter.allowance is None else await meter.allowance.reserve(input_tokens=tokens, seconds=60)
        meter.count(Usage(tokens, 0), grant)

    asyncio.run(turn())
    usage.record_usage(account.user.id, meter)


def left(account: Account) -> Any:
    return usage.report(account.user)["remaining"]["llm_tokens"]


async def test_the_first_call_reserves_its_input_and_the_most_it_may_write(free: Account) -> None:
    before = datetime.now(UTC)
    grant = await reserve(TurnAllowance(free.user.id, 50_000), 1_000, seconds=20)

    assert grant == Grant(1_000, MOST_OUTPUT_TOKENS)
    assert await in_database(budget_of, free.user) == Budget(0, 1_000 + MOST_OUTPUT_TOKENS)
    row = await in_database(TokenReservation.objects.get)
    assert timedelta(seconds=20 + GRACE_SECONDS) <= row.expires_at - before < timedelta(seconds=25 + GRACE_SECONDS)


@pytest.mark.usefixtures("impatient")
async def test_near_the_edge_an_answer_may_be_as_long_as_what_is_left(free: Account) -> None:
    assert await reserve(TurnAllowance(free.user.id, 1_500), 1_000) == Grant(1_000, 500)
    with pytest.raises(QuotaExceeded) as refusal:
        await reserve(TurnAllowance(free.user.id, 1_500), 1)
    assert refusal.value.extra["used"] == 1_500


async def test_an_answer_that_would_be_cut_at_once_is_refused(free: Account) -> None:
    with pytest.raises(QuotaExceeded):
        await reserve(TurnAllowance(free.user.id, 1_000 + LEAST_OUTPUT_TOKENS - 1), 1_000)
    grant = await reserve(TurnAllowance(free.user.id, 1_000 + LEAST_OUTPUT_TOKENS), 1_000)
    assert grant.output_tokens == LEAST_OUTPUT_TOKENS


async def test_calls_one_after_another_use_what_the_first_has_left(
    free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = ledger.reserve

    def noted(*args: Any, **options: Any) -> Any:
        asked.append(options["most"])
        return real(*args, **options)

    monkeypatch.setattr(ledger, "reserve", noted)
    allowance = TurnAllowance(free.user.id, 50_000)
    for _ in range(3):
        grant = await reserve(allowance, 1_000)
        assert grant.output_tokens >= ENOUGH_OUTPUT_TOKENS
        allowance.settle(grant, Usage(1_000, 50))
    assert asked == [1_000 + MOST_OUTPUT_TOKENS]

    grant = await reserve(allowance, 4_000)

    assert grant.output_tokens == MOST_OUTPUT_TOKENS
    assert await in_database(budget_of, free.user) == Budget(0, 3 * 1_050 + 4_000 + MOST_OUTPUT_TOKENS)


@pytest.mark.usefixtures("impatient")
async def test_calls_at_once_share_the_reservation_and_never_the_tokens(free: Account) -> None:
    limit = 20_000
    allowance = TurnAllowance(free.user.id, limit)
    grants = await asyncio.gather(*(reserve(allowance, 1_000) for _ in range(8)), return_exceptions=True)

    granted = [one for one in grants if isinstance(one, Grant)]
    assert {type(one) for one in grants} == {Grant, QuotaExceeded}
    assert sum(one.input_tokens + one.output_tokens for one in granted) <= limit
    assert await in_database(TokenReservation.objects.count) == 1
    assert (await in_database(budget_of, free.user)).reserved == limit


async def test_what_another_turn_holds_is_waited_for(free: Account) -> None:
    """Most of it comes back."""
    first, second = TurnAllowance(free.user.id, 10_000), TurnAllowance(free.user.id, 10_000)
    meter = Meter(first)
    grant = await reserve(first, 1_000)
    waiting = asyncio.create_task(reserve(second, 1_000))
    await asyncio.sleep(0.25)
    assert not waiting.done()

    meter.count(Usage(1_000, 10), grant)
    await usage.record_usage_in_thread(free.user.id, meter)

    assert await waiting == Grant(1_000, 10_000 - 1_010 - 1_000)
    assert await in_database(budget_of, free.user) == Budget(1_010, 10_000 - 1_010)


@pytest.mark.parametrize(("patience", "seconds"), [(0.3, 60), (10, 3)], ids=["patience", "half of its time"])
async def test_what_another_turn_does_not_give_back_is_refused_in_the_end(
    free: Account, monkeypatch: pytest.MonkeyPatch, patience: float, seconds: float
) -> None:
    monkeypatch.setattr(allowance_module, "PATIENCE_SECONDS", patience)
    await reserve(TurnAllowance(free.user.id, 10_000), 9_000)
    with pytest.raises(QuotaExceeded) as refusal:
        await reserve(TurnAllowance(free.user.id, 10_000), 1_000, seconds)
    assert refusal.value.extra["used"] == 10_000


async def test_a_turn_that_no_end_of_others_makes_room_for_is_refused_at_once(free: Account) -> None:
    await reserve(TurnAllowance(free.user.id, 10_000), 1_000)
    async with asyncio.timeout(5):
        with pytest.raises(QuotaExceeded):
            await reserve(TurnAllowance(free.user.id, 10_000), 10_000)


async def test_a_call_that_was_cancelled_while_it_reserved_strands_nothing(
    free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserving, go_on = threading.Event(), threading.Event()
    real = ledger.reserve

    def slow(*args: Any, **options: Any) -> Any:
        reserving.set()
        assert go_on.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(ledger, "reserve", slow)
    allowance = TurnAllowance(free.user.id, 50_000)
    calling = asyncio.create_task(reserve(allowance, 1_000))
    assert await asyncio.to_thread(reserving.wait, 30)
    calling.cancel()
    await asyncio.wait([calling])

    recording = asyncio.create_task(usage.record_usage_in_thread(free.user.id, Meter(allowance)))
    await asyncio.sleep(0.05)
    go_on.set()
    await recording

    assert await in_database(budget_of, free.user) == Budget(0, 0)
    with pytest.raises(QuotaExceeded):
        await reserve(allowance, 1_000)
    assert await in_database(budget_of, free.user) == Budget(0, 0), "nothing begins after the turn's end"


async def test_a_database_that_hangs_does_not_hold_the_turn_beyond_its_time(
    free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(ledger, "reserve", lambda *_, **__: go_on.wait(30))
    with pytest.raises(UpstreamTimeout):
        await reserve(TurnAllowance(free.user.id, 50_000), 1_000, seconds=0.05)
    go_on.set()


async def test_a_turn_that_outlives_its_reservation_has_another(free: Account) -> None:
    allowance = TurnAllowance(free.user.id, 50_000)
    grant = await reserve(allowance, 1_000)
    await in_database(let_lapse, free.user)
    await in_database(ledger.free_lapsed, free.user.id)
    allowance.settle(grant, Usage(1_000, 10))

    later = await reserve(allowance, 9_000)
    allowance.settle(later, Usage(9_000, 20))
    assert (await in_database(budget_of, free.user)).reserved == 1_010 + 9_000 + MOST_OUTPUT_TOKENS

    meter = Meter(allowance)
    meter.count(Usage(10_000, 30))
    await usage.record_usage_in_thread(free.user.id, meter)
    assert await in_database(budget_of, free.user) == Budget(10_030, 0)


async def test_a_long_run_keeps_its_reservation_alive(free: Account) -> None:
    """A map's items are calls of hours: what each may take is behind the others' time."""
    allowance = TurnAllowance(free.user.id, 50_000)
    await reserve(allowance, 1_000, seconds=60)
    first = await in_database(TokenReservation.objects.get)
    await reserve(allowance, 1_000, seconds=600)

    assert (await in_database(TokenReservation.objects.get)).expires_at - first.expires_at > timedelta(seconds=500)


async def test_a_call_that_was_not_made_gives_all_back(free: Account) -> None:
    meter = Meter(TurnAllowance(free.user.id, 50_000))
    meter.release(await meter.reserve([{"role": "user", "content": "Hello"}], [], None, seconds=60))
    await usage.record_usage_in_thread(free.user.id, meter)

    assert await in_database(budget_of, free.user) == Budget(0, 0)
    assert not await in_database(DailyUsage.objects.exists), "no call, no turn"


def test_own_keys_count_and_spend_nothing(free: Account, limit: Limit) -> None:
    limit(free=50_000)
    spend(free, 100)
    spend(free, 40_000, OWN)

    told = usage.report(free.user)
    assert (told["month"]["turns"], told["month"]["input_tokens"]) == (2, 40_100)
    assert left(free) == 49_900
    assert DailyUsage.objects.get().own_key_tokens == 40_000


def test_who_has_used_it_up_goes_on_with_their_own_key(free: Account, limit: Limit) -> None:
    limit(free=0)
    spend(free, 40_000, OWN)

    assert budgets.open_meter(free.user, OWN).allowance is None
    assert left(free) == 0


def test_a_limit_set_in_mid_month_counts_what_was_spent_before(
    free: Account, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(free, 3_000)
    spend(free, 5_000, OWN)
    limit(free=50_000)
    assert left(free) == 47_000
    spend(free, 1_000)
    assert budget_of(free.user) == Budget(4_000, 0)

    limit()  # off for a while: two starts of the server
    spend(free, 700)
    limit(free=60_000)
    monkeypatch.setattr(ledger, "_STARTED", datetime.now(UTC))
    assert left(free) == 60_000 - 4_700
    spend(free, 10)
    assert budget_of(free.user) == Budget(4_710, 0)


def test_days_of_another_month_do_not_count(free: Account, limit: Limit) -> None:
    before = ledger.this_month() - timedelta(days=1)
    DailyUsage.objects.create(user=free.user, day=before, turns=1, input_tokens=9_000)
    limit(free=50_000)
    spend(free, 100)

    assert budget_of(free.user) == Budget(100, 0)


def test_what_an_unlimited_tier_spends_counts_for_the_limited_one_after_it(free: Account, limit: Limit) -> None:
    limit(free=50_000)
    spend(free, 1_000)
    set_tier(user=free.user, tier=Tier.PRO)
    free.user.refresh_from_db()
    assert left(free) is None
    spend(free, 2_000)
    set_tier(user=free.user, tier=Tier.FREE)
    free.user.refresh_from_db()

    spend(free, 10)

    assert budget_of(free.user) == Budget(3_010, 0)
    assert left(free) == 50_000 - 3_010


def test_a_server_of_before_is_caught_up_with_within_the_hour(free: Account, limit: Limit) -> None:
    """It counts days only."""
    limit(free=50_000)
    spend(free, 1_000)
    DailyUsage.objects.filter(user=free.user).update(input_tokens=4_000)
    assert left(free) == 46_000
    spend(free, 1)
    assert budget_of(free.user).spent == 1_001

    free.user.monthly_budgets.update(compared_at=datetime.now(UTC) - timedelta(minutes=61))
    spend(free, 1)
    assert budget_of(free.user).spent == 4_002


def test_a_turn_over_midnight_counts_where_it_began(
    free: Account, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(free=50_000)
    this = ledger.this_month()
    last = this - timedelta(days=1)
    meter = budgets.open_meter(free.user)
    assert meter.allowance is not None
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "this_month", lambda: last.replace(day=1))
        grant = asyncio.run(meter.allowance.reserve(input_tokens=100, seconds=60))
    meter.count(Usage(100, 1), grant)
    usage.record_usage(free.user.id, meter)

    assert list(DailyUsage.objects.values_list("day", "input_tokens")) == [(last, 100)]
    assert left(free) == 50_000


@pytest.mark.parametrize(
    ("month", "following"),
    [(date(2026, 1, 1), date(2026, 2, 1)), (date(2028, 2, 1), date(2028, 3, 1)), (date(2026, 12, 1), date(2027, 1, 1))],
)
def test_months_follow_each_other(month: date, following: date) -> None:
    assert ledger.after(month) == following


def test_a_limit_beyond_all_numbers_is_as_good_as_none(free: Account, limit: Limit) -> None:
    limit(free=10**30)
    spend(free, 100)

    assert budget_of(free.user) == Budget(100, 0)
