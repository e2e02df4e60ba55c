"""What workers look after beside jobs: those of workers that died, and those that ended long ago.

A killed process leaves what it was doing ``doing``, and nobody would look at it again. Workers say now and then that
they live, and every worker looks for jobs of one that no longer does. Ended jobs are kept long enough to be looked at;
forgetting them is also what keeps the schedule from being empty, without which procrastinate watches no heartbeats.
"""

import logging
from datetime import UTC, datetime, timedelta

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from adiuva.jobs.execution import TryAgain, verdict
from adiuva.jobs.procrastinate import library
from adiuva.jobs.registry import job, schedule

logger = logging.getLogger(__name__)


class WorkerDied(Exception):  # noqa: N818 - what happened to the try
    """The process that ran the job is gone: killed, out of memory, or its machine is."""


def recover() -> int:
    """Gives the jobs of dead workers to the living ones; returns how many there were. Each counts as a failed try, so
    one that kills every worker ends as failed. Workers may do this at the same time: what one looks at is locked.
    """
    # By the clock that the heartbeats are written by: a worker's own may be ahead.
    long_ago = Now() - timedelta(seconds=library.STALE)
    with transaction.atomic():
        abandoned = list(
            ProcrastinateJob.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(Q(worker=None) | Q(worker__last_heartbeat__lt=long_ago), status="doing")
            .order_by("id")
        )
        for job in abandoned:
            _decide(job)
    return len(abandoned)


def _decide(job: ProcrastinateJob) -> None:
    manager = JobManager(DjangoConnector())
    what = verdict(job.task_name, job.args, WorkerDied(), failures=job.attempts)
    if not isinstance(what, TryAgain):
        async_to_sync(manager.finish_job_by_id_async)(job.id, Status.FAILED, delete_job=False)
        return
    try:
        with transaction.atomic():
            manager.retry_job_by_id(job.id, datetime.now(UTC) + timedelta(seconds=what.seconds))
    except UniqueViolation:  # its like waits, and will do
        async_to_sync(manager.finish_job_by_id_async)(job.id, Status.FAILED, delete_job=True)


DONE_HOURS = 24
FAILED_HOURS = 30 * 24


@job(name="adiuva.forget_ended_jobs")
def forget_ended_jobs() -> None:
    delete = async_to_sync(JobManager(DjangoConnector()).delete_old_jobs)
    delete(nb_hours=DONE_HOURS)
    delete(nb_hours=FAILED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True)


schedule("17 * * * *", forget_ended_jobs)
