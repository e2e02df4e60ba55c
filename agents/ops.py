"""System checks of the LLM settings; nothing here imports an SDK."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from agents.llm import messages
from agents.llm.factory import get_llm

# provider/model or a bare model; model names may hold slashes, colons and dots of their own.
_MODEL_NAME = re.compile(r"[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.:@\-]+)*(:[A-Za-z0-9_.\-]+)?")


@register
def model_names(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """``agents.E001``: a model setting holds what cannot be a model's name."""
    values = {
        "LLM_MODEL": (settings.LLM_MODEL,),
        "LLM_ROUTER_MODEL": (settings.LLM_ROUTER_MODEL,),
        "LLM_FALLBACK_MODEL": (settings.LLM_FALLBACK_MODEL,),
        "LLM_MODELS": tuple(settings.LLM_MODELS),
    }
    return [
        Error(
            f"{setting} holds {name!r}, which is not a model's name.",
            hint="Write provider/model as LiteLLM names it, for example openai/gpt-4o-mini.",
            id="agents.E001",
        )
        for setting, names in values.items()
        for name in names
        if name and not _MODEL_NAME.fullmatch(name)
    ]


@register
def timeout(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """``agents.E002``: no call could ever be answered."""
    if settings.LLM_TIMEOUT_SECONDS > 0:
        return []
    return [Error("LLM_TIMEOUT_SECONDS must be more than 0.", id="agents.E002")]


QUESTION = "Answer with the one word: well"


def llm(options: DoctorOptions) -> Finding:
    model = get_llm()  # raises NotConfigured
    names = " then ".join(model.names)
    if not options.ask:
        if settings.LLM_MODEL == settings.OFFLINE_MODEL:
            return Finding("ok", f"the built-in offline model ({names}); no outside provider is used")
        return Finding("ok", f"{names}; not asked (--ask does)")
    reply = asyncio.run(model.complete([messages.user(QUESTION)]))
    offline = "the built-in offline model, " if settings.LLM_MODEL == settings.OFFLINE_MODEL else ""
    return Finding("ok", f"{offline}{names} answered with {len(reply.text)} characters")


def register_examinations() -> None:
    probes.register_examination("llm", llm)
