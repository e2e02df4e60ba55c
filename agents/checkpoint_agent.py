"""The agent that looks after the checkpoints of projects."""

from collections.abc import Sequence
from typing import Any, ClassVar

from agents.base import ChatAgent
from agents.registry import registry
from agents.tools.base import Tool
from agents.tools.checkpoints import CHECKPOINT_TOOLS


@registry.register
class CheckpointAgent(ChatAgent):
    name: ClassVar[str] = "checkpoint_agent"
    description: ClassVar[str] = (
        "Creates, suggests, changes, approves, deletes and lists the checkpoints (milestones) of the user's projects."
    )
    prompt: ClassVar[str] = "checkpoint_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return CHECKPOINT_TOOLS
