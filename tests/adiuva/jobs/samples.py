"""Jobs to test queues with: each says what it does in a file, which any process can read."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

from adiuva.jobs import Retry, enqueue, is_stopping, job

QUICK = Retry(tries=10, first_seconds=0.02, factor=1.5, longest_seconds=0.2)
DIARY = "SAMPLE_DIARY"


def note(word: str) -> None:
    """A line of its own, also where several processes write."""
    with Path(os.environ[DIARY]).open("a") as file:
        file.write(f"{word}\n")


def notes() -> list[str]:
    diary = Path(os.environ[DIARY])
    return diary.read_text().split() if diary.exists() else []


def beginnings(word: str) -> list[int]:
    """The processes that began to ``hold``."""
    return [int(note.rpartition("-")[2]) for note in notes() if note.startswith(f"{word}-begins-")]


@job(name="sample.write", retry=QUICK)
def write(*, word: str) -> None:
    note(word)


@job(name="sample.tick")
def tick() -> None:
    note(f"tick-{int(time.time())}")


@job(name="sample.fail", retry=QUICK)
def fail(*, secret: str, times: int = 1000) -> None:
    """Fails ``times`` times, quoting what must not be in a log."""
    note(f"try-{time.monotonic()}")
    if len(notes()) <= times:
        raise RuntimeError(f"refused by {secret[::-1]}")


@job(name="sample.fail_slowly")
def fail_slowly() -> None:
    """With the pauses of production."""
    raise RuntimeError


@job(name="sample.give_up", retry=Retry(tries=1))
def give_up() -> None:
    raise RuntimeError


@job(name="sample.hold", retry=QUICK)
def hold(*, word: str, gate: str) -> None:
    """Until there is a file called ``gate``, or the process wants to end and the word is ``polite``."""
    note(f"{word}-begins-{os.getpid()}")
    ends = time.monotonic() + 600
    while not Path(gate).exists() and time.monotonic() < ends:
        time.sleep(0.01)
        if is_stopping() and word == "polite":
            break
    note(f"{word}-ends")


@job(name="sample.chain")
def chain(*, left: int) -> None:
    note(f"chain-{left}")
    if left:
        enqueue(chain, left=left - 1)


@job(name="sample.read_in_a_thread")
def read_in_a_thread() -> None:
    """As stores of blobs do, when the command that wanted it has nothing else to do."""
    note("reads")
    threading.main_thread().join(timeout=0.3)
    asyncio.run(asyncio.to_thread(note, "has-read"))


@job(name="sample.return_and_fail", retry=QUICK)
def return_and_fail() -> None:
    """The first run queues another one like it, and fails."""
    note("runs")
    if len(notes()) == 1:
        enqueue(return_and_fail)
        raise RuntimeError


@job(name="sample.kill", retry=Retry(tries=3, first_seconds=0.02, longest_seconds=0.02))
def kill() -> None:
    """Takes its process with it, as one that needs all memory does."""
    note("kills")
    os.kill(os.getpid(), signal.SIGKILL)


@job(name="sample.slow_lane", queue="slow")
def slow_lane(*, word: str) -> None:
    note(word)


@job(name="sample.count_users")
def count_users() -> None:
    from accounts.models import User

    note(str(User.objects.count()))


@job(name="sample.write_with_pid", retry=QUICK)
def write_with_pid(*, word: str) -> None:
    time.sleep(0.02)
    note(f"{word}-{os.getpid()}")
