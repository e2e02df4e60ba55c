"""Asks a provider through LiteLLM. Importing it takes seconds, so only ``agents.llm.factory`` does, at the first call.

It is set up here once a process: no debug prints, no log lines of its own (they quote prompts and providers' answers),
no token counting. (``agents`` itself keeps it from calling home.)
"""

import asyncio
import json
import logging
import math
import sys
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing, suppress
from copy import deepcopy
from functools import lru_cache, partial
from typing import Any

import aiohttp
import httpx
import litellm
import openai
from litellm import exceptions
from litellm.caching.llm_caching_handler import LLMClientCache
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
from litellm.llms.custom_llm import CustomLLM
from litellm.llms.ollama.chat.transformation import OllamaChatCompletionResponseIterator
from litellm.llms.openai.chat.gpt_transformation import OpenAIChatCompletionStreamingHandler
from litellm.main import responses_api_bridge_check

from agents.llm import messages as message
from agents.llm import providers
from agents.llm.abilities import takes_tools
from agents.llm.assembly import ReplyAssembler
from agents.llm.dialects import for_model, has_reasoning
from agents.llm.failures import AskFailedError, NoToolsError, StreamCutError, translate
from agents.llm.features import LIMITS, Feature, RefusedFeatures, Trial, find_refused, is_too_large_a_limit
from agents.llm.meter import estimate
from agents.llm.own_keys import PLACEHOLDER, SPEAK_OPENAI, OwnProvider
from agents.llm.port import REFUSED, ModelRequest, Reply, Usage
from agents.llm.wire import http
from agents.llm.wire import openai as openai_wire
from agents.llm.wire.chunks import Heard, fill_arguments, find_reason, raise_error
from agents.llm.wire.events import ParseChunk, read_texts
from agents.llm.wire.http import MOST_OWN_BYTES, MOST_OWN_EVENT_BYTES, Exchange, OwnConnection, close

__all__ = ["add_provider", "close", "refused_features", "stream", "translate", "warm_up"]

refused_features = RefusedFeatures()

_SCHEMA_IN_WORDS = "Answer with one JSON object that matches this JSON schema, and with nothing else:\n"


async def stream(
    name: str, request: ModelRequest, assembler: ReplyAssembler, end: float
) -> AsyncGenerator[str | Reply, None]:
    """Ask ``name`` once: pieces of text, then the ``Reply``. Raises whatever the SDK raises; see ``translate``.

    LiteLLM makes the request, signs it and names errors; the answer is read here wherever its shape is known.
    ``assembler`` is a new one: it holds what came back, also when the stream is closed or breaks.
    """
    exchange = Exchange(own=OwnConnection(request.provider) if request.provider else None)
    heard = Heard(assembler)
    answer = None
    is_whole = False
    try:
        async with asyncio.timeout_at(end):
            answer = await _ask(name, request, exchange)
        async with aclosing(_read(answer, exchange, heard, end)) as texts:
            async for text in texts:
                yield text
        if heard.finish_reason is None:
            raise StreamCutError
        is_whole = True
        if rest := _last_text(heard, request, assembler):
            yield rest
    finally:
        if is_whole and exchange.own is None:
            http.leave(exchange)
        else:
            exchange.close()
        if isinstance(answer, litellm.CustomStreamWrapper):
            # What LiteLLM opened itself; what we took over it closes no more.
            with suppress(Exception):
                await answer.aclose()
        if exchange.own is not None:
            await exchange.own.close()
    reason = "content_filter" if heard.refused else heard.finish_reason
    yield assembler.finish(name, _fill_usage(heard.usage or Usage(), request, assembler), reason)


def _last_text(heard: Heard, request: ModelRequest, assembler: ReplyAssembler) -> str:
    """What is said after the end of a stream."""
    rest = assembler.end_text()
    if request.schema:
        shape = None if assembler.has_text else assembler.shape
        return assembler.add_text(shape) if shape else rest
    if heard.finish_reason == "content_filter" and not heard.refused:
        return rest + assembler.add_text(f"\n\n{REFUSED}" if assembler.has_text else REFUSED)
    return rest


def _read(
    answer: litellm.CustomStreamWrapper | aiohttp.ClientResponse, exchange: Exchange, heard: Heard, end: float
) -> AsyncGenerator[str, None]:
    parse = _find_parser(answer)
    if parse is None or exchange.response is None:
        return _read_by_litellm(answer, heard, end)
    if exchange.own is None:
        return read_texts(exchange.response, heard, parse, end)
    return read_texts(
        exchange.response, heard, parse, end, most_bytes=MOST_OWN_BYTES, most_event_bytes=MOST_OWN_EVENT_BYTES
    )


def _find_parser(answer: litellm.CustomStreamWrapper | aiohttp.ClientResponse) -> ParseChunk | None:
    """How to read one JSON chunk of ``answer``; None where LiteLLM has to read it (AWS's binary events, its own)."""
    if isinstance(answer, aiohttp.ClientResponse):
        return Heard.read_openai_chunk
    source = answer.completion_stream
    if isinstance(source, OllamaChatCompletionResponseIterator):
        return Heard.read_ollama_chunk
    if isinstance(source, openai.AsyncStream) or type(source) is OpenAIChatCompletionStreamingHandler:
        return Heard.read_openai_chunk
    if hasattr(source, "chunk_parser"):
        return partial(_parse_by_litellm, source.chunk_parser)
    return None


def _parse_by_litellm(chunk_parser: Any, heard: Heard, chunk: Any) -> str | None:
    raise_error(chunk)
    fill_arguments(chunk)
    ended, reason = heard.finish_reason, find_reason(chunk)
    text = heard.read_parsed(chunk_parser(chunk))
    if reason:
        heard.finish(reason)
    elif "candidates" in chunk:
        heard.finish_reason = ended  # for Gemini LiteLLM says "stop" in each chunk
    return text


async def _read_by_litellm(answer: Any, heard: Heard, end: float) -> AsyncGenerator[str, None]:
    while True:
        async with asyncio.timeout_at(end):
            chunk = await anext(answer, None)
        if chunk is None:
            break
        text = heard.read_parsed(chunk)
        if text and (text := heard.assembler.add_text(text)):
            yield text
        if heard.is_over:
            # One step further LiteLLM would start background tasks for loggers that nobody registered.
            break
        await asyncio.sleep(0)  # many chunks may be there already
    if answer.received_finish_reason is None and answer.intermittent_finish_reason is None:
        heard.finish_reason = None  # LiteLLM ends every stream with "stop", also one whose provider never said so


async def _ask(
    name: str, request: ModelRequest, exchange: Exchange
) -> litellm.CustomStreamWrapper | aiohttp.ClientResponse:
    """The beginning of an answer. What the model refuses to be asked is left out, now and later.

    Raises ``AskFailedError`` and ``NoToolsError``.
    """
    memory = request.provider.refused if request.provider else refused_features
    if request.tools and (memory.includes(name, "tools") or not takes_tools(name)):
        raise NoToolsError
    trial = Trial(_list_features(name, request, memory))
    while True:
        try:
            answer = await _ask_once(name, _call(name, request, trial.asked), exchange, request.provider)
        except Exception as error:
            exchange.close()
            refused = find_refused(status=exchange.status, body=exchange.error_body, asked=trial.asked)
            if refused is None or (_is_too_long(error) and not is_too_large_a_limit(exchange.error_body)):
                raise AskFailedError(exchange) from error
        else:
            trial.succeed(memory, name)
            return answer
        if refused == "tools":
            if not any(each["role"] == "tool" for each in request.messages):
                memory.suspect(name, refused)
            raise NoToolsError
        trial.leave_out(refused, body=exchange.error_body)
        exchange.reset()


def _is_too_long(error: Exception) -> bool:
    return isinstance(error, exceptions.ContextWindowExceededError)


def _list_features(name: str, request: ModelRequest, memory: RefusedFeatures) -> set[Feature]:
    features: set[Feature] = {"temperature", "usage"}
    if request.schema:
        features.add("schema")
    if request.tools:
        features.add("tools")
    if has_reasoning(request.messages, name):
        features.add("reasoning")
    if request.max_tokens is not None:
        features.add(LIMITS[1] if memory.includes(name, LIMITS[0]) else LIMITS[0])
    return {feature for feature in features if not memory.includes(name, feature)}


async def _ask_once(
    name: str, call: dict[str, Any], exchange: Exchange, own: OwnProvider | None
) -> litellm.CustomStreamWrapper | aiohttp.ClientResponse:
    if own is not None and own.kind in SPEAK_OPENAI - {"openai"}:
        return await openai_wire.ask(call, exchange)
    if name.startswith(openai_wire.PREFIX):
        if not _needs_responses(name, base=call["api_base"], has_tools=bool(call.get("tools"))):
            return await openai_wire.ask(call, exchange)
        call["store"] = False  # OpenAI keeps what is said there, unless it is told not to
    # LiteLLM rewrites what it is given.
    call["messages"], call["tools"] = deepcopy(call["messages"]), deepcopy(call.get("tools"))
    with http.use(exchange):
        answer = await litellm.acompletion(**call)
        if answer.completion_stream is None:
            await answer.fetch_stream()  # Gemini's is opened by the first reading
    return answer


@lru_cache(maxsize=256)
def _needs_responses(name: str, *, base: str, has_tools: bool) -> bool:
    """True for models of OpenAI's that answer, or take tools, at its newer interface only: LiteLLM goes there."""
    model = name.removeprefix(openai_wire.PREFIX)
    tools = [{"type": "function", "function": {"name": "probe"}}] if has_tools else None
    info, _ = responses_api_bridge_check(model=model, custom_llm_provider="openai", tools=tools, api_base=base)
    return info.get("mode") == "responses"


def _call(name: str, request: ModelRequest, features: Collection[Feature]) -> dict[str, Any]:
    """The arguments of ``litellm.acompletion``."""
    messages = for_model(request.messages, name, reasoning="reasoning" in features)
    call: dict[str, Any] = {"model": name, "messages": messages, "stream": True, "timeout": request.timeout}
    # The provider's SDK would retry below our single layer.
    call["max_retries"] = 0
    if "temperature" in features:
        call["temperature"] = 0
    if "usage" in features:
        call["stream_options"] = {"include_usage": True}
    for limit in LIMITS:
        if limit in features and request.max_tokens is not None:
            call[limit] = min(request.max_tokens, _most_tokens(name))
    if "tools" in features:
        call["tools"] = list(request.tools)
    if request.schema and "schema" in features:
        call["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": request.schema.get("title", "answer"), "schema": dict(request.schema)},
        }
    elif request.schema:
        call["messages"] = _with_schema_in_words(messages, request.schema)
    if request.provider is not None:
        return call | {"api_key": PLACEHOLDER, "api_base": request.provider.endpoint.url}
    return call | providers.connection_of(name)


@lru_cache(maxsize=256)
def _most_tokens(name: str) -> float:
    """What the model can write at all: many providers refuse a larger number. Infinite where nobody knows.

    By LiteLLM's table itself: its functions would ask an Ollama for it, and block.
    """
    vendor, _, bare = name.partition("/")
    for known in (name, bare):
        row = litellm.model_cost.get(known) or {}
        most = row.get("max_output_tokens")
        if str(row.get("litellm_provider", "")).startswith(vendor) and isinstance(most, int) and most > 0:
            return most
    return math.inf


def _with_schema_in_words(messages: list[message.Message], schema: Mapping[str, Any]) -> list[message.Message]:
    words = _SCHEMA_IN_WORDS + json.dumps(schema, separators=(",", ":"))
    first, *rest = messages
    if first["role"] == "system":
        return [message.system(f"{first['content']}\n\n{words}"), *rest]
    return [message.system(words), *messages]


def _fill_usage(usage: Usage, request: ModelRequest, assembler: ReplyAssembler) -> Usage:
    """``usage`` with estimates where the provider reported nothing."""
    if usage.input_tokens and usage.output_tokens:
        return usage
    guess = estimate(request.messages, request.tools, assembler.text_length)
    return Usage(usage.input_tokens or guess.input_tokens, usage.output_tokens or guess.output_tokens)


async def warm_up(names: Iterable[str]) -> None:
    """Ask each of ``names`` without a network: LiteLLM imports much of itself at the first call of each provider.

    Each is answered by a made-up 401, which also loads what names errors. Runs in an event loop of its own.
    """
    tools = [{"type": "function", "function": {"name": "warm_up", "parameters": {"type": "object"}}}]
    for name in names:
        request = ModelRequest([message.user("hi")], tools, None, timeout=30.0)
        refusal = httpx.Response(401, json={"error": {"message": "made up"}}, request=httpx.Request("POST", "http://x"))
        with suppress(Exception):
            await _ask(name, request, Exchange(canned=refusal))
    await close()


class _Clients(LLMClientCache):
    """LiteLLM's cache of HTTP clients, in which every provider has the same one: ours, which every event loop may use.

    Its own cache goes by the loop's address, which another loop may have later: it would be given a dead pool.
    """

    def __init__(self, client: AsyncHTTPHandler) -> None:
        super().__init__()
        self._client = client

    def get_cache(self, key: str, *args: Any, **kwargs: Any) -> Any:
        if key.startswith("async_httpx_client"):
            return self._client
        return super().get_cache(key, *args, **kwargs)  # type: ignore[no-untyped-call]


def add_provider(name: str, handler: CustomLLM) -> None:
    """Let ``handler`` answer for the models ``name/…``."""
    litellm.custom_provider_map = [{"provider": name, "custom_handler": handler}]


def _set_up() -> None:
    # 14 MB: a tokenizer's parsed table, of which LiteLLM keeps the text.
    vars(litellm.utils).pop("json_data", None)
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
    transport = http.AiohttpTransport()
    litellm.in_memory_llm_clients_cache = _Clients(AsyncHTTPHandler(transport=transport, follow_redirects=False))
    litellm.aclient_session = httpx.AsyncClient(transport=transport)  # under the OpenAI SDK
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        silenced = logging.getLogger(name)
        silenced.handlers.clear()
        silenced.propagate = False
        silenced.disabled = True
    for name in ("openai", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


_set_up()
