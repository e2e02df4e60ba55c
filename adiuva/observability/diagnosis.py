"""What `manage.py doctor` looks at: one named examination per outside system or setting, registered by its owner.

It asks more than readiness does and says what it found in words, for an operator. All examinations run side by side,
each in a thread of its own, so that one which hangs costs its time limit and nothing else.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.db import connection

from adiuva.api.errors import Problem
from adiuva.observability.logging import redact

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` is one line that never holds a secret."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``seconds``: how long it took, at most the time limit."""

    name: str
    level: Level
    found: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """``ask``: a provider's answer may cost money, so one is asked for only when the operator says so."""

    ask: bool = False


Examination = Callable[[Orders], Finding]

_examinations: dict[str, Examination] = {}


def register(name: str, examination: Examination) -> None:
    """What ``examination`` raises is a failure, said in its own words; registering a name again replaces it."""
    _examinations[name] = examination


def names() -> list[str]:
    return list(_examinations)


def examine(*, orders: Orders, timeout: float) -> list[Line]:
    """A line for each examination, in the order of registration; none takes longer than ``timeout`` seconds."""
    runs = [_Run(name, examination, orders) for name, examination in _examinations.items()]
    deadline = time.monotonic() + timeout
    for run in runs:
        run.join(max(0.0, deadline - time.monotonic()))
    return [run.line(timeout) for run in runs]


class _Run:
    """A daemon thread: one that hangs does not keep the process from ending."""

    def __init__(self, name: str, examination: Examination, orders: Orders) -> None:
        self._name = name
        self._result: tuple[Finding, float] | None = None
        self._thread = threading.Thread(
            target=self._work, args=(examination, orders), name=f"doctor-{name}", daemon=True
        )
        self._thread.start()

    def _work(self, examination: Examination, orders: Orders) -> None:
        started = time.monotonic()
        try:
            finding = examination(orders)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            finding = Finding("fail", said(error))
        finally:
            connection.close()
        self._result = (finding, time.monotonic() - started)

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def line(self, timeout: float) -> Line:
        result = self._result
        if result is None:
            return Line(name=self._name, level="fail", found=f"no answer within {timeout:g} s", seconds=timeout)
        finding, seconds = result
        return Line(name=self._name, level=finding.level, found=_one_line(finding.text), seconds=seconds)


def said(error: BaseException) -> str:
    """The first line of what ``error`` says, with its kind where that is not a sentence of ours."""
    if isinstance(error, Problem):
        return error.detail
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _one_line(text: str) -> str:
    return redact(" ".join(text.split()))
