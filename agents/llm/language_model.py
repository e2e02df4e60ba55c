"""A language model as agents use it: retries, one deadline, the fallback, and nothing of a provider's own wording."""

import asyncio
import logging
import math
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from adiuva.api.errors import UpstreamTimeout
from adiuva.observability.metrics import MODEL_CALLS, MODEL_FAILURES, MODEL_TOKENS
from adiuva.observability.spans import begin_span
from agents.llm.assembly import ReplyAssembler
from agents.llm.client import LanguageClient
from agents.llm.messages import Message
from agents.llm.meter import Grant, Meter, estimate
from agents.llm.own_keys import OwnProvider
from agents.llm.port import Failure, FinishReason, ModelRequest, Reply, Role, Usage

logger = logging.getLogger(__name__)

# Three tries pass over a provider's hiccup; more would only add load to one that is down.
MAX_TRIES = 3
_FIRST_BACKOFF_SECONDS = 0.25
# An answer needs some time too: a wait that leaves less than this before the deadline is not begun.
_LEAST_SECONDS_TO_ANSWER = 1.0
# With another model at hand a longer wait for this one is pointless.
_LONGEST_WAIT_BEFORE_FALLBACK = 2.0


# At the beginning: servers of one's own seldom take a model's reasoning out of its answer.
_THOUGHTS = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*", re.DOTALL)


class LanguageModel:
    """One or more models by LiteLLM's names, tried in order; ``timeout`` is in seconds and holds for a whole call.

    ``load_client`` gives the client that asks them, before the clock of a call starts. ``role`` is for the metrics,
    where calls of a user's own ``provider`` are ``own_key``: they are none of the operator's costs and failures.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        load_client: Callable[[], Awaitable[LanguageClient]],
        timeout: float,
        role: Role = "answer",
        provider: OwnProvider | None = None,
    ) -> None:
        self.names = names
        self._load_client = load_client
        self.timeout = timeout
        self.role = role
        self._provider = provider
        self._label = role if provider is None else "own_key"

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        meter: Meter | None = None,
    ) -> Reply:
        """The whole answer at once. ``schema`` (a JSON schema object with a ``title``) asks for JSON of that shape.

        What a model thought aloud before that JSON is left out. Raises what ``stream`` raises.
        """
        async with aclosing(self.stream(messages, schema=schema, deadline=deadline, meter=meter)) as parts:
            async for part in parts:
                if isinstance(part, Reply):
                    return replace(part, text=_THOUGHTS.sub("", part.text, count=1)) if schema else part
        raise AssertionError("a stream ends with a Reply or an exception")

    async def stream(  # noqa: C901 - one generator: each layer of them would cost every token a step
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
        (connection, 429, 5xx, a broken stream) and then with the fallback; afterwards the text is out and cannot be
        taken back. A refusal of the content is a sentence, unless JSON was asked for. Closing the iterator closes the
        provider's connection. Raises ``UpstreamError``, ``UpstreamUnavailable``,
        ``UpstreamTimeout``, and ``QuotaExceeded`` where the meter has no room for the call.
        """
        client = await self._load_client()
        clock = asyncio.get_running_loop().time
        end = min(clock() + self.timeout, math.inf if deadline is None else deadline)
        grant = None if meter is None else await meter.reserve(messages, tools, schema, seconds=end - clock())
        most = None if grant is None else grant.output_tokens
        request = ModelRequest(messages, tools, schema, self.timeout, most, self._provider)
        assemblers: list[ReplyAssembler] = []
        usage: Usage | None = None
        lost = Usage()  # what was said in vain
        reason: FinishReason = "stop"
        failure = Failure(UpstreamTimeout(), transient=False)
        # What stands in a user's request for the model's name may be anything.
        model = self.names[0] if self._provider is None else self._provider.kind
        trace = begin_span("chat", gen_ai__operation__name="chat", gen_ai__request__model=model, adiuva__role=self.role)
        try:
            for name in self.names:
                tries = 0
                while True:
                    tries += 1
                    assemblers.append(ReplyAssembler())
                    try:
                        async with aclosing(client.stream(name, request, assemblers[-1], end)) as parts:
                            async for part in parts:
                                if isinstance(part, Reply):
                                    usage, reason = part.usage, part.finish_reason
                                yield part
                        return
                    except Exception as error:  # noqa: BLE001 - the SDK raises its own, httpx's and plain ValueErrors
                        failure = client.translate(error, is_own=self._provider is not None)
                        self._report(name, error, failure)
                    if assemblers[-1].has_text or clock() >= end:
                        raise failure.problem
                    goes_on = await self._wait_for_another_try(name, tries, failure, end)
                    if failure.was_answered and (goes_on or name != self.names[-1]):
                        lost += estimate(messages, tools, assemblers[-1].text_length)
                    if not goes_on:
                        break
                if failure.kind == "refused_content":
                    break  # another model would be asked to say what this one would not
            if not failure.sentence or schema is not None:
                raise failure.problem
            if failure.kind == "no_tools":
                usage = Usage()  # nothing was asked, or nothing read of it
            reason = "content_filter" if failure.kind == "refused_content" else "stop"
            yield failure.sentence
            yield Reply(failure.sentence, finish_reason=reason)
        finally:
            spent = lost + (usage or estimate(messages, tools, assemblers[-1].text_length)) if assemblers else None
            self._count(spent, reason, meter, grant)
            used = spent or Usage()
            trace.end(
                gen_ai__usage__input_tokens=used.input_tokens,
                gen_ai__usage__output_tokens=used.output_tokens,
                adiuva__tries=len(assemblers),
            )

    def _count(self, spent: Usage | None, reason: FinishReason, meter: Meter | None, grant: Grant | None) -> None:
        """``spent`` is None for a call that was not made after all."""
        if spent is None:
            if meter is not None:
                meter.release(grant)
            return
        MODEL_CALLS.labels(self._label).inc()
        MODEL_TOKENS.labels(self._label, "input").inc(spent.input_tokens)
        MODEL_TOKENS.labels(self._label, "output").inc(spent.output_tokens)
        if meter is not None:
            meter.count(spent, grant)
            if self.role == "answer":
                meter.finish_reason = reason

    async def _wait_for_another_try(self, name: str, tries: int, failure: Failure, end: float) -> bool:
        """False, without waiting, where asking ``name`` again is of no use."""
        wait = _wait_before_next(tries, failure)
        longest = min(end - asyncio.get_running_loop().time() - _LEAST_SECONDS_TO_ANSWER, self._longest_wait(name))
        if not failure.transient or tries == MAX_TRIES or wait > longest:
            return False
        await asyncio.sleep(wait)
        return True

    def _longest_wait(self, name: str) -> float:
        return math.inf if name == self.names[-1] else _LONGEST_WAIT_BEFORE_FALLBACK

    def _report(self, name: str, error: Exception, failure: Failure) -> None:
        MODEL_FAILURES.labels(self._label, failure.kind).inc()
        own = self._provider
        logger.log(
            logging.WARNING if own is None else logging.INFO,
            "The language model failed.",
            extra={
                # What stands in a user's request for the model's name may be anything.
                "model": name if own is None else own.kind,
                "error": type(error.__cause__ or error).__name__,
                "kind": failure.kind,
                "status": failure.status,
                "problem": failure.problem.code,
            },
        )


def _wait_before_next(tries: int, failure: Failure) -> float:
    """Seconds: exponential with full jitter, and never less than the provider asked for."""
    backoff = _FIRST_BACKOFF_SECONDS * 2.0 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
    return max(backoff, failure.retry_after or 0.0)
