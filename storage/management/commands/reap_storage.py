import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandError

from accounts import erasure
from accounts.models import User
from adiuva.api.errors import Problem
from adiuva.byte_sizes import show_bytes
from adiuva.commands import OperatorCommand, Progress
from adiuva.observability.probes import describe_error
from storage.maintenance import Tally, seconds
from storage.maintenance.reaping import LEAST_AGE, TOMBSTONE_AGE, reaping_steps


class Command(OperatorCommand):
    help = (
        "Puts storage in order, as a job does every night; safe beside running servers. It takes up erasures of "
        "accounts that failed, removes blobs that nothing refers to and what unfinished uploads have left, forgets old "
        "tombstones and corrects counters. Keys it does not know are reported and left alone. Exit code 1 when "
        "something could not be done; the rest is done nevertheless."
    )
    examples: ClassVar = {
        "reap_storage --dry-run": "only say what would be done",
        "reap_storage": "do it",
        "reap_storage --min-age 0": "nothing is spared: only while no server runs",
    }
    troubles: ClassVar = "something could not be done, the rest was; see the lines above"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--min-age",
            type=seconds,
            default=int(LEAST_AGE.total_seconds()),
            metavar="SECONDS",
            help="spare blobs and uploads younger than this (default: 3600, an hour). Uploads that are under way lose "
            "what they have sent when this is shorter than they take: use 0 only while no server runs.",
        )
        parser.add_argument(
            "--tombstone-age",
            type=seconds,
            default=int(TOMBSTONE_AGE.total_seconds()),
            metavar="SECONDS",
            help="forget deletions older than this (default: 7776000, 90 days). A device that was away for longer gets "
            "410 resync_required from the change feed, once.",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *, min_age: int, tombstone_age: int, dry_run: bool, **_options: Any) -> None:
        # Ages count from here: what begins while this runs is spared whatever they are.
        now = datetime.now(UTC)
        tally = Tally(say=self.stdout.write, step=lambda _amount: None)
        pending = self._erase(dry_run=dry_run, tally=tally)
        stale, old = now - timedelta(seconds=min_age), now - timedelta(seconds=tombstone_age)
        for what, step in reaping_steps(older_than=stale, tombstones_older_than=old, dry_run=dry_run, tally=tally):
            self._run(what, tally, step)
        would = "would be " if dry_run else ""
        self.stdout.write(
            f"{pending} accounts {would}erased, {tally.blobs} blobs ({show_bytes(tally.blob_bytes)}) {would}removed, "
            f"{tally.uploads} unfinished uploads {would}dropped, {tally.tombstones} tombstones {would}forgotten, "
            f"counters of {tally.counters} users {would}corrected, {tally.unknown_keys} unknown keys left alone"
        )
        if tally.failures:
            raise CommandError(f"{tally.failures} things could not be done; see above")

    def _erase(self, *, dry_run: bool, tally: Tally) -> int:
        """How many accounts whose erasure was cut short are gone now (or would be)."""
        pending = User.objects.filter(erasure_requested_at__isnull=False)
        if dry_run:
            return pending.count()
        told: set[UUID] = set()

        def note(user_id: UUID, hook: str, error: Exception) -> None:
            told.add(user_id)
            tally.note_failure(
                f"the account {user_id} could not be erased: {hook} ({describe_error(error)}). What else it had is "
                "gone as far as it could be; a job of the server, or of its worker, tries again every ten minutes."
            )

        finished = erasure.resume(note=note)
        for user_id in set(pending.values_list("id", flat=True)) - told:
            tally.note_failure(f"the account {user_id} could not be erased; a job goes on with it")
        return finished

    def _run(self, what: str, tally: Tally, job: Callable[[], None]) -> None:
        with Progress(sys.stderr, what) as progress:
            tally.step, tally.say = progress.step, progress.above(self.stdout.write)
            try:
                job()
            except Problem as problem:
                tally.note_failure(f"the blob store failed: {problem.detail}")
