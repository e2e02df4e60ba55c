"""The agent that looks after tasks and their comments."""

from collections.abc import Sequence
from typing import Any, ClassVar

from agents.base import ChatAgent
from agents.registry import registry
from agents.tools.base import Tool
from agents.tools.checkpoints import CHECKPOINT_TOOLS
from agents.tools.comments import COMMENT_TOOLS
from agents.tools.notes import NOTE_TOOLS
from agents.tools.projects import PROJECT_TOOLS
from agents.tools.tasks import TASK_TOOLS


@registry.register
class TaskAgent(ChatAgent):
    name: ClassVar[str] = "task_agent"
    description: ClassVar[str] = "Creates, changes, finishes, deletes and lists the user's tasks, and their comments."
    prompt: ClassVar[str] = "task_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return (*TASK_TOOLS, *COMMENT_TOOLS)


@registry.register
class ProjectAgent(ChatAgent):
    name: ClassVar[str] = "project_agent"
    description: ClassVar[str] = (
        "Creates, renames, describes, archives, restores, deletes, lists and opens the user's projects."
    )
    prompt: ClassVar[str] = "project_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return PROJECT_TOOLS


@registry.register
class CheckpointAgent(ChatAgent):
    name: ClassVar[str] = "checkpoint_agent"
    description: ClassVar[str] = (
        "Creates, suggests, changes, approves, deletes and lists the checkpoints (milestones) of the user's projects."
    )
    prompt: ClassVar[str] = "checkpoint_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return CHECKPOINT_TOOLS


@registry.register
class NoteAgent(ChatAgent):
    name: ClassVar[str] = "note_agent"
    description: ClassVar[str] = "Writes, changes, deletes, finds and opens the user's notes."
    prompt: ClassVar[str] = "note_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return NOTE_TOOLS
