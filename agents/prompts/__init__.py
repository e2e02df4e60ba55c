"""The prompts, one text file each."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_loaded: dict[str, str] = {}


@cache
def load(name: str) -> str:
    """The text of ``agents/prompts/<name>.txt``."""
    _loaded[name] = files("agents.prompts").joinpath(f"{name}.txt").read_text(encoding="utf-8").strip()
    return _loaded[name]


def loaded() -> Iterable[str]:
    """Those that this process has asked for: what a model is told may hold them, and no others."""
    return tuple(_loaded.values())
