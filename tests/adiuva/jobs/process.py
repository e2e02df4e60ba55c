"""`python -m tests.adiuva.jobs.process TIMES work …`: a worker that knows the sample jobs.

Of the schedule it knows the queue's own housekeeping: what the apps have missed on an empty database would wait beside
the samples. TIMES is a JSON object of what is set in ``adiuva.jobs.procrastinate.library``, and ``TICK``: a schedule
for the sample that ticks. `put` instead of `work …` queues what each line of stdin names: [name, arguments].
"""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")

import django

django.setup()

from django.core.management import execute_from_command_line
from django.db import transaction

from adiuva.jobs import get_queue, registry, schedule
from adiuva.jobs.procrastinate import library
from adiuva.jobs.registry import get_job, load
from tests.adiuva.jobs import samples

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    load()
    for name in [entry.job.name for entry in registry.list_scheduled() if not entry.job.name.startswith("adiuva.")]:
        del registry._schedule[name]
    if "TICK" in given:
        schedule(given.pop("TICK"), samples.tick)
    for name, value in given.items():
        assert hasattr(library, name)
        setattr(library, name, value)
    if sys.argv[2] == "put":
        with transaction.atomic():
            for line in sys.stdin:
                job, arguments = json.loads(line)
                get_queue().put(get_job(job), arguments)
    else:
        execute_from_command_line(["manage.py", *sys.argv[2:]])
