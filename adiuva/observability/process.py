"""What a serving process says of itself: memory, CPU, how late its event loop is, its connections to the database."""

import asyncio
import os
import platform
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import connection
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import mark_process_dead

from adiuva.observability.metrics import (
    BUILD,
    DRAINING,
    LOOP_LAG,
    POOL,
    POOL_MAX,
    POOL_WAITING,
    REGISTRY,
    SHARED_FOLDER,
    WORKERS,
)
from adiuva.observability.probes import GaugeCollector

SAMPLE_SECONDS = 0.5
LAG_SECONDS = 30  # two usual scrapes: a moment's standstill shows in one of them


def start() -> None:
    """Begins to measure in this process; once, before it serves."""
    REGISTRY.register(GaugeCollector())
    REGISTRY.register(Processes())
    WORKERS.set(1)
    DRAINING.set(0)
    BUILD.labels(settings.VERSION, platform.python_version()).set(1)


async def sample() -> None:
    """For as long as the process serves: its lag and its pool, twice a second. The event loop is its own clock."""
    clock = asyncio.get_running_loop().time
    lags: deque[float] = deque(maxlen=int(LAG_SECONDS / SAMPLE_SECONDS))
    while True:
        due = clock() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        lags.append(max(0.0, clock() - due))
        LOOP_LAG.set(max(lags))
        sample_pool()


def sample_pool() -> None:
    """Nothing where there is no pool (SQLite)."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return
    stats = pool.get_stats()
    size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
    POOL.labels("idle").set(idle)
    POOL.labels("in_use").set(size - idle)
    POOL_MAX.set(stats.get("pool_max", 0))
    POOL_WAITING.set(stats.get("requests_waiting", 0))


class Processes:
    """A collector: the usual ``process_…`` numbers, summed over the server's processes (of start times the oldest)."""

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for pid in serving_processes():
            for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                first = merged.setdefault(metric.name, metric)
                if first is not metric:
                    mine, other = first.samples[0], metric.samples[0]
                    together = min if metric.name.endswith("start_time_seconds") else sum
                    first.samples[0] = mine._replace(value=together((mine.value, other.value)))
        yield from merged.values()

    def describe(self) -> list[Metric]:
        return []


def serving_processes() -> list[int]:
    """This process, or all workers; what one that died has left of itself is removed on the way."""
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        return [os.getpid()]
    living = []
    for file in Path(folder).glob("gauge_livesum_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if Path(f"/proc/{pid}").exists():
            living.append(pid)
        else:
            with suppress(FileNotFoundError):  # another worker was asked at the same moment
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
    return living
