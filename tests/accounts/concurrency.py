"""Real threads that start together, each with its own database connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

Result = TypeVar("Result")


def run_concurrently(*jobs: Callable[[], Result]) -> list[Result]:
    """What each job returned, in their order."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Result]) -> Result:
        start.wait(timeout=120)
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))
