"""The providers that the environment can select: what their models are called, which variables connect to them, and
which key may go to which address.

Loaded while Django's settings are: nothing here imports an SDK. LiteLLM would look for keys and addresses in the
environment itself, by rules of its own (its Mistral ignores ``MISTRAL_API_BASE``, and without an address some of its
providers take OpenAI's), so each call is handed both: a key goes to its provider's own address or to the operator's
address for that provider, and nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

# Reads a variable of docs/api.md § 12; "" or 0 where it is unset.
Read = Callable[[str], Any]

# A server of one's own often has no key, but an SDK that is given none goes on looking and finds another provider's.
NO_KEY = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """``key_variables``: the first that is set counts. ``own_base``: the vendor's address as LiteLLM takes it, ``""``
    where each customer has another (``needs_base``) or the
    region makes it. ``bare_names``: matches the beginning of names that are this provider's without its
    prefix. ``default_model`` answers where a key is all that the operator has set; where none can (an Azure deployment
    has a name of the customer's), ``model_form`` is what ``LLM_MODEL`` looks like. ``options``: other variables, by
    LiteLLM's argument. ``finds_credentials``: its SDK knows more ways to sign in than a key (roles, tokens of a login).
    ``gives_tools``: LiteLLM passes tools to all of its models.
    """

    prefix: str
    title: str
    key_variables: tuple[str, ...]
    base_variable: str
    own_base: str = ""
    needs_base: bool = False
    bare_names: str = "(?!)"
    default_model: str = ""
    model_form: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    finds_credentials: bool = False
    gives_tools: bool = True


OPENAI = Provider(
    prefix="openai",
    title="OpenAI, or a server that speaks its protocol",
    key_variables=("OPENAI_API_KEY",),
    base_variable="OPENAI_API_BASE",
    own_base="https://api.openai.com/v1",
    default_model="openai/gpt-4o-mini",
)
PROVIDERS = (
    OPENAI,
    Provider(
        prefix="anthropic",
        title="Anthropic",
        key_variables=("ANTHROPIC_API_KEY",),
        base_variable="ANTHROPIC_API_BASE",
        own_base="https://api.anthropic.com",
        bare_names=r"claude-",
        default_model="anthropic/claude-haiku-4-5",
    ),
    Provider(
        prefix="gemini",
        title="Google Gemini",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        base_variable="GEMINI_API_BASE",
        own_base="https://generativelanguage.googleapis.com/v1beta",
        bare_names=r"gemini-",
        default_model="gemini/gemini-2.5-flash",
    ),
    Provider(
        prefix="azure",
        title="Azure OpenAI",
        key_variables=("AZURE_API_KEY",),
        base_variable="AZURE_API_BASE",
        needs_base=True,
        model_form="azure/DEPLOYMENT",
        options={"api_version": "AZURE_API_VERSION"},
        finds_credentials=True,
    ),
    Provider(
        prefix="bedrock",
        title="Amazon Bedrock",
        key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
        base_variable="AWS_BEDROCK_RUNTIME_ENDPOINT",
        bare_names=r"((us|eu|apac|au|ca|jp|global)\.)?(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\.",
        model_form="bedrock/MODEL",
        options={
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "aws_session_token": "AWS_SESSION_TOKEN",
            "aws_region_name": "AWS_REGION_NAME",
        },
        finds_credentials=True,
        gives_tools=False,
    ),
    Provider(
        prefix="mistral",
        title="Mistral",
        key_variables=("MISTRAL_API_KEY",),
        base_variable="MISTRAL_API_BASE",
        own_base="https://api.mistral.ai/v1",
        bare_names=r"(open-)?(mistral|mixtral|ministral|magistral|codestral|devstral|pixtral)-",
        default_model="mistral/mistral-small-latest",
    ),
    Provider(
        prefix="groq",
        title="Groq",
        key_variables=("GROQ_API_KEY",),
        base_variable="GROQ_API_BASE",
        own_base="https://api.groq.com/openai/v1",
        default_model="groq/openai/gpt-oss-120b",
    ),
    Provider(
        prefix="openrouter",
        title="OpenRouter",
        key_variables=("OPENROUTER_API_KEY",),
        base_variable="OPENROUTER_API_BASE",
        own_base="https://openrouter.ai/api/v1",
        default_model="openrouter/openai/gpt-4o-mini",
    ),
    Provider(
        prefix="deepseek",
        title="DeepSeek",
        key_variables=("DEEPSEEK_API_KEY",),
        base_variable="DEEPSEEK_API_BASE",
        own_base="https://api.deepseek.com/beta",
        bare_names=r"deepseek-",
        default_model="deepseek/deepseek-v4-flash",
    ),
    Provider(
        prefix="ollama_chat",
        title="Ollama",
        key_variables=("OLLAMA_API_KEY",),
        base_variable="OLLAMA_API_BASE",
        own_base="http://localhost:11434",
        model_form="ollama/MODEL",
        # Without it Ollama cuts what it reads to 4,096 tokens and says nothing: instructions and tools come first.
        options={"num_ctx": "OLLAMA_NUM_CTX"},
        finds_credentials=True,
    ),
)
PROVIDER_VARIABLES = tuple(
    name
    for provider in PROVIDERS
    for name in (*provider.key_variables, provider.base_variable, *provider.options.values())
)
_BY_PREFIX = {provider.prefix: provider for provider in PROVIDERS}
# ``ollama/`` is Ollama's way to complete a text: no roles, no tools, and LiteLLM answers in raw JSON.
_OTHER_PREFIXES = {"ollama": "ollama_chat"}


def _read_setting(name: str) -> Any:
    return getattr(settings, name, "")


def qualify_model_name(name: str, *, read: Read = _read_setting) -> str:
    """LiteLLM's ``provider/model``. A bare name is its vendor's where that is known, else OpenAI's.

    A server behind ``OPENAI_API_BASE`` serves any model under its bare name: it has those whose vendor has no key here.
    """
    prefix, slash, model = name.partition("/")
    if slash:
        return f"{_OTHER_PREFIXES.get(prefix, prefix)}/{model}"
    vendor = next((provider for provider in PROVIDERS if re.match(provider.bare_names, name)), OPENAI)
    if read(OPENAI.base_variable) and not _is_set(vendor, read):
        vendor = OPENAI
    return f"{vendor.prefix}/{name}"


def provider_of(model_name: str, *, read: Read = _read_setting) -> Provider | None:
    """None for a provider of LiteLLM's that is not in the table: that one finds its variables itself."""
    return _BY_PREFIX.get(qualify_model_name(model_name, read=read).partition("/")[0])


def connection_of(model_name: str) -> dict[str, Any]:
    """What a call of ``model_name`` hands to LiteLLM beside the request: ``{"api_key", "api_base", …}``.

    Empty for a provider that is not in the table.
    """
    provider = provider_of(model_name)
    if provider is None:
        return {}
    base = _read_setting(provider.base_variable) or provider.own_base
    key = _key_of(provider, _read_setting)
    if not key and not provider.finds_credentials:
        key = NO_KEY
    given = {"api_key": key, "api_base": base}
    given |= {argument: _read_setting(name) for argument, name in provider.options.items()}
    return {argument: value for argument, value in given.items() if value}


def vendor_base(prefix: str) -> str:
    """The vendor's own address, whatever the operator has set."""
    return _BY_PREFIX[prefix].own_base


def missing_variables(model_name: str, *, read: Read = _read_setting) -> str:
    """What the model's provider lacks, in words for an operator; ``""`` where it lacks nothing."""
    provider = provider_of(model_name, read=read)
    if provider is None:
        return ""
    key, base = provider.key_variables[0], provider.base_variable
    if provider.needs_base and not read(base):
        return f"{key} and {base}"
    if _is_set(provider, read) or provider.finds_credentials:
        return ""
    return f"{key}, or {base} for a server of your own"


def is_given_tools(model_name: str) -> bool:
    """False where only LiteLLM's tables can tell (``agents.llm.abilities``)."""
    provider = provider_of(model_name)
    return provider is not None and provider.gives_tools


def choose_model(asked: str, *, offline: str, read: Read) -> str:
    """``LLM_MODEL`` as it counts. ``asked`` is what the operator has set; ``offline`` answers where no provider is
    connected, ``""`` where it may not (production): then a request is told what is missing.
    """
    connected = [provider for provider in PROVIDERS if _is_set(provider, read)]
    if asked and (connected or not offline or not missing_variables(asked, read=read)):
        return asked
    defaults = [provider.default_model for provider in connected if provider.default_model]
    return defaults[0] if defaults and not asked else offline


def describe_missing_model(asked: str, *, read: Read) -> str:
    """For an operator whose ``LLM_MODEL`` is empty (``asked``) though only providers without a default model are
    connected; ``""`` otherwise. Without a full stop.
    """
    connected = [provider for provider in PROVIDERS if _is_set(provider, read)]
    if asked or any(provider.default_model for provider in connected):
        return ""
    return "; ".join(
        f"{_variable_that_is_set(provider, read)} is there, LLM_MODEL={provider.model_form} is missing"
        for provider in connected
    )


def _variable_that_is_set(provider: Provider, read: Read) -> str:
    return next((name for name in provider.key_variables if read(name)), provider.base_variable)


def _is_set(provider: Provider, read: Read) -> bool:
    return bool(_key_of(provider, read) or read(provider.base_variable))


def _key_of(provider: Provider, read: Read) -> str:
    return next((str(read(name)) for name in provider.key_variables if read(name)), "")
