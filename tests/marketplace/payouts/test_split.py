"""Every price up to 2,000 cents, and every way in which it can go back."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.payouts.ledger import Split, split

MOST = 2000
prices = st.integers(min_value=1, max_value=MOST)


# Where a price is cut into partial refunds that make it up.
cuts = st.sets(st.integers(min_value=1, max_value=MOST - 1), max_size=30)


def test_every_price_is_split_without_a_rest() -> None:
    for price in range(1, MOST + 1):
        shares = split(price)
        assert shares.developer == (price * 7) // 10
        assert shares.developer + shares.platform == price
        assert min(shares.developer, shares.platform) >= 0


def test_every_cent_that_goes_back_is_given_by_exactly_one_of_the_two() -> None:
    """So any refund of any price, being a sum of cents, is never negative for either."""
    for price in range(1, MOST + 1):
        last = split(price) - split(price - 1)
        assert (last.developer, last.platform) in {(0, 1), (1, 0)}


@settings(deadline=None)
@given(prices, cuts)
def test_partial_refunds_of_everything_reverse_everything(price: int, cuts: set[int]) -> None:
    left = [price, *sorted((cut for cut in cuts if cut < price), reverse=True), 0]
    booked = split(price)
    for before, after in pairwise(left):
        part = split(before) - split(after)
        assert min(part.developer, part.platform) >= 0
        assert part.total == before - after
        booked -= part
    assert booked == split(0) == Split(developer=0, platform=0)


def test_without_a_developer_everything_is_the_platforms() -> None:
    assert split(499, has_developer=False) == Split(developer=0, platform=499)


def test_more_than_everything_cannot_go_back() -> None:
    with pytest.raises(ValueError, match="negative"):
        split(10 - 11)
