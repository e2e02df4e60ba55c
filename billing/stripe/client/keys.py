"""Idempotency keys for what Stripe makes anew each time it is asked.

Stripe keeps the answer to a key for at least a day, a failure of its own like any other, and refuses a key that comes
with other parameters (docs.stripe.com/api/idempotent_requests). So one fixed key would turn a single 500 into a day of
them. The keys here are a row, the same for everybody who asks for the same thing: the next one is used once Stripe is
known to hold a failure under the one before, and only then. A request whose answer was lost is asked again under its
own key, and done once.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import stripe

MOST_KEYS = 32
LONGEST_BASE = 200  # a key has at most 255 characters

T = TypeVar("T")


def create_with_key(
    base: str, parameters: Mapping[str, Any], create: Callable[[str], T], *, find: Callable[[], T | None] | None = None
) -> T:
    """What ``create(key)`` made, under the first key of the row that holds no failure.

    ``base`` names what is wanted, ``parameters`` are all that ``create`` sends. A failure that Stripe has just stored
    is tried once more, under the next key. ``find`` is asked before every next key where it matters that a failure may
    have left something behind: what it finds is the answer.

    Raises:
        stripe.StripeError: the last answer. Of a timeout, a lost connection, a conflict with a request under way or a
            failure that nobody stored: the next call begins with the same key.
        ValueError: a base that is too long for a key.
    """
    if len(base) > LONGEST_BASE:
        raise ValueError("the base of an idempotency key is too long")
    first = f"{base}:{digest_of(parameters)}"
    number, has_failed = 0, False
    while True:
        try:
            return create(f"{first}:{number}" if number else first)
        except stripe.StripeError as error:
            number += 1
            may_go_on = is_replayed(error) or (is_stored(error) and not has_failed)
            if not may_go_on or number == MOST_KEYS:
                raise
            has_failed = has_failed or not is_replayed(error)
        found = find() if find is not None else None
        if found is not None:
            return found


def digest_of(parameters: Mapping[str, Any]) -> str:
    """The same for the same parameters, in whatever order."""
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_replayed(error: stripe.StripeError) -> bool:
    """Whether it is the stored answer to an earlier request, which the key will get for a day."""
    return _header(error, "idempotent-replayed") == "true"


def is_stored(error: stripe.StripeError) -> bool:
    """Whether Stripe has just failed in a way that its key will repeat: it says that trying again is of no use."""
    failed = (error.http_status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
    return failed and _header(error, "stripe-should-retry") == "false"


def _header(error: stripe.StripeError, name: str) -> str:
    """A plain dict where the error was not made of an answer, and then an empty one."""
    return str((error.headers or {}).get(name, "")).lower()
