"""Values that work once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from adiuva.api.errors import UpstreamUnavailable
from adiuva.api.single_use import SingleUse
from tests.accounts.concurrency import run_concurrently

TICKETS = SingleUse("sample-ticket", 60, "No tickets right now.")


def test_a_value_may_be_looked_at_often_and_used_once() -> None:
    TICKETS.keep("random", "a seat")
    assert [TICKETS.look_at("random") for _ in range(2)] == ["a seat"] * 2
    assert TICKETS.use_up("random") == "a seat"
    assert TICKETS.use_up("random") is None
    assert TICKETS.look_at("random") is None


def test_of_many_who_use_one_at_once_one_does() -> None:
    TICKETS.keep("wanted", "a seat")
    assert (
        sorted(run_concurrently(*[lambda: TICKETS.use_up("wanted") or "nothing"] * 8)) == ["a seat"] + ["nothing"] * 7
    )


def test_one_kind_is_not_another_and_neither_holds_the_value_itself() -> None:
    TICKETS.keep("random", "a seat")
    assert SingleUse("sample-code", 60, "").look_at("random") is None
    assert "random" not in TICKETS.key("random")


def test_it_ends() -> None:
    TICKETS.keep("old", "a seat")
    cache.touch(TICKETS.key("old"), -1)
    assert TICKETS.use_up("old") is None


def test_a_cache_that_is_away_is_said_so(settings: Any) -> None:
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": redis}
    uses: list[Callable[[], object]] = [
        lambda: TICKETS.keep("x", "y"),
        lambda: TICKETS.look_at("x"),
        lambda: TICKETS.use_up("x"),
    ]
    for use in uses:
        with pytest.raises(UpstreamUnavailable, match="No tickets right now"):
            use()
