import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any, ClassVar

from django.core.management.base import CommandError

from adiuva.api.errors import Problem
from adiuva.commands import OperatorCommand, Progress
from billing.stripe.factory import get_gateway
from marketplace.models import Transfer, TransferStatus
from marketplace.payouts.accounts import refresh_waiting
from marketplace.payouts.transfers import Outcome, is_ready, open_transfers, run


class Command(OperatorCommand):
    help = (
        "Tries every transfer to developers that is open, and takes back what was refunded; safe beside running "
        "servers and beside itself, as a job does every five minutes. Nothing is ever paid twice. A payout to somebody "
        "who cannot be paid yet waits, which is no failure. Exit code 1 when a transfer failed."
    )
    examples: ClassVar = {
        "retry_transfers --dry-run": "only say what would be tried",
        "retry_transfers": "try it",
    }
    troubles: ClassVar = "a transfer failed, or Stripe does not answer; the next run tries again"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be tried")

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        try:
            gateway = get_gateway()
            if not dry_run:
                refresh_waiting(gateway)
        except Problem as problem:
            raise CommandError(f"nothing was tried: {problem.detail}") from None
        ids = list(open_transfers().values_list("pk", flat=True))
        outcomes: Counter[Outcome] = Counter()
        would = 0
        with Progress(sys.stderr, "transfers", total=len(ids)) as progress:
            say = progress.above(self.stdout.write)
            for transfer_id in ids:
                transfer = Transfer.objects.select_related("revenue_event", "reverses").filter(pk=transfer_id).first()
                if transfer is None or transfer.status == TransferStatus.DONE:
                    outcomes[Outcome.BUSY] += 1
                elif dry_run:
                    would += is_ready(transfer)
                    say(f"{_line(transfer)}: {'would be tried' if is_ready(transfer) else 'waits'}")
                else:
                    outcomes[run(transfer_id)] += 1
                    self._report(transfer, say=say)
                progress.step()
        if dry_run:
            self.stdout.write(f"{len(ids)} open, {would} would be tried")
            return
        self.stdout.write(
            f"{outcomes[Outcome.DONE]} done, {outcomes[Outcome.WAITING]} waiting, "
            f"{outcomes[Outcome.BUSY]} made elsewhere, {outcomes[Outcome.FAILED]} failed"
        )
        if outcomes[Outcome.FAILED]:
            raise CommandError(f"{outcomes[Outcome.FAILED]} transfers failed; see above")

    def _report(self, transfer: Transfer, *, say: Any) -> None:
        now = Transfer.objects.filter(pk=transfer.pk).first()
        if now is not None and now.status == TransferStatus.PENDING and now.last_failure:
            reason = f" ({now.last_reason})" if now.last_reason else ""
            say(f"{_line(now)}: failed {now.attempts} times, last with {now.last_failure}{reason}")


def _line(transfer: Transfer) -> str:
    return f"{transfer.pk} {transfer.amount_cents:+d} cents ({transfer.revenue_event.plugin_id})"
