"""A language model as agents use it: retries, one deadline, the fallback, and nothing of a provider's own wording."""

import asyncio
import logging
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from adiuva.api.errors import UpstreamTimeout
from adiuva.observability.metrics import MODEL_CALLS, MODEL_FAILURES, MODEL_TOKENS
from agents.llm.messages import Message
from agents.llm.meter import Meter, estimate
from agents.llm.port import Failure, LanguageClient, ModelRequest, Reply, ReplyAssembler, Role, Usage

logger = logging.getLogger(__name__)

# Three tries pass over a provider's hiccup; more would only add load to one that is down.
MAX_TRIES = 3
_FIRST_BACKOFF_SECONDS = 0.25
# An answer needs some time too: a wait that leaves less than this before the deadline is not begun.
_LEAST_SECONDS_TO_ANSWER = 1.0
# With another model at hand a longer wait for this one is pointless.
_LONGEST_WAIT_BEFORE_FALLBACK = 2.0


class LanguageModel:
    """One or more models by LiteLLM's names, tried in order; ``timeout`` is in seconds and holds for a whole call.

    ``load_client`` gives the client that asks them, before the clock of a call starts. ``role`` is for the metrics.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        load_client: Callable[[], Awaitable[LanguageClient]],
        timeout: float,
        role: Role = "answer",
    ) -> None:
        self.names = names
        self._load_client = load_client
        self.timeout = timeout
        self.role = role

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        meter: Meter | None = None,
    ) -> Reply:
        """The whole answer at once. ``schema`` (a JSON schema object with a ``title``) asks for JSON of that shape.

        Raises what ``stream`` raises.
        """
        async with aclosing(self.stream(messages, schema=schema, deadline=deadline, meter=meter)) as parts:
            async for part in parts:
                if isinstance(part, Reply):
                    return part
        raise AssertionError("a stream ends with a Reply or an exception")

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        schema: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        meter: Meter | None = None,
    ) -> AsyncGenerator[str | Reply, None]:
        """Pieces of text as they arrive, and the ``Reply`` at last.

        ``deadline`` is in the running loop's time. ``meter`` counts the call, also when it is cancelled or fails: then
        by an estimate of what was asked and what came back. Failures before the first piece are tried again
        (connection, 429, 5xx) and then with the fallback; afterwards the text is out and cannot be taken back. Closing
        the iterator closes the provider's connection. Raises ``UpstreamError``, ``UpstreamUnavailable`` or
        ``UpstreamTimeout``.
        """
        client = await self._load_client()
        end = min(asyncio.get_running_loop().time() + self.timeout, math.inf if deadline is None else deadline)
        request = ModelRequest(messages, tools, schema, self.timeout)
        assemblers: list[ReplyAssembler] = []
        usage: Usage | None = None
        try:
            async with aclosing(self._try_each(client, request, end, assemblers)) as parts:
                async for part in parts:
                    if isinstance(part, Reply):
                        usage = part.usage
                    yield part
                    # A provider that sends many chunks in one packet would starve every other stream.
                    await asyncio.sleep(0)
        finally:
            if assemblers:
                spent = usage or estimate(messages, tools, sum(part.text_length for part in assemblers))
                MODEL_CALLS.labels(self.role).inc()
                MODEL_TOKENS.labels(self.role, "input").inc(spent.input_tokens)
                MODEL_TOKENS.labels(self.role, "output").inc(spent.output_tokens)
                if meter is not None:
                    meter.count(spent)

    async def _try_each(
        self, client: LanguageClient, request: ModelRequest, end: float, assemblers: list[ReplyAssembler]
    ) -> AsyncGenerator[str | Reply, None]:
        """Each try adds its assembler to ``assemblers`` before it begins."""
        clock = asyncio.get_running_loop().time
        failure = Failure(UpstreamTimeout(), transient=False)
        for name in self.names:
            for tries in range(1, MAX_TRIES + 1):
                started = False
                assemblers.append(ReplyAssembler())
                try:
                    async with aclosing(client.stream(name, request, assemblers[-1])) as parts:
                        while (part := await _next_before(end, parts)) is not None:
                            started = True
                            yield part
                    return
                except Exception as error:  # noqa: BLE001 - the SDK raises its own types, httpx's and plain ValueErrors
                    failure = client.translate(error)
                    _log(name, error, failure)
                    MODEL_FAILURES.labels(self.role, failure.kind).inc()
                if started or clock() >= end:
                    raise failure.problem
                wait = _wait_before_next(tries, failure)
                longest = min(end - clock() - _LEAST_SECONDS_TO_ANSWER, self._longest_wait(name))
                if not failure.transient or tries == MAX_TRIES or wait > longest:
                    break
                await asyncio.sleep(wait)
        raise failure.problem

    def _longest_wait(self, name: str) -> float:
        return math.inf if name == self.names[-1] else _LONGEST_WAIT_BEFORE_FALLBACK


async def _next_before(end: float, parts: AsyncIterator[str | Reply]) -> str | Reply | None:
    """The next part, null at the end; raises ``TimeoutError`` once the loop's time is past ``end``."""
    async with asyncio.timeout_at(end):
        return await anext(parts, None)


def _log(name: str, error: Exception, failure: Failure) -> None:
    logger.warning(
        "The language model failed.",
        extra={"model": name, "error": type(error).__name__, "problem": failure.problem.code},
    )


def _wait_before_next(tries: int, failure: Failure) -> float:
    """Seconds: exponential with full jitter, and never less than the provider asked for."""
    backoff = _FIRST_BACKOFF_SECONDS * 2.0 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
    return max(backoff, failure.retry_after or 0.0)
