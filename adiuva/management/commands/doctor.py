import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError

from adiuva.commands import OperatorCommand
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Line

TIMEOUT_SECONDS = 15.0
LOADING_SECONDS = 15.0  # the model's client, on a busy machine


def _timeout(text: str) -> float:
    value = float(text)
    if not 0 < value <= 600:  # noqa: PLR2004 - ten minutes
        raise ValueError(text)
    return value


class Command(OperatorCommand):
    help = (
        "Looks at everything this service needs (database, migrations, cache, settings, secrets, clock, disk, blobs, "
        "vectors, Stripe, the language model, open alerts) and says in one table what it found. Changes nothing, shows "
        "no secret, and reports the rest when the database is away. All looks run side by side."
    )
    examples: ClassVar = {
        "doctor": "the table",
        "doctor --ask": "have the language model really answer (costs a few tokens)",
        "doctor --json": "for a program",
    }
    troubles: ClassVar = "something fails, see its line; warnings alone do not count"
    # What they find is one line of the table; it must not keep the others from being shown.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help='{"ok", "checks": [{"name", "level", …}]}'
        )
        parser.add_argument("--ask", action="store_true", help="ask the language model a question")
        parser.add_argument(
            "--timeout",
            type=_timeout,
            metavar="SECONDS",
            help=f"how long each examination may take (default: {TIMEOUT_SECONDS:g}; with --ask as long as a turn may)",
        )

    def handle(self, *, as_json: bool, ask: bool, timeout: float | None, **_options: Any) -> None:
        allowed = timeout or (
            max(TIMEOUT_SECONDS, settings.LLM_TIMEOUT_SECONDS + LOADING_SECONDS) if ask else TIMEOUT_SECONDS
        )
        lines = probes.examine(options=DoctorOptions(ask=ask), timeout=allowed)
        failed = [line.name for line in lines if line.level == "fail"]
        if as_json:
            checks = [asdict(line) | {"seconds": round(line.seconds, 3)} for line in lines]
            self.stdout.write(json.dumps({"ok": not failed, "checks": checks}, indent=2, ensure_ascii=False))
        else:
            self._table(lines)
        if failed:
            raise CommandError(f"{len(failed)} of {len(lines)} fail: {', '.join(failed)}")

    def _table(self, lines: list[Line]) -> None:
        style = {"ok": self.style.SUCCESS, "warn": self.style.WARNING, "fail": self.style.ERROR}
        width = max(len(line.name) for line in lines)
        self.stdout.write(f"{'what':<{width}}  {'':4}  {'took':>8}  found")
        for line in lines:
            self.stdout.write(
                f"{line.name:<{width}}  {style[line.level](f'{line.level:<4}')}  {line.seconds:6.2f} s  {line.found}"
            )
