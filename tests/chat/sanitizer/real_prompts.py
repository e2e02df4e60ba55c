"""The texts under test: those of the running server."""

from importlib.resources import files
from typing import Any

from chat.agent_routing import AGENTS_BY_TIER as AGENTS
from chat.sanitizer import Sanitizer, protected_texts

__all__ = ["AGENTS", "prompts", "real_sanitizer", "tool_schemas"]


def prompts() -> dict[str, str]:
    folder = files("agents.prompts")
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".txt")}


def tool_schemas() -> list[dict[str, Any]]:
    return list(protected_texts.tool_schemas())


def real_sanitizer() -> Sanitizer:
    return protected_texts.build()
