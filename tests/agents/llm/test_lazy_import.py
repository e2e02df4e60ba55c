"""A chat that arrives before ``preload`` is done: the SDK is imported beside the event loop.

The import takes several seconds, in which the loop goes on but for what the interpreter itself holds it up.
"""

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, os, sys, threading, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from agents.llm import factory

async def main():
    longest, stopped = 0.0, asyncio.Event()
    async def watch():
        nonlocal longest
        while not stopped.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - before)
    watching = asyncio.create_task(watch())
    assert "litellm" not in sys.modules
    if sys.argv[1] == "beside":
        threading.Thread(target=factory.preload).start()
        await asyncio.sleep(0.2)
    await factory._load_client(offline=False)
    assert "litellm" in sys.modules
    stopped.set()
    await watching
    print(longest)

asyncio.run(main())
"""


def longest_stop(way: str) -> float:
    done = subprocess.run([sys.executable, "-c", SCRIPT, way], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@pytest.mark.slow
def test_the_first_call_does_not_stop_the_loop() -> None:
    assert longest_stop("first") < 2.5


@pytest.mark.slow
def test_a_call_during_preload_does_not_stop_the_loop() -> None:
    assert longest_stop("beside") < 2.5
