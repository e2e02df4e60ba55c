"""The agents there are, by name."""

from collections.abc import AsyncGenerator
from typing import Any, TypeVar

from agents.agents import ChatAgent, CheckpointAgent, NoteAgent, ProjectAgent, TaskAgent
from agents.events import AgentEvent
from agents.run_context import RunContext

AgentClass = TypeVar("AgentClass", bound=type[ChatAgent])


class AgentRegistry:
    """Names to agent classes; ``registry`` is the one the apps use."""

    def __init__(self, *agents: type[ChatAgent]) -> None:
        self._agents: dict[str, type[ChatAgent]] = {}
        for agent in agents:
            self.register(agent)

    def register(self, agent: AgentClass) -> AgentClass:
        """Usable as a class decorator. Raises ``ValueError`` for a second class of one name."""
        if self._agents.setdefault(agent.name, agent) is not agent:
            raise ValueError(f"an agent named {agent.name} is registered already")
        return agent

    def get(self, name: str) -> type[ChatAgent]:
        """Raises ``KeyError`` for a name that is not registered."""
        return self._agents[name]

    def list_agents(self) -> tuple[type[ChatAgent], ...]:
        """In the order of registration."""
        return tuple(self._agents.values())

    def call_agent(
        self, name: str, query: str, context: RunContext, **agent_arguments: Any
    ) -> AsyncGenerator[AgentEvent, None]:
        """Make the agent (``agent_arguments`` as ``BaseAgent`` takes them) and let it work.

        Raises ``KeyError`` for a name that is not registered.
        """
        return self.get(name)(**agent_arguments).handle(query, context)


registry = AgentRegistry(TaskAgent, ProjectAgent, CheckpointAgent, NoteAgent)
