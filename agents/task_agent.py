"""The agent that looks after tasks and their comments."""

from collections.abc import Sequence
from typing import Any, ClassVar

from agents.base import ChatAgent
from agents.registry import registry
from agents.tools.base import Tool
from agents.tools.comments import COMMENT_TOOLS
from agents.tools.tasks import TASK_TOOLS


@registry.register
class TaskAgent(ChatAgent):
    name: ClassVar[str] = "task_agent"
    description: ClassVar[str] = "Creates, changes, finishes, deletes and lists the user's tasks, and their comments."
    prompt: ClassVar[str] = "task_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return (*TASK_TOOLS, *COMMENT_TOOLS)
