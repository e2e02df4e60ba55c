"""What Stripe's failures mean to a client of ours; nothing of Stripe's text leaves the server."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import stripe
from requests.exceptions import Timeout
from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import TimeoutError as UrllibTimeout

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable, ValidationFailed

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
Read = TypeVar("Read")


@contextmanager
def translate_errors(operation: str) -> Iterator[None]:
    """Stripe's errors as ours. The log gets kinds and ids, never a text: Stripe quotes addresses and keys in them."""
    try:
        yield
    except stripe.StripeError as error:
        problem = _problem(error)
        logger.warning(
            "Stripe failed us: %s",
            operation,
            extra={
                "kind": type(error).__name__,
                "status": error.http_status,
                "stripe_code": error.code,
                "stripe_request": error.request_id,
                "answered": problem.status,
            },
        )
        raise problem from None
    except (ValidationFailed, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("Stripe answered something else: %s", operation, extra={"kind": type(error).__name__})
        raise UpstreamError("The payment service gave an answer that makes no sense.") from None


def read_each(listed: Iterable[Any], read: Callable[[Any], Read], *, of: str) -> Iterator[Read]:
    """The whole account's list, which other products are in too: what cannot be read is logged and left out."""
    for one in listed:
        obj = one.to_dict(for_json=True)
        try:
            found = read(obj)
        except ValidationFailed as error:
            logger.warning(
                "Stripe listed what cannot be read: %s",
                of,
                extra={"id": obj.get("id"), "fields": sorted(error.extra["errors"])},
            )
            continue
        yield found


def is_missing(error: stripe.InvalidRequestError) -> bool:
    """Whether Stripe does not know what was asked for, or what the request named (``error.param``)."""
    return error.code == "resource_missing"


def _problem(error: stripe.StripeError) -> Problem:
    match error:
        case stripe.APIConnectionError() if _is_timeout(error):
            return UpstreamTimeout("The payment service took too long.")
        case stripe.APIConnectionError() | stripe.RateLimitError():
            return UpstreamUnavailable("The payment service is not available.", retry_after=RETRY_AFTER_SECONDS)
        case stripe.APIError(http_status=503) | stripe.StripeError(http_status=409):
            return UpstreamUnavailable("The payment service is not available.", retry_after=RETRY_AFTER_SECONDS)
        case stripe.APIError(http_status=504):
            return UpstreamTimeout("The payment service took too long.")
        case _:
            return UpstreamError("The payment service refused or failed.")


def _is_timeout(error: BaseException) -> bool:
    """One while the body is read comes as a ConnectionError of requests, in an error of the SDK."""
    reasons: list[Any] = [error]
    while reasons:
        reason = reasons.pop()
        if isinstance(reason, NewConnectionError):
            return False  # refused, although urllib3 derives it from its timeouts
        if isinstance(reason, Timeout | UrllibTimeout | TimeoutError):
            return True
        if isinstance(reason, BaseException):
            reasons += [reason.__cause__, *reason.args]
    return False
