"""Which models a user's own provider has for a key, by the provider's own list (docs/api.md § 15). Blocks."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from adiuva.egress import AnswerTooLarge, HostUnreachable
from adiuva.egress.http import Answer, ask
from agents.llm.own_keys import OwnKeyKind, OwnProvider, find_reason, problem_of

_PATHS: Mapping[OwnKeyKind, str] = {
    "anthropic": "/v1/models?limit=1000",  # https://docs.anthropic.com/en/api/models-list
    "gemini": "/models?pageSize=1000",  # https://ai.google.dev/api/models#method:-models.list
}
_OPENAI_PATH = "/models"
# OpenRouter shows its list to everybody: https://openrouter.ai/docs/api-reference/api-keys/get-current-api-key
_KEY_PATHS: Mapping[OwnKeyKind, str] = {"openrouter": "/key"}
_HEADERS: Mapping[OwnKeyKind, Mapping[str, str]] = {"anthropic": {"anthropic-version": "2023-06-01"}}
_NOT_OFFERED = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
_MOST_NAME_CHARACTERS = 200


def list_models(provider: OwnProvider) -> list[str] | None:
    """By the names that a request takes, each once, in the provider's order; None where a server of the user's own has
    no list that can be read. Raises ``UpstreamError`` with a ``reason``.
    """
    if key_path := _KEY_PATHS.get(provider.kind):
        _require(_get(provider, key_path))
    answer = _get(provider, _PATHS.get(provider.kind, _OPENAI_PATH))
    if answer is None:
        return None
    if answer.status in _NOT_OFFERED and provider.kind == "openai_compatible":
        return None
    _require(answer)
    try:
        return list(dict.fromkeys(_names(json.loads(answer.body))))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def has_model(provider: OwnProvider, models: list[str]) -> bool:
    """Whether the provider's model is one of those that it lists, or a name for one."""
    if provider.model in models:
        return True
    match provider.kind:
        case "anthropic":
            # Aliases (claude-…-latest) are not listed, but known.
            answer = _get(provider, f"/v1/models/{quote(provider.model, safe='')}")
            return answer is not None and answer.status == HTTPStatus.OK
        case "openrouter":
            return provider.model.partition(":")[0] in models  # ":nitro", ":online" go with each
        case _:
            return False


def _get(provider: OwnProvider, path: str) -> Answer | None:
    """None for one that is too large. Raises ``UpstreamError``."""
    headers = {"Accept": "application/json", **_HEADERS.get(provider.kind, {}), **provider.headers()}
    try:
        return ask(provider.endpoint, "GET", path, headers=headers)
    except AnswerTooLarge:
        return None
    except HostUnreachable:
        raise problem_of("unreachable") from None


def _require(answer: Answer | None) -> None:
    if answer is not None and answer.status == HTTPStatus.OK:
        return
    reason = find_reason(answer.status, answer.body) if answer else "unreachable"
    # No model was asked for.
    raise problem_of("unreachable" if reason == "model" else reason)


def _names(listed: Any) -> Iterator[str]:
    """Of ``{"data": [{"id"}]}`` (OpenAI, Anthropic, most) or ``{"models": [{"name": "models/…"}]}`` (Gemini)."""
    items = listed["models"] if "models" in listed and "data" not in listed else listed["data"]
    for item in items:
        if "generateContent" not in item.get("supportedGenerationMethods", ["generateContent"]):
            continue  # embeddings and the like
        name = item["id"] if "id" in item else item["name"].removeprefix("models/")
        if isinstance(name, str) and 0 < len(name) <= _MOST_NAME_CHARACTERS and name.isprintable():
            yield name
