"""What all of an operator's commands share: a help that says how they end, and ends that are no tracebacks."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import InterfaceError, OperationalError

from adiuva.http.logs import redact

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

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            # The driver's first line says where and why; the rest is hints for programmers.
            reason = redact(str(error).strip().partition("\n")[0]) or type(error).__name__
            raise CommandError(f"the database failed: {reason}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped; what was done stays done", returncode=INTERRUPTED) from None
