"""The agent that looks after notes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from agents.base import ChatAgent
from agents.registry import registry
from agents.tools.base import Tool
from agents.tools.notes import NOTE_TOOLS


@registry.register
class NoteAgent(ChatAgent):
    name: ClassVar[str] = "note_agent"
    description: ClassVar[str] = "Writes, changes, deletes, finds and opens the user's notes."
    prompt: ClassVar[str] = "note_agent"

    def get_tools(self) -> Sequence[Tool[Any]]:
        return NOTE_TOOLS
