"""``decide_refresh`` whole: a pure rule over five facts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.refresh_tokens import GRACE, RefreshOutcome, decide_refresh

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ages = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=60))
lives = st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30))


def verdict(
    *,
    expires_in: timedelta = timedelta(days=1),
    rotated: timedelta | None = None,
    successor_rotated: bool = False,
    session_usable: bool = True,
) -> RefreshOutcome:
    """Of a token that was rotated ``rotated`` ago."""
    return decide_refresh(
        now=NOW,
        expires_at=NOW + expires_in,
        rotated_at=None if rotated is None else NOW - rotated,
        successor_rotated=successor_rotated,
        session_usable=session_usable,
    )


def test_the_grace_period_is_the_contracts_thirty_seconds() -> None:
    assert timedelta(seconds=30) == GRACE


def test_a_current_token_is_rotated() -> None:
    assert verdict() is RefreshOutcome.ROTATE


@pytest.mark.parametrize(
    ("rotated", "expected"),
    [
        (timedelta(0), RefreshOutcome.REPEAT),
        (timedelta(seconds=29), RefreshOutcome.REPEAT),
        (timedelta(seconds=30), RefreshOutcome.REPEAT),
        (timedelta(seconds=30) + MICROSECOND, RefreshOutcome.REUSED),
        (timedelta(days=3), RefreshOutcome.REUSED),
        (timedelta(seconds=-2), RefreshOutcome.REPEAT),  # rotated by a server whose clock is ahead
    ],
)
def test_a_rotated_token_is_repeated_within_the_grace_and_reuse_after_it(
    rotated: timedelta, expected: RefreshOutcome
) -> None:
    assert verdict(rotated=rotated) is expected


@given(rotated=ages, expires_in=lives, session_usable=st.booleans())
def test_an_ancestor_whose_successor_was_used_is_always_reuse(
    rotated: timedelta, expires_in: timedelta, session_usable: bool
) -> None:
    got = verdict(rotated=rotated, expires_in=expires_in, session_usable=session_usable, successor_rotated=True)
    assert got is RefreshOutcome.REUSED


@given(rotated=st.none() | ages, expires_in=lives, successor_rotated=st.booleans())
def test_no_token_of_an_ended_session_gives_tokens(
    rotated: timedelta | None, expires_in: timedelta, successor_rotated: bool
) -> None:
    got = verdict(rotated=rotated, expires_in=expires_in, successor_rotated=successor_rotated, session_usable=False)
    assert got in {RefreshOutcome.DEAD, RefreshOutcome.REUSED}


@given(rotated=st.none() | ages, expires_in=lives.filter(lambda life: life <= timedelta(0)))
def test_no_expired_token_gives_tokens(rotated: timedelta | None, expires_in: timedelta) -> None:
    assert verdict(rotated=rotated, expires_in=expires_in) in {RefreshOutcome.DEAD, RefreshOutcome.REUSED}


def test_an_expired_current_token_is_dead_at_the_very_moment() -> None:
    assert verdict(expires_in=timedelta(0)) is RefreshOutcome.DEAD
    assert verdict(expires_in=MICROSECOND) is RefreshOutcome.ROTATE
