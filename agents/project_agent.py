"""The agent that looks after projects."""

from collections.abc import Sequence
from typing import Any, ClassVar

from agents.base import ChatAgent
from agents.registry import registry
from agents.tools.base import Tool
from agents.tools.projects import PROJECT_TOOLS


@registry.register
class ProjectAgent(ChatAgent):
    name: ClassVar[str] = "project_agent"
    description: ClassVar[str] = (
        "Creates, renames, describes, archives, restores, deletes, lists and opens the user's projects."
    )
    prompt: ClassVar[str] = "project_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return PROJECT_TOOLS
