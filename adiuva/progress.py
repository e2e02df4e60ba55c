"""How far a long command is: one line that changes on a terminal, now and then a line of its own elsewhere."""

import time
from collections.abc import Callable
from typing import Self, TextIO

TERMINAL_SECONDS = 0.1
LOG_SECONDS = 30.0  # a cron mail or a log file wants a sign of life, not a line a blob


class Progress:
    """``with Progress(sys.stderr, "blobs", total=90) as progress: progress.step(); progress.step(20)``.

    What it writes is not a result: give it stderr.
    """

    def __init__(self, stream: TextIO, what: str, *, total: int | None = None) -> None:
        self._stream = stream
        self._what = what
        self._total = total
        self._done = 0
        self._on_terminal = stream.isatty()
        self._shown_at = time.monotonic()
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.clear()

    def step(self, amount: int = 1) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._shown_at < (TERMINAL_SECONDS if self._on_terminal else LOG_SECONDS):
            return
        self._shown_at = now
        of = f" of {self._total:,}" if self._total is not None else ""
        line = f"{self._what}: {self._done:,}{of}"
        if self._on_terminal:
            self._stream.write(f"\r{line:<{self._width}}")
            self._width = len(line)
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def above(self, write: Callable[[str], object]) -> Callable[[str], None]:
        """``write`` for lines of another stream that may be the same terminal."""

        def clear_and_write(line: str) -> None:
            self.clear()
            write(line)

        return clear_and_write

    def clear(self) -> None:
        """Takes the line off the terminal, so that a result can be written there; the next step writes it again."""
        if self._on_terminal and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0
