"""The broadcast over a Redis of the test's own, which goes away and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.asyncio.client import PubSub

from adiuva.broadcast.port import Message
from adiuva.broadcast.redis import RedisBroadcast
from tests.support.redis_server import RedisServer


class Listening:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.gaps = 0

    def on_message(self, message: Message) -> None:
        self.messages.append(message)

    def on_gap(self) -> None:
        self.gaps += 1


@pytest.fixture
async def broadcast(redis_server: RedisServer) -> AsyncIterator[RedisBroadcast]:
    made = RedisBroadcast(redis_server.url)
    yield made
    for topic in ("one", "two", "three"):
        await made.unsubscribe(topic)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)


async def test_messages_of_a_topic_come_in_order_to_who_listens_to_it(
    broadcast: RedisBroadcast, redis_server: RedisServer
) -> None:
    elsewhere = RedisBroadcast(redis_server.url)  # another process
    one, two = Listening(), Listening()
    await asyncio.gather(broadcast.subscribe("one", one), broadcast.subscribe("two", two))

    def publish() -> None:
        for number in range(20):
            elsewhere.publish("one", {"n": number})
        elsewhere.publish("nobody's", {"n": 0})
        broadcast.publish("two", {"n": "own"})

    await asyncio.to_thread(publish)
    await until(lambda: two.messages and len(one.messages) == 20)

    assert [message["n"] for message in one.messages] == list(range(20))
    assert two.messages == [{"n": "own"}]
    await broadcast.unsubscribe("one")
    await asyncio.to_thread(elsewhere.publish, "one", {"n": 20})
    await asyncio.to_thread(elsewhere.publish, "two", {"n": "last"})
    await until(lambda: len(two.messages) == 2)
    assert len(one.messages) == 20
    assert one.gaps == two.gaps == 0


async def test_who_comes_and_goes_at_once_listens_in_the_end(broadcast: RedisBroadcast) -> None:
    kept, listening = Listening(), Listening()
    await broadcast.subscribe("one", kept)
    for _ in range(20):
        leaving = asyncio.create_task(broadcast.unsubscribe("two"))
        await asyncio.sleep(0)
        await broadcast.subscribe("two", listening)
        await leaving

    await asyncio.to_thread(broadcast.publish, "two", {"n": 1})
    await until(lambda: listening.messages)


@pytest.mark.thorough
async def test_after_an_outage_each_listener_is_told_of_the_gap_and_hears_again(
    broadcast: RedisBroadcast, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    one, two, late = Listening(), Listening(), Listening()
    await broadcast.subscribe("one", one)
    await broadcast.subscribe("two", two)
    redis_server.stop()
    await until(lambda: "cannot be listened to" in caplog.text)
    await broadcast.subscribe("three", late)  # does not wait for Redis
    await asyncio.to_thread(broadcast.publish, "one", {"n": "lost"})
    redis_server.start()
    await until(lambda: one.gaps and two.gaps and late.gaps)

    assert (one.gaps, two.gaps, late.gaps) == (1, 1, 1)
    await until(lambda: _published(broadcast, one))
    # Whatever the publisher has dropped before it tried again is a gap, too.
    await until(lambda: one.gaps == two.gaps == late.gaps == 2)

    assert {"n": "lost"} not in one.messages
    assert caplog.text.count("cannot be listened to") == 1
    assert "open-sesame" not in caplog.text


async def test_who_comes_while_the_topics_are_said_again_is_heard_too(
    broadcast: RedisBroadcast, redis_server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    await broadcast.subscribe("one", Listening())
    redis_server.stop()
    await until(lambda: "cannot be listened to" in caplog.text)
    late = Listening()
    subscribe = PubSub.subscribe

    async def subscribe_slowly(channel: PubSub, *channels: Any) -> None:
        monkeypatch.setattr(PubSub, "subscribe", subscribe)
        await broadcast.subscribe("two", late)
        await subscribe(channel, *channels)

    monkeypatch.setattr(PubSub, "subscribe", subscribe_slowly)
    redis_server.start()

    await until(lambda: late.gaps)
    await until(lambda: _published(broadcast, late, topic="two"))


def _published(broadcast: RedisBroadcast, listening: Listening, topic: str = "one") -> bool:
    """The publisher tries once a second."""
    broadcast.publish(topic, {"n": "again"})
    return bool(listening.messages)


async def test_a_redis_that_hangs_holds_nobody_up_for_long(redis_server: RedisServer) -> None:
    broadcast = RedisBroadcast(redis_server.url)
    broadcast.publish("one", {})  # a connection that was good
    redis_server.hang()
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: broadcast.publish("one", {"n": number}), range(400)))
    seconds = time.monotonic() - started
    redis_server.wake()

    assert seconds < 5  # 400 times a quarter of a second, without the circuit breaker
