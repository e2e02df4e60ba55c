import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.contrib.sessions.models import Session as StaffSession

from accounts.purge import KEPT, REMEMBERED, least_age, purge_events, purge_expired, purge_sessions, purge_tokens
from adiuva.commands import OperatorCommand, Progress
from billing.checkouts import purge_checkouts
from storage.maintenance import seconds


class Command(OperatorCommand):
    help = (
        "Deletes what can no longer be used to log in: sessions that were revoked or have expired, with their tokens, "
        "refresh tokens of living sessions that were used and expired a year ago, expired sessions of the admin, "
        "mailed links, changes of address, second steps of logins and requests for keys that are over, security events "
        "after 90 days, and begun checkouts whose Idempotency-Key is no longer answered, as jobs do every night. Safe "
        "beside running servers. The current token of a session is never touched; used ones are kept that long because "
        "their re-use tells that one was stolen."
    )
    examples: ClassVar = {
        "purge_tokens": "what ended a week ago or earlier",
        "purge_tokens --dry-run": "only count it",
        "purge_tokens --min-age 2592000": "keep ended sessions for 30 days",
    }
    troubles: ClassVar = "the database failed; what was deleted until then stays deleted, run it again"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--min-age",
            type=seconds,
            default=int(KEPT.total_seconds()),
            metavar="SECONDS",
            help="spare what ended less than this ago (default: 604800, a week); never less than the lifetime of an "
            "access token and the 30 seconds in which a refresh may be repeated",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")

    def handle(self, *, min_age: int, dry_run: bool, **_options: Any) -> None:
        now = datetime.now(UTC)
        old = now - max(timedelta(seconds=min_age), least_age())
        sessions, theirs = self._run(
            "ended sessions", lambda step: purge_sessions(older_than=old, dry_run=dry_run, step=step)
        )
        long_ago = min(old, now - REMEMBERED)
        spent = self._run("tokens", lambda step: purge_tokens(older_than=long_ago, dry_run=dry_run, step=step))
        expired = self._run("expired rows", lambda step: purge_expired(now=now, dry_run=dry_run, step=step))
        events = self._run("security events", lambda step: purge_events(now=now, dry_run=dry_run, step=step))
        staff = StaffSession.objects.filter(expire_date__lt=now)
        staff_count = staff.count() if dry_run else staff.delete()[0]
        checkouts = purge_checkouts(older_than=old, dry_run=dry_run)
        would = "would be " if dry_run else ""
        self.stdout.write(
            f"{sessions} ended sessions with {theirs} tokens, {spent} spent tokens of others, {staff_count} sessions "
            f"of staff, {expired} links and requests that expired, {events} security events and {checkouts} begun "
            f"checkouts {would}deleted"
        )

    def _run(self, what: str, job: Callable[[Callable[[int], None]], Any]) -> Any:
        with Progress(sys.stderr, what) as progress:
            return job(progress.step)
