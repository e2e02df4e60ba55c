"""The protected texts, which no output may contain, and the sanitizer of this process made of them."""

import asyncio
import threading
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from uuid import UUID

from agents import tool_loop
from agents.batches.builder import prompt as batch_builder
from agents.llm.factory import built_in_texts
from agents.registry import registry
from chat.agent_routing import AGENTS_BY_TIER
from chat.plans import extractions, templates
from chat.plans.extractions import ExtractedTasks, WeeklyNote
from chat.sanitizer import Sanitizer
from chat.sanitizer.ordinary_speech import ORDINARY_SPEECH

_NOBODY = UUID(int=0)
# What models are told beside the prompt files.
MODEL_SENTENCES = (*templates.MODEL_SENTENCES, *batch_builder.MODEL_SENTENCES)
# What every prompt begins with is also the honest answer to "who are you?".
WHO_IT_IS = "I'm Adiuva, a personal assistant on your own device."


class _Shared:
    """Built by the first caller; the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.built: Sanitizer | None = None

    def get(self) -> Sanitizer:
        with self._lock:
            sanitizer = self.built
            if sanitizer is None:
                sanitizer = self.built = build()
            return sanitizer


_shared = _Shared()


def preload() -> None:
    """Build the sanitizer now, so that the first user does not wait for it. Takes a second of CPU."""
    _shared.get()


async def sanitizer() -> Sanitizer:
    """The sanitizer; built in a thread if it is not there yet."""
    if _shared.built is None:
        return await asyncio.to_thread(_shared.get)
    return _shared.built


def build() -> Sanitizer:
    """A new sanitizer of everything that is in the prompts."""
    agents = registry.list_agents()
    return Sanitizer(
        prompts=[*prompt_texts(), *(agent.description for agent in agents), *MODEL_SENTENCES],
        agent_names=AGENTS_BY_TIER,
        tool_schemas=[*tool_schemas(), *extraction_schemas()],
        public_texts=[*built_in_texts(), *tool_loop.SENTENCES, WHO_IT_IS],
        ordinary_phrases=ORDINARY_SPEECH,
    )


def prompt_texts() -> Iterator[str]:
    """Every prompt file, those of the router, the synthesis and the templates included."""
    return _texts_in(files("agents.prompts"))


def tool_schemas() -> Iterator[dict[str, Any]]:
    for agent in registry.list_agents():
        for tool in agent(user_id=_NOBODY).get_tools():
            yield tool.schema()


def extraction_schemas() -> Iterator[dict[str, Any]]:
    """Like tools': only the excerpts of their JSON with names of our own are protected, the rest is in any schema."""
    for kind in (ExtractedTasks, WeeklyNote):
        yield {"name": kind.__name__, "parameters": extractions.schema(kind)}


def _texts_in(folder: Traversable) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _texts_in(entry)
        elif entry.name.endswith(".txt"):
            yield entry.read_text(encoding="utf-8")
