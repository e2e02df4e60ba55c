"""What a model or its server refuses to be asked: remembered, so that only the first call pays for finding out.

No table knows it: a deployment has a name of its own, and a compatible server takes what its version takes.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal

# schema: response_format. usage: stream_options. reasoning: a model's own, handed back to it.
Feature = Literal["schema", "temperature", "usage", "tools", "reasoning", "max_tokens", "max_completion_tokens"]

# A server may be updated meanwhile.
_SECONDS = 3600.0
_STATUSES = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,  # OpenRouter: "No endpoints found that support tool use."
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.NOT_IMPLEMENTED,
}
_WORDS: dict[Feature, tuple[str, ...]] = {
    "usage": ("stream_options", "include_usage"),
    "schema": ("response_format", "json_schema", "responseschema", "response_schema", "structured output", "json mode"),
    "temperature": ("temperature",),
}
# What the limit of an answer is called: by the first of them unless that is refused.
LIMITS: tuple[Feature, ...] = ("max_tokens", "max_completion_tokens")
_LIMIT = re.compile(r"max_(completion_|output_)?tokens|maxtokens|maxoutputtokens|num_predict")
# OpenAI says 400 also where a reasoning model has used the limit up: it was understood.
_LIMIT_REACHED = re.compile(r"(limit|tokens) (was |were |is )?reached|could not finish")
# vLLM, llama.cpp and OpenAI: the word is understood, the number is more than the model has room for.
_LIMIT_TOO_LARGE = re.compile(
    r"too (large|high|big)|at most|less than or equal|maximum (allowed|value)|in the completion"
)
# Not any sentence about tools: one about a call's id, or about one tool's schema, says nothing of the others.
_NO_TOOLS = re.compile(
    r"(not|n't) support (the )?(use of )?(tools?\b|tool (use|call|choice)|function[ -]call)"  # Ollama
    r"|\b(tools|tool[ _-](use|usage|calls?|calling)|function[ -]?call(s|ing)?) (is|are) "
    r"(not supported|not enabled|not available|unsupported)"
    r"|support tool use"  # OpenRouter
    r"|tool choice requires --|tools param requires --"  # vLLM, llama.cpp
    r"|(unknown|unrecognized|unexpected|extra|unsupported) [a-z ]{0,40}:? ?['\"`]?(tools|tool_choice|functions)\b"
)
# Behind these a provider quotes what the model or the user said.
_QUOTES = re.compile(r"failed_generation|raw\s*=|\binput['\"]?\s*[:=]")
# Groq: "property 'reasoning_content' is unsupported". DeepSeek's "must be passed back" is the contrary.
_NO_REASONING = re.compile(
    r"reasoning_content.{0,80}(unsupported|not supported|not permitted|not allowed|unexpected|unknown)"
    r"|(unexpected|unknown|unrecognized|extra)[^.]{0,80}reasoning_content"
)
# A prompt that a filter refuses, in the words of Azure, OpenAI, OpenRouter and DeepSeek.
_FILTERED = (
    b'"content_filter"',
    b"ResponsibleAIPolicyViolation",
    b"content_policy_violation",
    b"flagged_input",
    b"Content Exists Risk",
)


class RefusedFeatures:
    """By model name. The names of a process are the operator's few."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, Feature], float] = {}
        self._suspected: dict[tuple[str, Feature], float] = {}

    def suspect(self, model: str, feature: Feature) -> None:
        """Remembered at the second time: without tools nothing works, and one odd answer takes them from nobody."""
        if self._suspected.get((model, feature), 0.0) > time.monotonic():
            self.remember(model, feature)
        self._suspected[model, feature] = time.monotonic() + _SECONDS

    def remember(self, model: str, feature: Feature) -> None:
        self._until[model, feature] = time.monotonic() + _SECONDS

    def includes(self, model: str, feature: Feature) -> bool:
        return self._until.get((model, feature), 0.0) > time.monotonic()

    def forget(self) -> None:
        self._until.clear()
        self._suspected.clear()


class Trial:
    """One call and its repetitions, each with less of what was asked for: ``asked`` is what the next one asks."""

    def __init__(self, asked: Iterable[Feature]) -> None:
        self.asked = set(asked)
        self._left_out: list[Feature] = []

    def leave_out(self, feature: Feature, *, body: bytes) -> None:
        """``body`` is that of the refusal. Of the limit the other name is tried, unless the number is too large."""
        self.asked.discard(feature)
        if feature in LIMITS and is_too_large_a_limit(body):
            return  # of this call
        self._left_out.append(feature)
        if feature == LIMITS[0]:
            self.asked.add(LIMITS[1])

    def succeed(self, memory: RefusedFeatures, model: str) -> None:
        """The last refusal was the one that counted: the one before it may only have quoted the request."""
        last = self._left_out[-1:]
        for feature in LIMITS if last == [LIMITS[1]] else last:
            memory.remember(model, feature)


def is_filtered(body: bytes) -> bool:
    """Whether an error is about what was said, not about how."""
    return any(word in body for word in _FILTERED)


def find_refused(*, status: int | None, body: bytes, asked: Iterable[Feature]) -> Feature | None:
    """Which of the features ``asked`` for an error response is about, None if it is about something else.

    A refusal without a word that we know is put down to the schema, the one that most servers do not know.
    """
    asked = set(asked)
    if status == HTTPStatus.OK and "schema" in asked:
        return "schema"  # an answer that LiteLLM cannot read: for Groq it makes a tool of the schema, and stumbles
    if status not in {*_STATUSES, HTTPStatus.INTERNAL_SERVER_ERROR} or b"tool_use_failed" in body:
        return None  # the latter is Groq's word for a call that the model wrote wrong
    text = _explanation(body).casefold()
    if "tools" in asked and _NO_TOOLS.search(text):
        return "tools"
    if status == HTTPStatus.INTERNAL_SERVER_ERROR or is_filtered(body):
        return None
    if "reasoning" in asked and _NO_REASONING.search(text):
        return "reasoning"
    named = (feature for feature, words in _WORDS.items() if feature in asked and any(word in text for word in words))
    first = next(named, None)
    if first is None and (_LIMIT.search(text) or _is_too_large(text)) and not _LIMIT_REACHED.search(text):
        first = next((feature for feature in LIMITS if feature in asked), None)
    unnamed: Feature | None = "schema" if "schema" in asked and status != HTTPStatus.NOT_FOUND else None
    return first or unnamed


def is_too_large_a_limit(body: bytes) -> bool:
    """Whether a refused ``max_tokens`` is only too large a number: without one the model takes what room it has."""
    return _is_too_large(_explanation(body).casefold())


def _is_too_large(text: str) -> bool:
    return bool(_LIMIT_TOO_LARGE.search(text) and (_LIMIT.search(text) or "in the completion" in text))


def _explanation(body: bytes) -> str:
    """What an error's body says by itself, without what it quotes: messages, and the names of fields they are about."""
    text = body.decode(errors="replace")
    try:
        said = list(_list_explanations(json.loads(text)))
    except (ValueError, RecursionError):
        said = [text]
    return " ".join(_QUOTES.split(each, maxsplit=1)[0] for each in said)


def _list_explanations(value: Any) -> Iterator[str]:
    """``error.message`` (OpenAI, most), ``error`` (Ollama), ``detail[].{loc, msg}`` (FastAPI), ``message`` (others)."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _list_explanations(item)
    elif isinstance(value, Mapping):
        for name in ("error", "message", "msg", "detail", "loc", "param", "code", "type", "metadata", "raw"):
            yield from _list_explanations(value.get(name))
