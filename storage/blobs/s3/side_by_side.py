"""Requests that go out side by side: S3 takes tens of milliseconds for each, and hundreds at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

IN_FLIGHT = 16

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def run_side_by_side(ask: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """What ``ask`` says to each, in their order. ``items`` are taken in this thread, no more of them ahead than can be
    in flight; the first exception ends it, and what is in flight then is waited for.
    """
    waiting: deque[Future[Answer]] = deque()
    senders = ThreadPoolExecutor(max_workers=IN_FLIGHT, thread_name_prefix="s3-many")
    try:
        for item in items:
            if len(waiting) == IN_FLIGHT:
                yield waiting.popleft().result()
            waiting.append(senders.submit(ask, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        senders.shutdown(wait=True, cancel_futures=True)
