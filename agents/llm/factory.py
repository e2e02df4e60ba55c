"""The one door to language models: chooses them by the settings, and loads what asks them.

The client (``agents.llm.litellm``) costs seconds of CPU, so it is imported at the first call, or by ``preload()`` at
server start. The offline model is imported only where a setting names it, that is in development.
"""

import asyncio
import sys
import threading
from collections.abc import Iterable
from functools import partial

from django.conf import settings

from adiuva.api.errors import NotConfigured
from agents.llm.language_model import LanguageModel
from agents.llm.port import LanguageClient, Role

# Names of the offline model begin so; ``adiuva.environment`` refuses them in production.
_OFFLINE = "offline/"
# Not ``sys.modules``, which holds a module from the beginning of its import on.
_client_is_loaded = threading.Event()
_offline_is_loaded = threading.Event()


def get_llm(model: str | None = None) -> LanguageModel:
    """The model for answers: ``model``, else the operator's ``LLM_MODEL``; falls back on ``LLM_FALLBACK_MODEL``.

    Raises ``NotConfigured``.
    """
    return _language_model(model or settings.LLM_MODEL, role="answer")


def get_router_llm() -> LanguageModel:
    """The model that picks an agent (``LLM_ROUTER_MODEL``). Raises ``NotConfigured``."""
    return _language_model(settings.LLM_ROUTER_MODEL or settings.LLM_MODEL, role="router")


def preload() -> None:
    """Import the client now, so that the first user does not wait. Takes seconds; works with and without a loop."""
    from agents.llm import litellm

    _import_client(offline=_names_offline(_configured_names()))
    warm_up = threading.Thread(target=lambda: asyncio.run(litellm.warm_up()), name="llm-preload")
    warm_up.start()
    warm_up.join()


async def close() -> None:
    """Close the connections to providers that this event loop keeps open, if any."""
    if "agents.llm.litellm" in sys.modules:
        from agents.llm import litellm

        await litellm.close()


def built_in_texts() -> tuple[str, ...]:
    """What the offline model says of itself, where a setting names it: a sanitizer must let it pass."""
    if not _names_offline(_configured_names()):
        return ()
    from agents.offline_model.phrasing import HELP

    return (HELP,)


def _language_model(name: str, *, role: Role) -> LanguageModel:
    if not name:
        raise NotConfigured("No language model is configured: set LLM_MODEL and a provider key.")
    names = [_qualify_name(name)]
    if settings.LLM_FALLBACK_MODEL and _qualify_name(settings.LLM_FALLBACK_MODEL) not in names:
        names.append(_qualify_name(settings.LLM_FALLBACK_MODEL))
    if names[0].startswith("openai/") and not (settings.OPENAI_API_KEY or settings.OPENAI_API_BASE):
        raise NotConfigured("The language model needs OPENAI_API_KEY, or OPENAI_API_BASE for a server of your own.")
    load_client = partial(_load_client, offline=_names_offline(names))
    return LanguageModel(tuple(names), load_client=load_client, timeout=settings.LLM_TIMEOUT_SECONDS, role=role)


def _qualify_name(name: str) -> str:
    """LiteLLM's ``provider/model``; a bare name is OpenAI's."""
    return name if "/" in name else f"openai/{name}"


def _configured_names() -> tuple[str, ...]:
    return (settings.LLM_MODEL, settings.LLM_ROUTER_MODEL, settings.LLM_FALLBACK_MODEL, *settings.LLM_MODELS)


def _names_offline(names: Iterable[str]) -> bool:
    return any(name.startswith(_OFFLINE) for name in names)


async def _load_client(*, offline: bool) -> LanguageClient:
    """The first call of a process may come before ``preload`` is done: the import must not hold up the event loop."""
    if not _client_is_loaded.is_set() or (offline and not _offline_is_loaded.is_set()):
        await asyncio.to_thread(_import_client, offline=offline)
    from agents.llm import litellm

    return litellm


def _import_client(*, offline: bool) -> None:
    from agents.llm import litellm

    _client_is_loaded.set()
    if offline:
        from agents.offline_model import provider

        litellm.add_provider(provider.PROVIDER, provider.OfflineModel())
        _offline_is_loaded.set()
