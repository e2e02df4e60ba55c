"""What chat does by the clock."""

import logging

from adiuva.jobs import job, schedule
from chat.budgets import ledger

logger = logging.getLogger(__name__)


@job(name="chat.free_reservations")
def free_reservations() -> None:
    """Gives back what turns have reserved whose process died; who asks a model before gets theirs at once."""
    freed = sum(ledger.free_lapsed(user_id) for user_id in ledger.users_with_lapsed())
    if freed:
        logger.warning("turns ended without settling what they had reserved", extra={"count": freed})


schedule("50 * * * *", free_reservations)
