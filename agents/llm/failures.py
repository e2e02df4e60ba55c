"""What went wrong with a provider, in our words: nothing of its own text, which may quote the prompt or the key."""

import json
import logging
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
import openai
from litellm import exceptions

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from agents.llm import own_keys
from agents.llm.assembly import ReplyTooLongError
from agents.llm.features import is_filtered
from agents.llm.port import NO_TOOLS, REFUSED, Failure, FailureKind
from agents.llm.wire.http import Exchange

logger = logging.getLogger(__name__)

_CONNECTION_ERRORS = (httpx.TransportError, ConnectionError)
_TIMEOUTS = (TimeoutError, openai.APITimeoutError, httpx.TimeoutException)
# 529 is Anthropic's "overloaded".
_BUSY = {429, 503, 529}
_TOO_LONG = b"maximum context length"
_LONGEST_CHAIN = 10
# A day: a provider that names more is taken to mean "not now".
_LONGEST_RETRY_AFTER = 86_400.0
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


class AskFailedError(Exception):
    """The provider refused the call or was not reached. Its cause is the SDK's error."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__("the provider did not answer the call")
        self.exchange = exchange


class NoToolsError(Exception):
    """This model takes no tools."""


class StreamCutError(Exception):
    """The provider's stream ended before it said it was finished."""


def translate(error: Exception, *, is_own: bool = False) -> Failure:
    """The problem to show for anything that a call raises. ``is_own``: of a user's own provider."""
    failure = _translate(error)
    return _of_own(failure, error) if is_own else failure


def _of_own(failure: Failure, error: Exception) -> Failure:
    """The same for whoever the account belongs to: they can mend it, and the operator cannot."""
    if failure.kind == "no_tools":
        return replace(failure, problem=UpstreamError(own_keys.NO_TOOLS, reason="model"), sentence=own_keys.NO_TOOLS)
    if failure.kind in ("too_long", "refused_content", "timeout") or isinstance(error, ReplyTooLongError):
        return failure
    exchange = error.exchange if isinstance(error, AskFailedError) else None
    status, body = (exchange.status, exchange.error_body) if exchange else (_status(error) or None, b"")
    problem = own_keys.problem_of(own_keys.find_reason(status, body), retry_after=failure.retry_after)
    return replace(failure, problem=problem, transient=failure.transient and not own_keys.lacks_credit(status, body))


def _translate(error: Exception) -> Failure:
    if isinstance(error, NoToolsError):
        return Failure(UpstreamError(NO_TOOLS), transient=False, kind="no_tools", sentence=NO_TOOLS)
    if isinstance(error, ReplyTooLongError):
        return Failure(UpstreamError("The language model's answer has no end."), transient=False)
    failure = _classify(error)
    exchange = error.exchange if isinstance(error, AskFailedError) else None
    return replace(failure, status=exchange.status if exchange else None, was_answered=exchange is None)


def _classify(error: Exception) -> Failure:
    exchange = error.exchange if isinstance(error, AskFailedError) else None
    chain = list(_chain(error.__cause__ if isinstance(error, AskFailedError) else error))
    cause = chain[0] if chain else error
    # What came over the wire is the truth: LiteLLM takes Anthropic's 529 and Gemini's 503 for a 500.
    status = (exchange.status if exchange else None) or _status(cause)
    logger.debug("Provider error", extra={"status": status, "chain": [type(link).__name__ for link in chain]})
    retry_after = find_retry_after(exchange) if exchange else None
    if isinstance(cause, _TIMEOUTS) or status in (408, 504):
        problem: Problem = UpstreamTimeout("The language model took too long.")
        return Failure(problem, transient=True, retry_after=retry_after, kind="timeout")
    # LiteLLM does not know Mistral's words.
    is_too_long = exchange is not None and status == HTTPStatus.BAD_REQUEST and _TOO_LONG in exchange.error_body
    if is_too_long or isinstance(cause, exceptions.ContextWindowExceededError):
        too_long = "The message and its context are longer than the language model can read."
        return Failure(UpstreamError(too_long), transient=False, kind="too_long")
    if (exchange and is_filtered(exchange.error_body)) or isinstance(cause, exceptions.ContentPolicyViolationError):
        return Failure(UpstreamError(REFUSED), transient=False, kind="refused_content", sentence=REFUSED)
    if status in _BUSY or any(isinstance(link, _CONNECTION_ERRORS) for link in chain):
        problem = UpstreamUnavailable("The language model is not available.", retry_after=retry_after)
        return Failure(problem, transient=True, retry_after=retry_after, kind="busy")
    # What breaks in the middle was not refused, whatever number LiteLLM gives it (424 for Bedrock's).
    broken = exchange is None
    # LiteLLM's word for whatever it did not expect, such as an answer that is no JSON: no use in asking again.
    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(cause, exceptions.APIConnectionError)
    # Groq's word for a call that the model wrote wrong: it may write it better the next time.
    slipped = exchange is not None and b"tool_use_failed" in exchange.error_body
    kind: FailureKind = "credentials" if status in (401, 403) else "failed"
    return Failure(UpstreamError("The language model failed."), broken or failed or slipped, retry_after, kind)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` (or what LiteLLM's wrapper for broken streams holds) and the errors it came from."""
    error = getattr(error, "original_exception", None) or error
    for _ in range(_LONGEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 0


def find_retry_after(exchange: Exchange) -> float | None:
    """Seconds: ``retry-after-ms``, ``Retry-After`` in seconds or as a date (RFC 9110, section 10.2.3), or the
    ``RetryInfo`` in Google's error body.
    """
    found = next(_retry_waits(exchange), None)
    return None if found is None or not math.isfinite(found) else min(max(found, 0.0), _LONGEST_RETRY_AFTER)


def _retry_waits(exchange: Exchange) -> Iterator[float]:
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            yield float(exchange.headers[name]) / scale
    with suppress(KeyError, ValueError):
        yield (parsedate_to_datetime(exchange.headers["retry-after"]) - datetime.now(UTC)).total_seconds()
    with suppress(ValueError):
        yield from _retry_delays(json.loads(exchange.error_body))


def _retry_delays(body: Any) -> Iterator[float]:
    """``{"error": {"details": [{"@type": "…google.rpc.RetryInfo", "retryDelay": "17s"}]}}``, in a list or not."""
    body = body[0] if isinstance(body, list) and body else body
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (match := _SECONDS.fullmatch(delay)):
            yield float(match[1])
