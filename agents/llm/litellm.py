"""Asks a provider through LiteLLM. Importing it takes seconds, so only ``agents.llm.factory`` does, at the first call.

LiteLLM and langchain-litellm are set up here once a process: no call home for price lists, no debug prints, no log
lines of their own (they quote prompts and providers' answers), no token counting.
"""

import os

# Read while litellm is imported: without them it fetches its lists from the internet.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
os.environ.setdefault("LITELLM_LOG", "CRITICAL")
# langchain-core sends every prompt to LangSmith when a developer's shell says so; prompts never leave the server.
os.environ["LANGCHAIN_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
os.environ["LANGSMITH_TRACING"] = os.environ["LANGSMITH_TRACING_V2"] = "false"

import asyncio
import logging
import math
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import litellm
import openai
from django.conf import settings
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk
from langchain_litellm import ChatLiteLLM
from litellm import exceptions
from litellm.llms.custom_llm import CustomLLM
from pydantic import PrivateAttr

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from agents.llm import messages as message
from agents.llm.meter import estimate
from agents.llm.port import Failure, FailureKind, ModelRequest, Reply, ReplyAssembler, Usage

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0
_EVENT_STREAM = {"Content-Type": "text/event-stream"}
_MADE_UP_ANSWER = (
    'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"warm-up",'
    '"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
_CONNECTION_ERRORS = (httpx.TransportError, ConnectionError)
_TIMEOUTS = (TimeoutError, openai.APITimeoutError, httpx.TimeoutException)
_LONGEST_CHAIN = 10

_Connection = tuple[str, str, float]
_openai_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Connection, openai.AsyncOpenAI]]
_openai_clients = WeakKeyDictionary()


class StreamCutError(Exception):
    """The provider's stream ended before it said it was finished."""


class _ChatModel(ChatLiteLLM):
    """``ChatLiteLLM`` for one call: asks once, and remembers the stream it opened.

    LangChain's iterators do not close the one below them; left to the garbage collector, the connection to the provider
    would stay open until then.
    """

    _streams: list[litellm.CustomStreamWrapper] = PrivateAttr(default_factory=list)

    async def acompletion_with_retry(
        self, run_manager: AsyncCallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Any:
        if kwargs["model"].startswith("openai/"):
            kwargs["client"] = _openai_client()
        answer = await litellm.acompletion(**kwargs)
        if isinstance(answer, litellm.CustomStreamWrapper):
            self._streams.append(answer)
        return answer

    @property
    def was_cut(self) -> bool:
        """LiteLLM ends every stream with ``stop``, also one whose provider never said so."""
        return any(
            stream.received_finish_reason is None and stream.intermittent_finish_reason is None
            for stream in self._streams
        )

    async def close_streams(self) -> None:
        for stream in self._streams:
            await stream.aclose()


async def stream(name: str, request: ModelRequest, assembler: ReplyAssembler) -> AsyncGenerator[str | Reply, None]:
    """Ask ``name`` once: pieces of text, then the ``Reply``. Raises whatever the SDK raises; see ``translate``.

    ``assembler`` is a new one: it holds what came back, also when the stream is closed or breaks.
    """
    model = _chat_model(name, request.timeout)
    usage: Usage | None = None
    finished = False
    try:
        async with aclosing(_chunks(model, request)) as chunks:
            async for chunk in chunks:
                text = chunk.text
                assembler.add_call_pieces(chunk.tool_call_chunks)
                if text:
                    assembler.add_text(text)
                    yield text
                if chunk.usage_metadata:
                    usage = Usage(chunk.usage_metadata["input_tokens"], chunk.usage_metadata["output_tokens"])
                finished = finished or bool(chunk.response_metadata.get("finish_reason"))
                if finished and usage:
                    # One step further LiteLLM would start background tasks for loggers that nobody registered.
                    break
        if model.was_cut:
            raise StreamCutError
    finally:
        await model.close_streams()
    yield assembler.finish(_fill_usage(usage or Usage(), request, assembler))


def _chunks(model: _ChatModel, request: ModelRequest) -> AsyncGenerator[AIMessageChunk, None]:
    options: dict[str, Any] = {}
    if request.tools:
        options["tools"] = list(request.tools)
    if request.schema:
        options["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": request.schema.get("title", "answer"), "schema": dict(request.schema)},
        }
    return model.astream(list(request.messages), **options)  # type: ignore[return-value]


def _chat_model(name: str, timeout: float) -> _ChatModel:
    connection: dict[str, Any] = {}
    if name.startswith("openai/"):
        connection = {"api_key": _openai_key(), "api_base": settings.OPENAI_API_BASE or None}
    return _ChatModel(
        model=name,
        temperature=0,
        request_timeout=timeout,
        # ChatLiteLLM's own max_retries does not reach the provider's SDK, which would retry below our single layer.
        model_kwargs={"max_retries": 0},
        **connection,
    )


def _openai_key() -> str:
    """A server of one's own often has no key, but the SDK insists on one."""
    return settings.OPENAI_API_KEY or "none"


def _openai_client() -> openai.AsyncOpenAI:
    """One client (one connection pool) for each event loop and each way to connect.

    LiteLLM's own cache goes by the loop's address, which another loop may have later: it would be given a dead pool.
    """
    clients = _openai_clients.setdefault(asyncio.get_running_loop(), {})
    connection = _connection()
    if connection not in clients:
        key, base, timeout = connection
        clients[connection] = openai.AsyncOpenAI(
            api_key=key,
            base_url=base or None,
            max_retries=0,
            timeout=httpx.Timeout(timeout, connect=min(_CONNECT_SECONDS, timeout)),
        )
    return clients[connection]


def _connection() -> _Connection:
    return (_openai_key(), settings.OPENAI_API_BASE, settings.LLM_TIMEOUT_SECONDS)


async def close() -> None:
    """Close the connections that this event loop keeps open."""
    for client in _openai_clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


def _fill_usage(usage: Usage, request: ModelRequest, assembler: ReplyAssembler) -> Usage:
    """``usage`` with estimates where the provider reported nothing."""
    if usage.input_tokens and usage.output_tokens:
        return usage
    guess = estimate(request.messages, request.tools, assembler.text_length)
    return Usage(usage.input_tokens or guess.input_tokens, usage.output_tokens or guess.output_tokens)


def translate(error: Exception) -> Failure:
    """The problem to show for anything that ``stream`` raises; nothing of the error's own text is in it."""
    chain = list(_chain(error))
    cause = chain[0]
    status = _status(cause)
    # Their texts may quote the prompt or the key.
    logger.debug("Provider error", extra={"status": status, "chain": [type(link).__name__ for link in chain]})
    retry_after = _retry_after(chain)
    if isinstance(cause, _TIMEOUTS) or status in (408, 504):
        problem: Problem = UpstreamTimeout("The language model took too long.")
        return Failure(problem, transient=True, retry_after=retry_after, kind="timeout")
    if isinstance(cause, exceptions.ContextWindowExceededError):
        too_long = "The message and its context are longer than the language model can read."
        return Failure(UpstreamError(too_long), transient=False, kind="too_long")
    if isinstance(cause, exceptions.ContentPolicyViolationError):
        problem = UpstreamError("The language model refused this content.")
        return Failure(problem, transient=False, kind="refused_content")
    if status in (429, 503, 529) or any(isinstance(link, _CONNECTION_ERRORS) for link in chain):
        seconds = None if retry_after is None else math.ceil(retry_after)
        problem = UpstreamUnavailable("The language model is not available.", retry_after=seconds)
        return Failure(problem, transient=True, retry_after=retry_after, kind="busy")
    # LiteLLM's word for whatever it did not expect, such as an answer that is no JSON: no use in asking again.
    transient = status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(cause, exceptions.APIConnectionError)
    kind: FailureKind = "credentials" if status in (401, 403) else "failed"
    return Failure(UpstreamError("The language model failed."), transient, retry_after, kind)


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


def _retry_after(chain: Iterable[BaseException]) -> float | None:
    """Seconds from ``Retry-After`` (RFC 9110's form in seconds; the one with a date is left alone)."""
    for link in chain:
        response = getattr(link, "response", None)
        for headers in (getattr(response, "headers", None), getattr(link, "litellm_response_headers", None)):
            if isinstance(headers, Mapping) and headers.get("retry-after"):
                with suppress(ValueError):
                    return float(int(headers["retry-after"]))
    return None


async def warm_up() -> None:
    """Read one made-up answer in OpenAI's shape: LiteLLM, LangChain and the OpenAI SDK import the rest of themselves at
    their first call (0.6 s of CPU). Runs in an event loop of its own.
    """
    tools = [{"type": "function", "function": {"name": "warm_up", "parameters": {"type": "object"}}}]
    request = ModelRequest([message.user("hi")], tools, None, timeout=30.0)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=_MADE_UP_ANSWER, headers=_EVENT_STREAM))
    _openai_clients[asyncio.get_running_loop()] = {
        _connection(): openai.AsyncOpenAI(
            api_key="none", max_retries=0, http_client=httpx.AsyncClient(transport=transport)
        )
    }
    async with aclosing(stream("openai/warm-up", request, ReplyAssembler())) as parts:
        await anext(parts)
    await close()


def add_provider(name: str, handler: CustomLLM) -> None:
    """Let ``handler`` answer for the models ``name/…``."""
    litellm.custom_provider_map = [{"provider": name, "custom_handler": handler}]


def _set_up() -> None:
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    # It would end a stream that repeats a piece a hundred times: table rules and test data do, the deadline is enough.
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # type: ignore[attr-defined]
    # It would run a tokenizer over the prompt whenever a provider reports no usage; ours is an estimate.
    litellm.disable_token_counter = True
    # Models differ in what they take ("temperature" is fixed in some): LiteLLM knows, and leaves it out.
    litellm.drop_params = True
    # Some providers want tools named as long as the conversation holds tool calls: LiteLLM adds a dummy.
    litellm.modify_params = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        silenced = logging.getLogger(name)
        silenced.handlers.clear()
        silenced.propagate = False
        silenced.disabled = True
    for name in ("openai", "httpx", "httpcore", "langchain_litellm"):
        logging.getLogger(name).setLevel(logging.WARNING)


_set_up()
