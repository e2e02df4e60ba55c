import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.core.management.base import CommandError

from adiuva.byte_sizes import parse_bytes, show_bytes
from adiuva.commands import OperatorCommand, Progress
from storage.maintenance import seconds
from storage.maintenance.integrity_check import IntegrityTally, StoreUnavailableError, check_integrity


class Command(OperatorCommand):
    help = (
        "Reads stored blobs, the longest unread first, and compares their size and SHA-256 with what was stored. "
        "Damage is reported on stdout and in the log, with the record's or backup's id and what is wrong: missing, "
        "size or checksum. Exit code 1 when something is damaged or could not be read. With a budget it is a rolling "
        "check: each run goes on where the last one stopped, and reports known damage again."
    )
    examples: ClassVar = {
        "verify_blobs": "read everything once",
        "verify_blobs --max-seconds 3600": "go on for an hour where the last run stopped",
        "verify_blobs --not-since 2592000": "what was not read for 30 days",
    }
    troubles: ClassVar = "a blob is damaged, or could not be read; see the lines above"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--max-bytes", type=parse_bytes, metavar="BYTES", help="stop after reading so much: 1073741824, 1GiB or 1GB"
        )
        parser.add_argument("--max-seconds", type=seconds, metavar="SECONDS", help="stop after so long")
        parser.add_argument(
            "--not-since",
            type=seconds,
            default=0,
            metavar="SECONDS",
            help="only what was not verified within the last SECONDS, such as 2592000 for 30 days (default: 0, "
            "everything once)",
        )

    def handle(self, *, max_bytes: int | None, max_seconds: int | None, not_since: int, **_options: Any) -> None:
        before = datetime.now(UTC) - timedelta(seconds=not_since)
        with Progress(sys.stderr, "blobs read") as progress:
            tally = IntegrityTally(say=progress.above(self.stdout.write), step=progress.step)
            try:
                check_integrity(before=before, max_bytes=max_bytes, max_seconds=max_seconds, tally=tally)
            except StoreUnavailableError:
                tally.say("the blob store does not answer: stopped")
        self.stdout.write(
            f"{tally.blobs} blobs ({show_bytes(tally.blob_bytes)}) are whole, {tally.damaged} damaged, "
            f"{tally.failures} could not be read"
        )
        if tally.damaged or tally.failures:
            raise CommandError("not everything is whole; see above")
