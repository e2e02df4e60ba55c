"""The prompts, one text file each."""

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """The text of ``agents/prompts/<name>.txt``."""
    return files("agents.prompts").joinpath(f"{name}.txt").read_text(encoding="utf-8").strip()
