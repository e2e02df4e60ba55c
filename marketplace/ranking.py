"""What the catalog's order by rating means."""

from typing import Final

# A plugin starts as if it had these ratings already, so that a single five does not outrank fifty times four and a
# half, nor a single one sink what is new. Changing them wants every ``Plugin.rank`` computed again.
PRIOR_COUNT: Final = 5
PRIOR_MEAN: Final = 3.5


def rank_of(rating_sum: int, rating_count: int) -> float:
    """The Bayesian mean of so many ratings with that sum of stars: between 1 and 5, ``PRIOR_MEAN`` without any."""
    return (PRIOR_COUNT * PRIOR_MEAN + rating_sum) / (PRIOR_COUNT + rating_count)
