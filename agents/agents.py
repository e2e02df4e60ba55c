"""What an agent is, and the four there are: each a prompt, tools, and the loop between a model and them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from agents import prompting, tool_loop
from agents.events import AgentEvent
from agents.llm.factory import get_llm
from agents.llm.language_model import LanguageModel
from agents.llm.messages import Message
from agents.run_context import RunContext
from agents.tools.base import Tool
from agents.tools.by_agent import TOOLS_BY_AGENT
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

    def get_tools(self) -> Sequence[Tool[Any]]:
        return TOOLS_BY_AGENT[self.name]

    def handle(self, query: str, context: RunContext) -> AsyncGenerator[AgentEvent, None]:
        previous_results = self.shared_memory.get(prompting.PREVIOUS_RESULTS)
        messages = prompting.messages(
            self.prompt, query, context, self.vector_store_context, previous_results=previous_results
        )
        records = self.shared_memory.get(RECORDS) or RunRecords.of(context.data, query)
        self.shared_memory[RECORDS] = records
        # Handed on, not passed on: each layer would cost every token a step.
        return self._tool_loop(
            get_llm(context.model, provider=context.provider),
            messages,
            self.get_tools(),
            context=context,
            records=records,
        )

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


class TaskAgent(ChatAgent):
    name: ClassVar[str] = "task_agent"
    description: ClassVar[str] = "Creates, changes, finishes, deletes and lists the user's tasks, and their comments."
    prompt: ClassVar[str] = "task_agent"


class ProjectAgent(ChatAgent):
    name: ClassVar[str] = "project_agent"
    description: ClassVar[str] = (
        "Creates, renames, describes, archives, restores, deletes, lists and opens the user's projects."
    )
    prompt: ClassVar[str] = "project_agent"


class CheckpointAgent(ChatAgent):
    name: ClassVar[str] = "checkpoint_agent"
    description: ClassVar[str] = (
        "Creates, suggests, changes, approves, deletes and lists the checkpoints (milestones) of the user's projects."
    )
    prompt: ClassVar[str] = "checkpoint_agent"


class NoteAgent(ChatAgent):
    name: ClassVar[str] = "note_agent"
    description: ClassVar[str] = "Writes, changes, deletes, finds and opens the user's notes."
    prompt: ClassVar[str] = "note_agent"
