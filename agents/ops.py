"""What operators are told of the models: system checks, which import no SDK, and doctor's examinations."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's word

from adiuva.api.errors import NotConfigured
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from agents.llm import messages
from agents.llm.factory import find_lacks, get_llm
from agents.llm.providers import PROVIDERS, missing_variables

# provider/model or a bare model; model names may hold slashes, colons and dots of their own.
_MODEL_NAME = re.compile(r"[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.:@\-]+)*(:[A-Za-z0-9_.\-]+)?")


@register
def model_names(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """``agents.E001``: a model setting holds what cannot be a model's name."""
    return [
        Error(
            f"{setting} holds {name!r}, which is not a model's name.",
            hint="Write provider/model as LiteLLM names it, for example openai/gpt-4o-mini.",
            id="agents.E001",
        )
        for setting, name in _configured_models()
        if not _MODEL_NAME.fullmatch(name)
    ]


@register
def timeout(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """``agents.E002``: no call could ever be answered."""
    if settings.LLM_TIMEOUT_SECONDS > 0:
        return []
    return [Error("LLM_TIMEOUT_SECONDS must be more than 0.", id="agents.E002")]


@register
def provider_keys(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """``agents.W001``: a model whose provider has no key here, or a key without a model. The service starts, and what
    needs it answers 503.
    """
    return [Warning(sentence, id="agents.W001") for sentence in describe_missing_keys()]


def describe_missing_keys() -> list[str]:
    """A sentence for an operator about each model whose provider has no key here, and about a key whose provider has
    no model: a request for it gets 503 (or the offline model's answer, in development).
    """
    asked = settings.LLM_MODEL_WITHOUT_KEY
    models = [("LLM_MODEL", asked)] if asked else _configured_models()
    unnamed = [f"{settings.LLM_MODEL_MISSING}."] if settings.LLM_MODEL_MISSING else []
    return unnamed + [
        f"{setting} is {name}, which needs {missing}."
        for setting, name in models
        if name != settings.OFFLINE_MODEL and (missing := missing_variables(name))
    ]


def _configured_models() -> Iterator[tuple[str, str]]:
    """``(setting, name)`` of each model; the router's is left out where it is the one that answers."""
    yield from (("LLM_MODEL", name) for name in (settings.LLM_MODEL,) if name)
    if settings.LLM_ROUTER_MODEL and settings.LLM_ROUTER_MODEL != settings.LLM_MODEL:
        yield "LLM_ROUTER_MODEL", settings.LLM_ROUTER_MODEL
    yield from (("LLM_FALLBACK_MODEL", name) for name in (settings.LLM_FALLBACK_MODEL,) if name)
    yield from (("LLM_MODELS", name) for name in settings.LLM_MODELS)


QUESTION = "Answer with the one word: well"


def _without_keys() -> str:
    """What an operator who has forgotten them should read."""
    variables = [name for provider in PROVIDERS for name in (*provider.key_variables, provider.base_variable)]
    has_some = any(getattr(settings, name) for name in variables)
    return "" if has_some else ", since no key of any is set (docs/providers.md)"


def llm(options: DoctorOptions) -> Finding:
    if not settings.LLM_MODEL and settings.LLM_MODEL_MISSING:
        raise NotConfigured(f"No language model is configured: {settings.LLM_MODEL_MISSING}.")
    model = get_llm()  # raises NotConfigured
    names = " then ".join(model.names)
    is_offline = settings.LLM_MODEL == settings.OFFLINE_MODEL
    if options.ask:
        reply = asyncio.run(model.complete([messages.user(QUESTION)]))
        offline = "the built-in offline model, " if is_offline else ""
        found = f"{offline}{names} answered with {len(reply.text)} characters"
    elif is_offline:
        found = f"the built-in offline model ({names}); no outside provider is used{_without_keys()}"
    else:
        found = f"{names}; not asked (--ask does)"
    lacking = [*describe_missing_keys(), *find_lacks()]
    return Finding("warn", f"{found}. {' '.join(lacking)}") if lacking else Finding("ok", found)


def register_examinations() -> None:
    probes.register_examination("llm", llm)
