"""The broadcast of one process: from any thread to the event loop that listens."""

import asyncio
import threading
import time

from adiuva.broadcast.memory import MemoryBroadcast
from adiuva.broadcast.port import Message


class Listening:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[Message, int]] = asyncio.Queue()

    def on_message(self, message: Message) -> None:
        self.heard.put_nowait((message, threading.get_ident()))

    def on_gap(self) -> None:
        raise AssertionError("nothing is lost in memory")


async def test_a_message_of_another_thread_comes_on_the_loop_that_listens() -> None:
    broadcast, listening = MemoryBroadcast(), Listening()
    await broadcast.subscribe("one", listening)

    await asyncio.to_thread(broadcast.publish, "one", {"n": 1})
    await asyncio.to_thread(broadcast.publish, "two", {"n": 2})

    assert await listening.heard.get() == ({"n": 1}, threading.get_ident())
    await broadcast.unsubscribe("one")
    await asyncio.to_thread(broadcast.publish, "one", {"n": 3})
    await asyncio.sleep(0)
    assert listening.heard.empty()


def test_a_message_that_nobody_hears_costs_no_more_than_a_few_calls() -> None:
    """Every commit of a record makes one: beside it, the best of a few runs of as many dictionary look-ups."""
    broadcast, nothing, rounds = MemoryBroadcast(), dict[str, int](), range(10_000)

    def publish() -> float:
        started = time.perf_counter()
        for _ in rounds:
            broadcast.publish("one", {"n": 1})
        return time.perf_counter() - started

    def look_up() -> float:
        started = time.perf_counter()
        for _ in rounds:
            nothing.get("one")
        return time.perf_counter() - started

    assert min(publish() for _ in range(5)) < 20 * min(look_up() for _ in range(5))


def test_a_loop_that_has_ended_is_no_trouble() -> None:
    broadcast = MemoryBroadcast()
    asyncio.run(broadcast.subscribe("one", Listening()))
    broadcast.publish("one", {"n": 1})
