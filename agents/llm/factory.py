"""The one door to language models: chooses them by the settings, and loads what asks them.

The client (``agents.llm.litellm``) costs seconds of CPU, so it is imported at the first call, or by ``preload()`` at
server start. The offline model is imported only where a setting names it, that is in development.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Iterable
from functools import partial

from django.conf import settings

from adiuva.api.errors import NotConfigured
from agents.llm.client import LanguageClient
from agents.llm.language_model import LanguageModel
from agents.llm.own_keys import OwnProvider
from agents.llm.port import Role
from agents.llm.providers import is_given_tools, missing_variables, qualify_model_name

logger = logging.getLogger(__name__)

# Names of the offline model begin so; ``adiuva.environment`` refuses them in production.
_OFFLINE = "offline/"
# Not ``sys.modules``, which holds a module from the beginning of its import on.
_client_is_loaded = threading.Event()
_offline_is_loaded = threading.Event()


def get_llm(model: str | None = None, *, provider: OwnProvider | None = None) -> LanguageModel:
    """The model for answers: ``model``, else the operator's ``LLM_MODEL``; falls back on ``LLM_FALLBACK_MODEL``.

    With a user's own ``provider`` it is that one's model alone. Raises ``NotConfigured``.
    """
    if provider is not None:
        return _own_model(provider, role="answer")
    return _language_model(model or settings.LLM_MODEL, role="answer")


def get_router_llm(*, provider: OwnProvider | None = None) -> LanguageModel:
    """The model that picks an agent (``LLM_ROUTER_MODEL``), or the user's own. Raises ``NotConfigured``."""
    if provider is not None:
        return _own_model(provider, role="router")
    return _language_model(settings.LLM_ROUTER_MODEL or settings.LLM_MODEL, role="router")


def preload() -> None:
    """Import the client now, so that the first user does not wait. Takes seconds; works with and without a loop."""
    # Cuts long conversations (agents.prompting): 0.3 s of CPU that would stop every stream.
    import langchain_core.messages  # noqa: F401

    from agents.llm import litellm

    names = _qualified_names()
    _import_client(offline=_names_offline(names))
    warm_up = threading.Thread(target=lambda: asyncio.run(litellm.warm_up(names)), name="llm-preload")
    warm_up.start()
    warm_up.join()
    for lack in find_lacks():
        logger.warning(lack)


def find_lacks() -> list[str]:
    """Sentences for an operator about configured models to which LiteLLM would pass no tools.

    Imports the client, which takes seconds, unless every model is one that is known to get them.
    """
    names = [name for name in _qualified_names() if not name.startswith(_OFFLINE) and not is_given_tools(name)]
    if not names:
        return []
    _import_client(offline=False)
    from agents.llm import abilities

    return abilities.describe_lacks(names)


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
    names = [qualify_model_name(name)]
    if settings.LLM_FALLBACK_MODEL and qualify_model_name(settings.LLM_FALLBACK_MODEL) not in names:
        names.append(qualify_model_name(settings.LLM_FALLBACK_MODEL))
    if missing := missing_variables(names[0]):
        raise NotConfigured(f"The language model needs {missing}.")
    load_client = partial(_load_client, offline=_names_offline(names))
    return LanguageModel(tuple(names), load_client=load_client, timeout=settings.LLM_TIMEOUT_SECONDS, role=role)


def _own_model(provider: OwnProvider, *, role: Role) -> LanguageModel:
    """Without a fallback: nobody else is told what was meant for this provider, and nobody else pays."""
    load_client = partial(_load_client, offline=False)
    timeout = settings.LLM_TIMEOUT_SECONDS
    return LanguageModel((provider.name,), load_client=load_client, timeout=timeout, role=role, provider=provider)


def _configured_names() -> tuple[str, ...]:
    return (settings.LLM_MODEL, settings.LLM_ROUTER_MODEL, settings.LLM_FALLBACK_MODEL, *settings.LLM_MODELS)


def _qualified_names() -> dict[str, None]:
    """Each once, in their order."""
    return dict.fromkeys(qualify_model_name(name) for name in _configured_names() if name)


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
