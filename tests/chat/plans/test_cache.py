"""What is kept of a user's plans: recent ones, sealed, each user's apart."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from accounts import erasure
from adiuva.api.errors import UpstreamUnavailable
from chat.plans import cache
from chat.plans.builder import ExecutionPlanBuilder
from chat.plans.cache import PER_USER, SIZE, PlanCache, plan_cache
from chat.plans.execution_plan import ExecutionPlan
from chat.plans.stores import LocalStore, PlanStore, SharedStore
from tests.support.accounts import Account
from tests.support.redis_server import RedisServer

CANARY = "the-canary-sings-at-midnight"
ANNA, BEN = uuid.uuid4(), uuid.uuid4()
LARGE = 1 << 30


def plan(message: str = "Buy milk") -> ExecutionPlan:
    return ExecutionPlanBuilder("Plan").add_llm_step("tpl_task_agent_default", {"message": message}).build()


def local(*, size: int = SIZE, per_user: int = PER_USER, max_bytes: int = LARGE) -> LocalStore:
    return LocalStore(size=size, per_user=per_user, max_bytes=max_bytes)


@pytest.fixture(params=["local", "shared", "redis"])
def store(request: pytest.FixtureRequest) -> PlanStore:
    """The same rules for each of them."""
    if request.param == "redis":
        request.getfixturevalue("plans_in_redis")
    return local(per_user=3) if request.param == "local" else SharedStore(per_user=3, lifetime=60)


def test_what_is_kept_comes_back_to_its_user_only(store: PlanStore) -> None:
    cache, kept = PlanCache(store), plan()
    cache.remember(kept, user_id=ANNA)

    assert cache.get(kept.plan_id, user_id=ANNA) == kept
    assert cache.recent(user_id=ANNA) == [kept]
    assert cache.get(kept.plan_id, user_id=BEN) is None
    assert cache.recent(user_id=BEN) == []


def test_a_user_has_the_newest_few(store: PlanStore) -> None:
    cache, plans = PlanCache(store), [plan(str(number)) for number in range(8)]
    for one in plans:
        cache.remember(one, user_id=ANNA)

    assert cache.recent(user_id=ANNA) == plans[:-4:-1]
    assert cache.get(plans[0].plan_id, user_id=ANNA) is None


def test_an_erased_user_has_none(store: PlanStore) -> None:
    cache = PlanCache(store)
    for user in (ANNA, ANNA, BEN):
        cache.remember(plan(), user_id=user)

    cache.forget(ANNA)
    cache.forget(ANNA)

    assert cache.recent(user_id=ANNA) == []
    assert len(cache.recent(user_id=BEN)) == 1


def test_plans_kept_at_once_are_all_there(store: PlanStore) -> None:
    cache = PlanCache(store)
    at_once = [threading.Thread(target=cache.remember, args=(plan(),), kwargs={"user_id": ANNA}) for _ in range(3)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()

    assert len(cache.recent(user_id=ANNA)) == 3


def test_the_process_keeps_a_thousand_plans() -> None:
    store = local()
    cache = PlanCache(store)
    users = [uuid.uuid4() for _ in range(SIZE + 5)]
    plans = {user: plan() for user in users}
    for user in users[:SIZE]:
        cache.remember(plans[user], user_id=user)
    assert cache.get(plans[users[0]].plan_id, user_id=users[0])  # used now, so no longer the oldest
    for user in users[SIZE:]:
        cache.remember(plans[user], user_id=user)

    assert len(store) == SIZE == 1000
    assert cache.get(plans[users[0]].plan_id, user_id=users[0])
    assert [cache.get(plans[user].plan_id, user_id=user) for user in users[1:6]] == [None] * 5


def test_one_user_does_not_push_the_others_out() -> None:
    cache = PlanCache(local())
    cache.remember(plan(), user_id=BEN)
    for _ in range(SIZE + 1):
        cache.remember(plan(), user_id=ANNA)

    assert len(cache.recent(user_id=ANNA)) == PER_USER
    assert len(cache.recent(user_id=BEN)) == 1


@given(st.lists(st.tuples(st.sampled_from([ANNA, BEN]), st.sampled_from("abcde"), st.integers(0, 40)), max_size=40))
def test_the_bounds_hold_whatever_is_kept(puts: list[tuple[uuid.UUID, str, int]]) -> None:
    store = local(size=5, per_user=3, max_bytes=60)
    for user, plan_id, length in puts:
        store.put(user, plan_id, b"x" * length)
        kept = {user: store.newest_first(user) for user in (ANNA, BEN)}

        assert store.get(user, plan_id) == b"x" * length
        assert sum(map(len, kept.values())) == len(store) <= 5
        assert all(len(own) <= 3 for own in kept.values())
        assert sum(len(sealed) for own in kept.values() for sealed in own) <= 60
    store.forget(ANNA)
    store.forget(BEN)
    assert len(store) == store._bytes == 0


def test_a_plan_is_too_old_after_its_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PlanCache(local(), lifetime=60)
    kept = plan()
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    cache.remember(kept, user_id=ANNA)
    monkeypatch.setattr(time, "time", lambda: 1_000_061.0)

    assert cache.get(kept.plan_id, user_id=ANNA) is None
    assert cache.recent(user_id=ANNA) == []


def test_nothing_readable_lies_in_the_store() -> None:
    store = local()
    PlanCache(store).remember(plan(CANARY), user_id=ANNA)

    (sealed,) = store.newest_first(ANNA)

    assert CANARY.encode() not in sealed
    assert b"tpl_" not in sealed
    assert cache.decrypt(sealed, user_id=BEN, max_age=60) is None


def test_nothing_readable_lies_in_redis(plans_in_redis: RedisServer) -> None:
    PlanCache(SharedStore(per_user=3, lifetime=60)).remember(plan(CANARY), user_id=ANNA)

    with redis.Redis.from_url(plans_in_redis.url) as client:
        keys = client.keys("*")
        kept = [client.dump(key) or b"" for key in keys]
        lifetimes = [client.ttl(key) for key in keys]

    assert keys
    assert not any(CANARY.encode() in value for value in kept)
    assert all(0 < seconds <= 120 for seconds in lifetimes)


def test_another_secret_opens_nothing(settings: Any) -> None:
    sealed = cache.encrypt({"a": 1}, user_id=ANNA)
    settings.SECRET_KEY = "another"

    assert cache.decrypt(sealed, user_id=ANNA, max_age=60) is None


def test_a_cache_that_is_away_costs_the_list_and_not_the_plan(plans_in_redis: RedisServer) -> None:
    plans_in_redis.stop()
    cache = PlanCache(SharedStore(per_user=3, lifetime=60))

    cache.remember(plan(), user_id=ANNA)
    with pytest.raises(UpstreamUnavailable):
        cache.recent(user_id=ANNA)
    with pytest.raises(UpstreamUnavailable):
        cache.get("any", user_id=ANNA)


def test_an_erasure_forgets_the_plans(transactional_db: None, make_user: Callable[..., Account]) -> None:
    account = make_user()
    plan_cache.remember(plan(), user_id=account.user.id)
    erasure.close_account(user=account.user)

    assert erasure.erase(user_id=account.user.id)
    assert plan_cache.recent(user_id=account.user.id) == []
