"""What storage does by the clock; ``manage.py reap_storage`` and ``verify_blobs`` do the same by hand."""

import logging
from datetime import UTC, datetime, timedelta

from adiuva.api.errors import Problem
from adiuva.jobs import Retry, job, schedule
from storage.maintenance import Tally
from storage.maintenance.integrity_check import IntegrityTally, check_integrity
from storage.maintenance.reaping import LEAST_AGE, TOMBSTONE_AGE, reaping_steps
from storage.uploads.service import drop_expired
from storage.versions import pruning

logger = logging.getLogger(__name__)

VERIFY_SECONDS = 3600.0  # a night


class Unfinished(Exception):  # noqa: N818 - what the log says, by its name
    """Something could not be done: the lines before this one say what."""


@job(name="storage.reap", retry=Retry(tries=3, first_seconds=600))
def reap_storage() -> None:
    """Removes what nothing refers to, and sets counters right. Raises ``Unfinished``, also beside a backup: then it is
    tried again.
    """
    now = datetime.now(UTC)
    tally = Tally(say=_ignore, step=_ignore)
    for what, step in reaping_steps(
        older_than=now - LEAST_AGE, tombstones_older_than=now - TOMBSTONE_AGE, dry_run=False, tally=tally
    ):
        try:
            step()
        except Problem as problem:
            logger.warning("storage could not be put in order", extra={"step": what, "detail": problem.detail})
            tally.failures += 1
    if tally.failures:
        raise Unfinished


@job(name="storage.verify_blobs", retry=Retry(tries=3, first_seconds=600))
def verify_blobs() -> None:
    """Reads blobs for an hour, the longest unread first. Damage is a line of the log at ERROR, every night until it is
    mended; to look again at once would find the same. Raises ``StoreUnavailableError``.
    """
    before = datetime.now(UTC) - timedelta(seconds=VERIFY_SECONDS)
    check_integrity(before=before, max_seconds=VERIFY_SECONDS, tally=IntegrityTally(say=_ignore, step=_ignore))


@job(name="storage.prune_versions")
def prune_versions() -> None:
    """Earlier states of records that are older, or more, than their user keeps."""
    dropped = pruning.prune_versions()
    if dropped:
        logger.info("earlier states of records are no longer kept", extra={"count": dropped})


@job(name="storage.expire_uploads", retry=Retry(tries=3, first_seconds=600))
def expire_uploads() -> None:
    """Drops the resumable uploads whose day is over, and releases what they had reserved."""
    drop_expired()


def _ignore(_told: object) -> None:
    """Nobody watches a job, and what is told is logged as well."""


schedule("10 3 * * *", reap_storage)
schedule("20 3 * * *", verify_blobs)
schedule("27 * * * *", prune_versions)
schedule("40 * * * *", expire_uploads)
