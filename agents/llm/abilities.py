"""What LiteLLM would leave out of each call to a model without a word, by its own tables.

It drops parameters that it believes a model does not take; without tools an agent can talk but do nothing. Importing it
takes seconds, so ``agents.llm.factory`` loads this only where the client is loaded anyway or an operator waits.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import litellm
from litellm import exceptions

_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "probe_tool", "description": "A probe.", "parameters": {"type": "object", "properties": {}}},
}


@lru_cache(maxsize=256)
def takes_tools(name: str) -> bool:
    """False where LiteLLM would leave the tools out: the model would say "done" and do nothing.

    Raises ``litellm.BadRequestError`` for a name without a provider.
    """
    model, provider, _, _ = litellm.get_llm_provider(name)
    if any(custom["provider"] == provider for custom in litellm.custom_provider_map):
        return True
    try:
        options = litellm.utils.get_optional_params(
            model=model, custom_llm_provider=provider, tools=[_TOOL], stream=True, drop_params=True
        )
    except exceptions.UnsupportedParamsError:
        return False
    # However the provider calls them, and whatever its list of parameters says: the tool is in there or it is not.
    return _TOOL["function"]["name"] in json.dumps(options, default=repr)


def describe_lacks(names: Iterable[str]) -> list[str]:
    """A sentence for an operator about each of the models ``names`` (LiteLLM's) that would work badly or not at all."""
    return [sentence for name in names if (sentence := _describe_lack(name))]


def _describe_lack(name: str) -> str:
    try:
        if takes_tools(name):
            return ""
    except exceptions.BadRequestError:
        return f"{name} names no provider; a model of a server of your own is openai/{name}."
    return f"{name} is given no tools (LiteLLM drops them): it can answer, but create and change nothing."
