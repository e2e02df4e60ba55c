"""What batches need by the clock."""

import logging
from uuid import UUID

from django.conf import settings
from django.db.models import Case, Count, F, IntegerField, Max, Min, Q, Value, When

from adiuva.api.errors import InvalidToken
from adiuva.jobs import Retry, is_stopping, job, schedule
from agents.batches import activation, due
from agents.batches.models import Batch, BatchState
from billing.entitlements import tier_in_sql
from billing.tiers import TIERS

logger = logging.getLogger(__name__)

UNLIMITED = 2**31 - 1


@job(name="batches.tell_due", retry=Retry(tries=1))
def tell_due() -> None:
    """Hints of what is due, to open sockets. Tried once: the next one comes within a minute."""
    told = due.tell_due()
    if told:
        logger.info("devices are told of due batches", extra={"count": told})


@job(name="batches.reconcile_tiers", retry=Retry(tries=1))
def reconcile_tiers() -> None:
    """Suspends and wakes where a tier has changed and nobody has asked since. Whoever asks sees to it by themselves."""
    changed = 0
    for user_id in _users_to_reconcile():
        if is_stopping():
            break
        try:
            with activation.lock_account(user_id) as user:
                activation.settle(user)
        except InvalidToken:
            continue  # the account is closed
        changed += 1
    if changed:
        logger.info("batches follow their owners' tiers", extra={"count": changed})


def _users_to_reconcile() -> list[UUID]:
    limited = [When(tier=tier, then=Value(most.batch_active)) for tier, most in TIERS.items() if most.batch_active]
    suspended = Q(state=BatchState.SUSPENDED)
    by_user = (
        Batch.objects.exclude(state=BatchState.PAUSED)
        .order_by()
        .annotate(tier=tier_in_sql("user__"))
        .annotate(most=Case(*limited, default=Value(UNLIMITED), output_field=IntegerField()))
        .values("user_id", "most")
        .annotate(
            active=Count("id", filter=Q(state=BatchState.ACTIVE)),
            least=Min("suspended_at_limit", filter=suspended),
            greatest=Max("suspended_at_limit", filter=suspended),
        )
    )
    differ = by_user.filter(Q(active__gt=F("most")) | Q(least__lt=F("most")) | Q(greatest__gt=F("most")))
    return list(differ.values_list("user_id", flat=True))


# Without Redis no process can reach another one's sockets: a worker would tell nobody, and take it for done.
schedule("* * * * *", tell_due, in_server=not settings.REDIS_URL)
schedule("*/10 * * * *", reconcile_tiers)
