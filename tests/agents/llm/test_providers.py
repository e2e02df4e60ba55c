"""Which provider a model's name means, and what a call is handed: a key goes to its own provider's address only."""

from typing import Any

import pytest

from adiuva.environment import Environment
from agents.llm.providers import (
    PROVIDER_VARIABLES,
    PROVIDERS,
    Provider,
    choose_model,
    connection_of,
    describe_missing_model,
    missing_variables,
    provider_of,
    qualify_model_name,
)

BY_PREFIX = {provider.prefix: provider for provider in PROVIDERS}
IDS = list(BY_PREFIX)


@pytest.fixture(autouse=True)
def _nothing_set(settings: Any) -> None:
    for name in PROVIDER_VARIABLES:
        setattr(settings, name, "")


@pytest.fixture
def every_key(settings: Any) -> dict[str, str]:
    """``{variable: key}``: each provider has one, different from all others."""
    keys = {name: f"key-of-{name}" for provider in PROVIDERS for name in provider.key_variables}
    for name, key in keys.items():
        setattr(settings, name, key)
    return keys


def test_each_variable_is_read_as_a_setting(settings: Any) -> None:
    assert set(PROVIDER_VARIABLES) <= set(Environment.model_fields)
    assert [name for name in PROVIDER_VARIABLES if not hasattr(settings, name)] == []


@pytest.mark.parametrize(
    ("name", "qualified"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("claude-3-5-sonnet-20241022", "anthropic/claude-3-5-sonnet-20241022"),
        ("gemini-2.5-flash", "gemini/gemini-2.5-flash"),
        ("mistral-small-latest", "mistral/mistral-small-latest"),
        ("open-mixtral-8x22b", "mistral/open-mixtral-8x22b"),
        ("deepseek-chat", "deepseek/deepseek-chat"),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", "bedrock/eu.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("amazon.nova-pro-v1:0", "bedrock/amazon.nova-pro-v1:0"),
        ("ollama/llama3", "ollama_chat/llama3"),
        ("ollama_chat/llama3:8b", "ollama_chat/llama3:8b"),
        ("openrouter/anthropic/claude-sonnet-4", "openrouter/anthropic/claude-sonnet-4"),
        ("xai/grok-4", "xai/grok-4"),
    ],
)
def test_a_name_means_its_vendor(name: str, qualified: str) -> None:
    assert qualify_model_name(name) == qualified
    assert qualify_model_name(qualified) == qualified


def test_a_server_of_ones_own_serves_any_bare_name_unless_the_vendor_has_a_key_here(settings: Any) -> None:
    settings.OPENAI_API_BASE = "http://127.0.0.1:9/v1"
    assert qualify_model_name("claude-opus-4-5") == "openai/claude-opus-4-5"
    settings.ANTHROPIC_API_KEY = "sk-ant"
    assert qualify_model_name("claude-opus-4-5") == "anthropic/claude-opus-4-5"


@pytest.mark.parametrize("provider", PROVIDERS, ids=IDS)
@pytest.mark.parametrize("own_server", [False, True], ids=["vendor", "own-server"])
def test_a_key_goes_to_its_own_provider_only(
    every_key: dict[str, str], settings: Any, provider: Provider, own_server: bool
) -> None:
    for other in PROVIDERS:
        setattr(settings, other.base_variable, f"http://{other.prefix}.test" if own_server else "")
    given = connection_of(f"{provider.prefix}/some-model")
    assert given["api_key"] == every_key[provider.key_variables[0]]
    assert given.get("api_base", "") == (f"http://{provider.prefix}.test" if own_server else provider.own_base)


@pytest.mark.parametrize("provider", PROVIDERS, ids=IDS)
def test_a_server_without_a_key_is_given_no_other_providers_key(
    every_key: dict[str, str], settings: Any, provider: Provider
) -> None:
    for name in provider.key_variables:
        setattr(settings, name, "")
    setattr(settings, provider.base_variable, "http://own.test")
    assert not set(every_key.values()) & set(connection_of(f"{provider.prefix}/some-model").values())
    assert missing_variables(f"{provider.prefix}/some-model") == ""


def test_further_variables_are_handed_on_by_litellms_names(settings: Any) -> None:
    settings.AZURE_API_VERSION = "2024-10-21"
    settings.OLLAMA_NUM_CTX = 8192
    settings.AWS_REGION_NAME = "eu-central-1"
    assert connection_of("azure/my-deployment") == {"api_version": "2024-10-21"}
    assert connection_of("ollama/llama3") == {"api_base": "http://localhost:11434", "num_ctx": 8192}
    assert connection_of("bedrock/amazon.nova-pro-v1:0") == {"aws_region_name": "eu-central-1"}
    assert (provider_of("xai/grok-4"), connection_of("xai/grok-4")) == (None, {})


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("gpt-4o", "OPENAI_API_KEY, or OPENAI_API_BASE for a server of your own"),
        ("claude-opus-4-5", "ANTHROPIC_API_KEY, or ANTHROPIC_API_BASE for a server of your own"),
        ("azure/my-deployment", "AZURE_API_KEY and AZURE_API_BASE"),
        ("ollama/llama3", ""),
        ("bedrock/amazon.nova-pro-v1:0", ""),
        ("xai/grok-4", ""),
    ],
)
def test_what_is_missing_is_named(name: str, missing: str) -> None:
    assert missing_variables(name) == missing


@pytest.mark.parametrize(
    ("asked", "variables", "in_development", "in_production"),
    [
        ("", {}, "offline/adiuva", ""),
        ("gpt-4o", {}, "offline/adiuva", "gpt-4o"),
        ("claude-opus-4-5", {}, "offline/adiuva", "claude-opus-4-5"),
        ("claude-opus-4-5", {"ANTHROPIC_API_KEY": "k"}, "claude-opus-4-5", "claude-opus-4-5"),
        ("claude-opus-4-5", {"OPENAI_API_KEY": "k"}, "claude-opus-4-5", "claude-opus-4-5"),
        ("ollama/llama3", {}, "ollama/llama3", "ollama/llama3"),
        ("xai/grok-4", {}, "xai/grok-4", "xai/grok-4"),
        ("", {"OLLAMA_API_BASE": "http://localhost:11434"}, "offline/adiuva", ""),
        *(
            (
                "",
                {provider.key_variables[0]: "k"},
                provider.default_model or "offline/adiuva",
                provider.default_model,
            )
            for provider in PROVIDERS
        ),
    ],
)
def test_any_providers_key_counts(
    asked: str, variables: dict[str, str], in_development: str, in_production: str
) -> None:
    def read(name: str) -> str:
        return variables.get(name, "")

    assert choose_model(asked, offline="offline/adiuva", read=read) == in_development
    assert choose_model(asked, offline="", read=read) == in_production


@pytest.mark.parametrize(
    ("asked", "variables", "missing"),
    [
        ("", ["AZURE_API_KEY", "AZURE_API_BASE"], "AZURE_API_KEY is there, LLM_MODEL=azure/DEPLOYMENT is missing"),
        ("", ["AZURE_API_BASE"], "AZURE_API_BASE is there, LLM_MODEL=azure/DEPLOYMENT is missing"),
        (
            "",
            ["AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION_NAME"],
            "AWS_BEARER_TOKEN_BEDROCK is there, LLM_MODEL=bedrock/MODEL is missing",
        ),
        ("", ["OLLAMA_API_BASE"], "OLLAMA_API_BASE is there, LLM_MODEL=ollama/MODEL is missing"),
        ("", ["OLLAMA_API_BASE", "MISTRAL_API_KEY"], ""),
        ("ollama/llama3.1", ["OLLAMA_API_BASE"], ""),
        ("offline/adiuva", ["OLLAMA_API_BASE"], ""),
        ("", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], ""),  # the bucket's
        ("", [], ""),
    ],
)
def test_a_key_without_a_model_is_said(asked: str, variables: list[str], missing: str) -> None:
    assert describe_missing_model(asked, read=lambda name: "set" if name in variables else "") == missing


@pytest.mark.parametrize("provider", PROVIDERS, ids=IDS)
def test_a_provider_has_a_default_model_or_says_what_to_write(provider: Provider) -> None:
    assert bool(provider.default_model) != bool(provider.model_form)
    assert provider_of(provider.default_model or provider.model_form, read=lambda _: "") is provider
