"""The whole vocabulary of tools (docs/api.md § 5), by the agents that have them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agents.tools.base import Tool
from agents.tools.checkpoints import CHECKPOINT_TOOLS
from agents.tools.notes import NOTE_TOOLS
from agents.tools.projects import PROJECT_TOOLS
from agents.tools.tasks import COMMENT_TOOLS, TASK_TOOLS

TOOLS_BY_AGENT: Mapping[str, Sequence[Tool[Any]]] = MappingProxyType(
    {
        "task_agent": (*TASK_TOOLS, *COMMENT_TOOLS),
        "project_agent": PROJECT_TOOLS,
        "checkpoint_agent": CHECKPOINT_TOOLS,
        "note_agent": NOTE_TOOLS,
    }
)
