"""What Python's garbage collector looks through: what requests make, not what the process has loaded.

A full collection stops every thread. Over the 600,000 objects that modules leave (LiteLLM's alone are 250,000) it took
0.7 s, several times a minute, and every stream stood still. What is loaded stays, so it is set aside for good
(``gc.freeze``): it is still counted and freed by reference, and collections take a few milliseconds.
"""

import gc
import sys

MODULES = 100  # a library; what requests import late, one by one, is not worth setting aside what they hold

_known_modules = 0


def watch() -> None:
    """From now on what was loaded is set aside at the end of the next full collection: while a process starts, and
    whenever it loads a library late (the first blob on S3, the first turn without ``LLM_PRELOAD``).
    """
    if _freeze_what_was_loaded not in gc.callbacks:
        gc.callbacks.append(_freeze_what_was_loaded)


def freeze() -> int:
    """Sets aside all there is, but for garbage. Returns how many objects that are by now."""
    global _known_modules  # noqa: PLW0603 - the process's own
    gc.collect()
    gc.freeze()
    gc.collect()  # over nothing, so that the next one is not put off until there is a quarter of what there was
    _known_modules = len(sys.modules)
    return gc.get_freeze_count()


def _freeze_what_was_loaded(phase: str, info: dict[str, int]) -> None:
    global _known_modules  # noqa: PLW0603
    if phase == "stop" and info["generation"] == 2 and len(sys.modules) - _known_modules >= MODULES:  # noqa: PLR2004
        _known_modules = len(sys.modules)
        gc.freeze()
