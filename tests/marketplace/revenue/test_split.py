"""Every price up to 2,000 cents, and every way in which it can go back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.split import given_back, split

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
        last = given_back(price, returned_cents=1)
        assert (last.developer, last.platform) in {(0, 1), (1, 0)}


@given(prices, cuts)
def test_partial_refunds_of_everything_reverse_everything(price: int, cuts: set[int]) -> None:
    totals = [0, *sorted(cut for cut in cuts if cut < price), price]
    developer = platform = 0
    for earlier, returned in pairwise(totals):
        part = returned - earlier
        before = given_back(price, returned_cents=earlier)
        after = given_back(price, returned_cents=returned)
        steps = after.developer - before.developer, after.platform - before.platform
        assert min(steps) >= 0
        assert sum(steps) == part
        developer, platform = developer + steps[0], platform + steps[1]
    assert (developer, platform) == (split(price).developer, split(price).platform)


@given(prices, st.data())
def test_what_is_left_is_split_as_a_sale_of_that_amount(price: int, data: st.DataObject) -> None:
    returned = data.draw(st.integers(min_value=0, max_value=price))
    back = given_back(price, returned_cents=returned)
    assert split(price).developer - back.developer == split(price - returned).developer


def test_without_a_developer_everything_is_the_platforms() -> None:
    assert (split(499, has_developer=False).developer, split(499, has_developer=False).platform) == (0, 499)
    assert given_back(499, returned_cents=200, has_developer=False).platform == 200


def test_more_than_everything_cannot_go_back() -> None:
    with pytest.raises(ValueError, match="negative"):
        given_back(10, returned_cents=11)
