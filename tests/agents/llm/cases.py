"""The providers that are tested: one row of the table in docs/providers.md each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.llm.providers import Provider, provider_of
from tests.fakes.providers.anthropic import AnthropicServer
from tests.fakes.providers.azure import AzureServer
from tests.fakes.providers.bedrock import BedrockServer
from tests.fakes.providers.deepseek import DeepSeekServer
from tests.fakes.providers.gemini import GeminiServer
from tests.fakes.providers.groq import GroqServer
from tests.fakes.providers.mistral import MistralServer
from tests.fakes.providers.ollama import OllamaServer
from tests.fakes.providers.openai import CompatibleServer, OpenAIServer
from tests.fakes.providers.openai_responses import ResponsesServer
from tests.fakes.providers.openrouter import OpenRouterServer
from tests.fakes.providers.server import ProviderServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``title`` is the row's. ``variables`` beside key and base. ``is_read_here``: not by LiteLLM."""

    title: str
    model: str
    server: type[ProviderServer]
    variables: Mapping[str, str] = field(default_factory=dict)

    is_read_here: bool = True

    def __str__(self) -> str:
        return self.title.lower().replace(" ", "-").replace("'", "")

    @property
    def provider(self) -> Provider:
        provider = provider_of(self.model, read=lambda _: "")
        assert provider is not None
        return provider

    def environment(self, server: ProviderServer) -> dict[str, str]:
        """The variables that select it."""
        key, base = self.provider.key_variables[0], self.provider.base_variable
        return {key: server.key, base: server.base_url, **self.variables}


# Beside Bedrock's own key, the AWS keys are the bucket's: it refuses what they have signed.
_AWS = {
    "AWS_ACCESS_KEY_ID": "key-of-the-bucket",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-operator",
    "AWS_REGION_NAME": "eu-central-1",
}

OPENAI = Case(title="OpenAI", model="openai/gpt-4o-mini", server=OpenAIServer)
RESPONSES = Case(title="OpenAI's Responses API", model="openai/gpt-5-codex", server=ResponsesServer)
COMPATIBLE = Case(title="Compatible server", model="openai/llama-3.1-8b-instruct", server=CompatibleServer)
ANTHROPIC = Case(title="Anthropic", model="claude-haiku-4-5", server=AnthropicServer)
GEMINI = Case(title="Gemini", model="gemini/gemini-3-flash-preview", server=GeminiServer)
AZURE = Case(
    title="Azure OpenAI",
    model=f"azure/{AzureServer.deployment}",
    server=AzureServer,
    variables={"AZURE_API_VERSION": "2024-10-21"},
)
BEDROCK = Case(
    title="Bedrock",
    model="bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    server=BedrockServer,
    variables=_AWS,
    is_read_here=False,  # AWS's binary framing
)
MISTRAL = Case(title="Mistral", model="mistral/mistral-small-latest", server=MistralServer)
GROQ = Case(title="Groq", model="groq/llama-3.3-70b-versatile", server=GroqServer)
OPENROUTER = Case(title="OpenRouter", model="openrouter/openai/gpt-4o-mini", server=OpenRouterServer)
DEEPSEEK = Case(title="DeepSeek", model="deepseek/deepseek-v4-flash", server=DeepSeekServer)
OLLAMA = Case(title="Ollama", model=f"ollama/{OllamaServer.model}", server=OllamaServer)
CASES = (
    OPENAI,
    RESPONSES,
    COMPATIBLE,
    ANTHROPIC,
    GEMINI,
    AZURE,
    BEDROCK,
    MISTRAL,
    GROQ,
    OPENROUTER,
    DEEPSEEK,
    OLLAMA,
)
