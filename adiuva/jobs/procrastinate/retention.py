"""How long ended jobs are kept: long enough to be looked at.

It is also what keeps the schedule from being empty: procrastinate watches its heartbeats only while it follows one.
"""

from asgiref.sync import async_to_sync
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager

from adiuva.jobs.registry import job, schedule

DONE_HOURS = 24
FAILED_HOURS = 30 * 24


@job(name="adiuva.forget_ended_jobs")
def forget_ended_jobs() -> None:
    delete = async_to_sync(JobManager(DjangoConnector()).delete_old_jobs)
    delete(nb_hours=DONE_HOURS)
    delete(nb_hours=FAILED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True)


schedule("17 * * * *", forget_ended_jobs)
