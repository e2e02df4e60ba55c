"""What a plugin may cost, in cents of eur; 0 is free."""

from typing import Final

MAX_PRICE_CENTS: Final = 100_000
# The least that can be charged: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MIN_PRICE_CENTS: Final = 50
