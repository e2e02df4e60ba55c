"""What all of an operator's commands share: a help that says how they end, and ends that are no tracebacks."""

import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import InterfaceError, OperationalError

from adiuva.observability.logging import redact
from adiuva.server import collector

INTERRUPTED = 130  # as shells have it: 128 + SIGINT


class HelpFormatter(DjangoHelpFormatter):
    """Wraps the description; text of several lines, such as the epilog, stays as it was written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return RawDescriptionHelpFormatter._fill_text(self, text, width, indent)  # noqa: SLF001
        return super()._fill_text(text, width, indent)


class OperatorCommand(BaseCommand):
    """``examples`` are lines to type after ``manage.py``, each with its purpose; ``troubles``: when it ends with 1."""

    examples: ClassVar[Mapping[str, str]]
    troubles: ClassVar[str]

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        width = max(map(len, self.examples))
        lines = [
            "examples:",
            *(f"  manage.py {line:<{width}}  {purpose}" for line, purpose in self.examples.items()),
            "",
            "exit codes:",
            "  0    done",
            f"  1    {self.troubles}",
            "  2    the command line was wrong",
            f"  {INTERRUPTED}  stopped by Ctrl-C",
        ]
        return super().create_parser(
            prog_name, subcommand, epilog="\n".join(lines), formatter_class=HelpFormatter, **kwargs
        )

    def run_from_argv(self, argv: list[str]) -> None:
        collector.begin()  # manage.py put it off
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            # The driver's first line says where and why; the rest is hints for programmers.
            reason = redact(str(error).strip().partition("\n")[0]) or type(error).__name__
            raise CommandError(f"the database failed: {reason}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped; what was done stays done", returncode=INTERRUPTED) from None


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
