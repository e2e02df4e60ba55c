"""What reviews put off: looking at what was submitted; writing to everybody who has a plugin that was taken down, or
whose live version was; and calling an operator where users report malware.
"""

from contextlib import suppress
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Value, When

from adiuva.jobs import Retry, enqueue, is_stopping, job, schedule
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review.mails import write_to_installers, write_to_installers_of_versions
from marketplace.review.reach.process import BusyError, analyse
from marketplace.review.reports import call_operator

MISSED_AT_ONCE: Final = 5  # each may take 20 seconds
_TO_LOOK_AT: Final = (PluginStatus.PENDING_REVIEW, PluginStatus.APPROVED)


@job(name="marketplace.tell_of_takedowns")
def tell_of_takedowns() -> None:
    """Of those whose users were not all written to yet."""
    write_to_installers()
    write_to_installers_of_versions()


@job(name="marketplace.analyse_submission", retry=Retry(tries=4))
def analyse_submission(*, version_id: str) -> None:
    """What a version's code reaches for; nothing where it is gone, withdrawn or was looked at, or where this process
    looks at another one. What is left is found by ``analyse_missed``.
    """
    version = PluginVersion.objects.filter(pk=version_id, reach__isnull=True, status__in=_TO_LOOK_AT).first()
    if version is not None:
        with suppress(BusyError):
            PluginVersion.objects.filter(pk=version_id).update(reach=analyse(version))


@job(name="marketplace.analyse_missed")
def analyse_missed() -> None:
    """A few of those that were submitted before there was anybody to look, or whose job was lost; what waits first."""
    urgent = Case(When(status=PluginStatus.PENDING_REVIEW, then=Value(0)), default=Value(1))
    missed = PluginVersion.objects.filter(reach__isnull=True, status__in=_TO_LOOK_AT).order_by(urgent, "submitted_at")
    for version_id in list(missed.values_list("pk", flat=True)[:MISSED_AT_ONCE]):
        if is_stopping():
            return
        analyse_submission(version_id=str(version_id))


def look_later(version: PluginVersion) -> None:
    """For the transaction of a submission."""
    enqueue(analyse_submission, version_id=str(version.pk))


@transaction.atomic
def look_again(version_id: UUID) -> None:
    """Until that is done, the version was not looked at."""
    PluginVersion.objects.filter(pk=version_id).update(reach=None)
    enqueue(analyse_submission, version_id=str(version_id))


schedule("*/10 * * * *", tell_of_takedowns, at_start=True)


@job(name="marketplace.tell_of_malware")
def tell_of_malware() -> None:
    call_operator()


schedule("*/5 * * * *", tell_of_malware)
schedule("* * * * *", analyse_missed, at_start=True)
