"""Asks by OpenAI's own protocol: LiteLLM knows what a model takes and what an error means, aiohttp does the rest.

LiteLLM's dispatch and OpenAI's SDK cost 3.5 ms of CPU a call, this 0.3. Of the operator's models for ``openai/`` alone:
without a base LiteLLM's bare configurations of mistral, groq, openrouter, xai, fireworks and perplexity give OpenAI's
address, which would then get their keys. Of users' own providers, which always bring an address, for all that speak it.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import orjson
from litellm.litellm_core_utils.exception_mapping_utils import exception_type
from litellm.llms.custom_httpx.aiohttp_transport import map_aiohttp_exceptions
from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig
from litellm.llms.openai.common_utils import OpenAIError
from litellm.types.utils import LlmProviders
from litellm.utils import ProviderConfigManager, get_optional_params

from agents.llm.features import LIMITS
from agents.llm.messages import Message
from agents.llm.wire import http
from agents.llm.wire.http import Exchange

PREFIX = "openai/"
_DEFAULT_BASE = "https://api.openai.com/v1"
_STREAM_OPTIONS = {"include_usage": True}
# Of these LiteLLM changes nothing in messages of plain text; reasoning models' have no system message, for instance.
_PLAIN = (OpenAIGPTConfig.transform_request, OpenAIGPTConfig._transform_messages)  # noqa: SLF001

TransformMessages = Callable[[list[Message]], list[Message]]
MakeOptions = Callable[[str, str, bytes], tuple[dict[str, Any], TransformMessages | None]]


async def ask(call: Mapping[str, Any], exchange: Exchange) -> aiohttp.ClientResponse:
    """The response, of status 200. ``call``: the arguments of ``litellm.acompletion``. Raises what that raises."""
    vendor, _, model = call["model"].partition("/")
    body = _body(vendor, model, call, make_options=_make_options if exchange.own is None else _make_options.__wrapped__)
    url = (call.get("api_base") or _DEFAULT_BASE).rstrip("/") + "/chat/completions"
    headers = {
        "Authorization": f"Bearer {call['api_key']}",
        "Content-Type": "application/json",
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
    }
    if exchange.canned is not None:
        raise _translate(vendor, model, exchange.canned.status_code, exchange.canned.content, exchange.headers)
    with map_aiohttp_exceptions():
        response = await http.send(
            exchange,
            "POST",
            url,
            data=_encode(body),
            headers=headers,
            proxy=http.find_proxy(*_scheme_and_host(url)),
            timeout=http.limits(connect=call["timeout"], read=None),
        )
        if response.status == HTTPStatus.OK:
            return response
        await http.read_error(exchange, response)
    raise _translate(vendor, model, response.status, exchange.error_body, exchange.headers)


@lru_cache(maxsize=16)
def _scheme_and_host(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or ""


def _body(vendor: str, model: str, call: Mapping[str, Any], *, make_options: MakeOptions) -> dict[str, Any]:
    shape, tools = call.get("response_format"), call.get("tools")
    limit = next((name for name in LIMITS if name in call), None)
    key = orjson.dumps([shape, tools, "temperature" in call, "stream_options" in call, limit])
    options, transform = make_options(vendor, model, key)
    messages = call["messages"] if transform is None else transform(call["messages"])
    body = {"model": model, "messages": messages, **options, "stream": True}
    if limit is not None:
        body |= {name: call[limit] for name in LIMITS if name in options}
    return body


@lru_cache(maxsize=128)
def _make_options(vendor: str, model: str, key: bytes) -> tuple[dict[str, Any], TransformMessages | None]:
    """Everything in the body but the messages, and what is to be done with these, null for most models.

    LiteLLM goes through its tables and all of the body for each call, which takes 0.3 ms; nothing of it depends on what
    is said. ``key`` is the JSON of ``[response_format, tools, has_temperature, has_stream_options, limit]``,
    where ``limit`` is the parameter that limits the answer: it may be another one in the options, with a number that
    means nothing.
    """
    shape, tools, has_temperature, has_stream_options, limit = orjson.loads(key)
    given: dict[str, Any] = {"response_format": shape, "tools": tools, "stream": True}
    if has_temperature:
        given["temperature"] = 0
    if limit:
        given[limit] = 1
    stream_options: dict[str, Any] = {"stream_options": _STREAM_OPTIONS} if has_stream_options else {}
    options = get_optional_params(
        model=model,
        custom_llm_provider=vendor,
        drop_params=True,
        **{name: value for name, value in given.items() if value is not None},
        **stream_options,
    )
    options.pop("max_retries", None)
    extra = options.pop("extra_body", None) or {}
    config = ProviderConfigManager.get_provider_chat_config(model, LlmProviders(vendor))
    assert config is not None  # noqa: S101 - each has one for every name

    def transform(messages: list[Message]) -> list[Message]:
        body = config.transform_request(
            model=model,
            messages=messages,  # type: ignore[arg-type]
            optional_params={},
            litellm_params={},
            headers={},
        )
        changed: list[Message] = body["messages"]
        return changed

    kind: Any = type(config)
    is_plain = (kind.transform_request, kind._transform_messages) == _PLAIN  # noqa: SLF001
    if vendor != "openai":
        stream_options = {}  # LiteLLM knows which of the others take it
    return {**options, **extra, **stream_options}, None if is_plain else transform


def _encode(body: Any) -> bytes:
    return orjson.dumps(body, default=str)


def _translate(vendor: str, model: str, status: int, body: bytes, headers: httpx.Headers) -> Exception:
    """LiteLLM's own exception for it."""
    try:
        error = orjson.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        error = None
    text = body.decode(errors="replace")[:2000]
    failure = OpenAIError(status_code=status, message=text, headers=headers, body=error)
    try:
        exception_type(  # type: ignore[no-untyped-call]
            model=model, original_exception=failure, custom_llm_provider=vendor
        )
    except Exception as translated:  # noqa: BLE001 - it raises what it makes
        return translated
    return failure
