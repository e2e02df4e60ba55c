from typing import Any, ClassVar

from accounts.restores import forget_what_waited
from adiuva.commands import OperatorCommand
from storage.epochs import begin_epoch


class Command(OperatorCommand):
    help = (
        "Begins a new epoch of the change feeds. To be run whenever the database has gone back to an older state in "
        "another way than by scripts/restore.sh, which does it itself: point-in-time recovery, a snapshot of the disk, "
        "a replica that lagged behind. Every device then reads the feed once more from its beginning (410 "
        "resync_required, restored) and sends again what the service has lost. Mails that have waited for more than a "
        "day are dropped, and links in mails that were not used (but those that undo a change of address) and logins "
        "that wait for their second step are void, and invitations are withdrawn. Run without need it costs devices "
        "that reading, people who were about to follow a link another mail, and organisations another invitation; "
        "servers may run meanwhile."
    )
    examples: ClassVar = {"new_epoch": "after the database came back, before devices do"}
    troubles: ClassVar = "the database failed; run it again"

    def handle(self, **_options: Any) -> None:
        forgotten = forget_what_waited()
        row = begin_epoch()
        self.stdout.write(f"epoch {row.epoch} has begun: every device reads the change feed once more")
        self.stdout.write(
            f"{forgotten.mails} old mails are dropped, {forgotten.links} links of mails and {forgotten.logins} logins "
            f"without their second step are void, {forgotten.invitations} invitations are withdrawn"
        )
