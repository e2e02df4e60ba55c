"""What Python's garbage collector looks through: what requests make, not what the process has loaded.

A full collection stops every thread. Over the 600,000 objects that modules leave (LiteLLM's alone are 250,000) it took
0.7 s, several times a minute, and every stream stood still. What is loaded stays, so it is set aside for good
(``gc.freeze``): it is still counted and freed by reference, and collections take a few milliseconds.
"""

import gc
import sys

MODULES = 100  # a library; what requests import late, one by one, is not worth setting aside what they hold

# Importing leaves 330,000 objects, of which few become garbage: to look through them at each 50,000 took 0.11 of the
# 1.25 s of CPU that `manage.py check` costs, and at Python's own threshold 0.2.
OBJECTS_OF_A_START = 400_000

_known_modules = 0
_usual: tuple[int, int, int] | None = None


def put_off() -> None:
    """No collections while a short process imports what there is."""
    global _usual  # noqa: PLW0603 - the process's own
    _usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_OF_A_START)


def begin() -> None:
    """Collections as usual where they were put off, of what is made from here on: a worker lives for weeks."""
    global _usual  # noqa: PLW0603
    if _usual is not None:
        gc.freeze()
        gc.set_threshold(*_usual)
        _usual = None


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
