"""What an agent is."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar
from uuid import UUID

from agents import prompting, tool_loop
from agents.events import AgentEvent
from agents.llm.factory import LanguageModel, get_llm
from agents.llm.messages import Message
from agents.run_context import RunContext
from agents.tools.base import Tool
from agents.tools.records import RunRecords

# In the shared memory, beside ``prompting.PREVIOUS_RESULTS``: all the records that the turn knows.
RECORDS = "records"


class BaseAgent(ABC):
    """Works for one user. ``shared_memory`` is what the agents of one turn tell each other, ``vector_store_context``
    are documents found for the turn; both live as long as the turn.
    """

    name: ClassVar[str]
    description: ClassVar[str]

    def __init__(
        self,
        user_id: UUID,
        shared_memory: dict[str, Any] | None = None,
        vector_store_context: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.user_id = user_id
        self.shared_memory = {} if shared_memory is None else shared_memory
        self.vector_store_context = vector_store_context

    @abstractmethod
    def handle(self, query: str, context: RunContext) -> AsyncGenerator[AgentEvent, None]:
        """Answer ``query``. Raises the upstream problems of ``adiuva.api.errors``; closing the iterator stops it."""


class ChatAgent(BaseAgent):
    """An agent that talks: a prompt, tools, and the loop between the model and them.

    A subclass names itself (``name``, ``description`` for the router), its ``prompt`` file in ``agents/prompts/`` and
    its tools.
    """

    prompt: ClassVar[str]

    @abstractmethod
    def get_tools(self) -> Sequence[Tool[Any]]: ...

    async def handle(self, query: str, context: RunContext) -> AsyncGenerator[AgentEvent, None]:
        previous_results = self.shared_memory.get(prompting.PREVIOUS_RESULTS)
        messages = prompting.messages(
            self.prompt, query, context, self.vector_store_context, previous_results=previous_results
        )
        records = self.shared_memory.get(RECORDS) or RunRecords.of(context.data, query)
        self.shared_memory[RECORDS] = records
        events = self._tool_loop(get_llm(context.model), messages, self.get_tools(), context=context, records=records)
        async with aclosing(events):
            async for event in events:
                yield event

    def _tool_loop(
        self,
        llm: LanguageModel,
        messages: list[Message],
        tools: Sequence[Tool[Any]],
        max_iter: int = tool_loop.MAX_ROUNDS,
        *,
        context: RunContext,
        records: RunRecords,
    ) -> AsyncGenerator[AgentEvent, None]:
        return tool_loop.run(llm, messages, tools, max_iter, context=context, records=records)
