"""Work of a store that is done side by side: S3 takes tens of milliseconds for a request, and many at once; a disk
syncs several files in little more time than one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def run_side_by_side(ask: Callable[[Item], Answer], items: Iterable[Item], *, at_once: int) -> Iterator[Answer]:
    """What ``ask`` says to each, in their order. ``items`` are taken in this thread, ``at_once`` of them at most before
    the first is done; the first exception ends it, and what is under way then is waited for.
    """
    waiting: deque[Future[Answer]] = deque()
    workers = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="blobs")
    try:
        for item in items:
            if len(waiting) == at_once:
                yield waiting.popleft().result()
            waiting.append(workers.submit(ask, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        workers.shutdown(wait=True, cancel_futures=True)
