"""The port to language models: what a client that asks providers must do."""

from collections.abc import AsyncGenerator
from typing import Protocol

from agents.llm.assembly import ReplyAssembler
from agents.llm.port import Failure, ModelRequest, Reply


class LanguageClient(Protocol):
    """What asks a provider: ``agents.llm.litellm``."""

    def stream(
        self, name: str, request: ModelRequest, assembler: ReplyAssembler, end: float
    ) -> AsyncGenerator[str | Reply, None]:
        """Ask the model ``name`` once: pieces of text, then the ``Reply``. Raises what its SDK raises.

        ``assembler`` is a new one: it holds what came back, also when the stream is closed or breaks. ``end`` is in the
        running loop's time: past it ``TimeoutError`` is raised.
        """
        ...

    def translate(self, error: Exception, *, is_own: bool = False) -> Failure:
        """The problem to show for anything that ``stream`` raises; nothing of the error's own text is in it.

        ``is_own``: of a user's own provider.
        """
        ...
