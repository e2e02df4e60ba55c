from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, ClassVar

from django.core.management.base import CommandError

from adiuva.commands import OperatorCommand
from adiuva.jobs import get_queue
from adiuva.jobs.port import WorksInTheServer

MOST_AT_ONCE = 64


def _queues(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _at_once(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MOST_AT_ONCE:
        raise ArgumentTypeError(f"must be between 1 and {MOST_AT_ONCE}")
    return value


class Command(OperatorCommand):
    help = (
        "Works off the jobs that the servers queue, and those of the schedule, until it gets SIGTERM; jobs that run "
        "then have 25 seconds to end and are given back after that. Run one or more, on any machine with the service's "
        "environment: each job is taken by one of them. While PostgreSQL is away it waits. With SQLite jobs run in the "
        "server process, and there is nothing to start."
    )
    examples: ClassVar = {
        "work": "every job, four at once",
        "work --queues upkeep --concurrency 1": "only those of one queue, one after the other",
    }
    troubles: ClassVar = "the database is SQLite, or jobs that did not end were left to the others"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queues", type=_queues, metavar="NAMES", help="only these, separated by commas (default: all)"
        )
        parser.add_argument(
            "--concurrency",
            type=_at_once,
            default=4,
            metavar="N",
            help="jobs at once (default: 4); each needs a connection to PostgreSQL, and the worker five more",
        )

    def handle(self, *, queues: list[str] | None, concurrency: int, **_options: Any) -> None:
        try:
            get_queue().work(queues=queues, concurrency=concurrency)
        except WorksInTheServer:
            raise CommandError("with SQLite jobs run in the server process: there is no worker to start") from None
