"""Spans of what takes time: requests, turns, calls of models, jobs, statements.

Where no traces are wanted, beginning one costs a comparison. ``adiuva.observability.outside.traces`` says what is done
with them; it alone knows OpenTelemetry.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

Value = str | int | float | bool


class Span(Protocol):
    """``end`` may be called once. An attribute is a word of ours, a number or a name from the code: never content."""

    def end(self, **attributes: Value) -> None: ...

    def enter(self) -> Callable[[], None]:
        """What begins from here on in this context belongs to it, until what this answers is called."""


class _Unwanted:
    __slots__ = ()

    def end(self, **attributes: Value) -> None: ...

    def enter(self) -> Callable[[], None]:
        return _nothing


def _nothing() -> None: ...


UNWANTED: Final = _Unwanted()
Begin = Callable[[str, dict[str, Value]], Span]
_begin: Begin | None = None


def trace_with(begin: Begin | None) -> None:
    """From here on ``begin`` makes this process's spans."""
    global _begin  # noqa: PLW0603 - of the process, like its environment
    _begin = begin


def begin_span(name: str, **attributes: Value) -> Span:
    """For what ends in another place, such as a generator, whose context is not its caller's."""
    return UNWANTED if _begin is None else _begin(name, attributes)


@contextmanager
def span(name: str, **attributes: Value) -> Iterator[None]:
    """Around what happens within; ``failed`` names the type of what is raised."""
    if _begin is None:
        yield
        return
    one = _begin(name, attributes)
    leave = one.enter()
    try:
        yield
    except BaseException as error:
        leave()
        one.end(failed=type(error).__name__)
        raise
    leave()
    one.end()
