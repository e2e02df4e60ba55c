"""The broadcast of several processes, by Redis's pub/sub: a channel a topic, one connection a process to listen with.

Only the processes that listen to a topic get its messages, however many others there are.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from redis import BlockingConnectionPool
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from adiuva.background import spawn
from adiuva.broadcast.port import Listener, Message
from adiuva.db.circuit_breaker import PROBE_SECONDS, CircuitBreaker
from adiuva.observability.metrics import BROADCASTS_LOST

logger = logging.getLogger(__name__)

PUBLISH_SECONDS = 0.25  # each for a free connection, for connecting and for an answer
MOST_CONNECTIONS = 32
LISTEN_SECONDS = 2.0  # for connecting and subscribing
SILENT_SECONDS = 15.0  # then Redis is asked whether it is there: a host that vanishes says nothing
PAUSE_SECONDS = 0.5
_TOPICS_AT_ONCE = 500
_CHANNEL = "adiuva:topic:"


class RedisBroadcast:
    """``subscribe`` and ``unsubscribe`` belong to one event loop at a time; another may follow when nothing listens."""

    def __init__(self, url: str) -> None:
        self._url = url
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=PUBLISH_SECONDS,
            socket_connect_timeout=PUBLISH_SECONDS,
            socket_timeout=PUBLISH_SECONDS,
            # Once, for a connection that Redis dropped while it lay in the pool.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        self._redis = SyncRedis(connection_pool=pool)
        self._breaker = CircuitBreaker(without="open sockets learn late of what happens")
        self._subscription: _Subscription | None = None

    def publish(self, topic: str, message: Message) -> None:
        ticket = self._breaker.acquire()
        if ticket is None:
            BROADCASTS_LOST.inc()
            return
        try:
            self._redis.publish(_CHANNEL + topic, json.dumps(message, separators=(",", ":")))
        except RedisError as error:
            # Redis's own words may quote its URL, which holds a password.
            self._breaker.record_failure(ticket, type(error).__name__)
            BROADCASTS_LOST.inc()
        else:
            self._breaker.record_answer(ticket)

    async def subscribe(self, topic: str, listener: Listener) -> None:
        if self._subscription is None:
            self._subscription = _Subscription(self._url)
        await self._subscription.add(topic, listener)

    async def unsubscribe(self, topic: str) -> None:
        subscription = self._subscription
        if subscription is None:
            return
        if await subscription.remove(topic) and subscription is self._subscription:
            self._subscription = None
            subscription.stop()


class _Subscription:
    """The topics of this process, and the connection that listens to them: as soon as Redis lets it, until ``stop``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._listeners: dict[str, Listener] = {}
        self._heard: set[str] = set()  # topics whose messages come
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._channel: PubSub | None = None
        self._is_away = False
        self._settling: asyncio.TimerHandle | None = None
        self._task = spawn(self._listen())

    def stop(self) -> None:
        self._task.cancel()
        if self._settling is not None:
            self._settling.cancel()

    async def add(self, topic: str, listener: Listener) -> None:
        self._listeners[topic] = listener
        if topic in self._heard:
            return
        if self._is_away:  # a handshake does not wait for a Redis that was away a moment ago
            # But `_listen` may be connected already, and have said which topics there were before this one.
            await self._write("subscribe", topic)
            return
        awaited = self._awaited.get(topic)
        if awaited is None:
            awaited = self._awaited[topic] = asyncio.get_running_loop().create_future()
            await self._write("subscribe", topic)
        await asyncio.wait([awaited], timeout=LISTEN_SECONDS)
        if not awaited.done():
            self._awaited.pop(topic, None)

    async def remove(self, topic: str) -> bool:
        """Whether nothing is listened to any more."""
        self._listeners.pop(topic, None)
        self._heard.discard(topic)
        awaited = self._awaited.pop(topic, None)
        if awaited is not None:
            awaited.set_result(None)
        if not self._listeners:
            return True
        await self._write("unsubscribe", topic)
        return not self._listeners

    async def _write(self, command: Literal["subscribe", "unsubscribe"], topic: str) -> None:
        channel = self._channel
        if channel is None:
            return  # `_listen` subscribes to all that there is as soon as it is connected
        with suppress(RedisError, OSError):  # `_listen` notices as well, and begins anew
            await getattr(channel, command)(_CHANNEL + topic)

    async def _listen(self) -> None:
        while True:
            try:
                async with _client(self._url) as client, client.pubsub() as channel:
                    await channel.connect()
                    self._channel = channel
                    channels = [_CHANNEL + topic for topic in self._listeners]
                    for start in range(0, len(channels), _TOPICS_AT_ONCE):
                        await channel.subscribe(*channels[start : start + _TOPICS_AT_ONCE])
                    await self._read(channel)
            except (RedisError, OSError) as error:
                self._lose(error)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self, channel: PubSub) -> None:
        was_asked = False
        while True:
            message = await channel.get_message(timeout=SILENT_SECONDS)
            if message is None:
                if was_asked:
                    raise RedisConnectionError("no answer")
                await channel.ping()
                was_asked = True
                continue
            was_asked = False
            topic = str(message["channel"]).removeprefix(_CHANNEL)
            if message["type"] == "subscribe":
                self._begin(topic)
            elif message["type"] == "message":
                self._deliver(topic, message["data"])

    def _begin(self, topic: str) -> None:
        """Messages of ``topic`` come from now on."""
        if self._is_away:
            self._is_away = False
            logger.info("Redis answers again: open sockets hear at once of what happens")
            # Who publishes tries once a second in an outage: until then messages are lost as well.
            self._settling = asyncio.get_running_loop().call_later(2 * PROBE_SECONDS, self._tell_of_gap)
        if topic in self._heard or topic not in self._listeners:
            return
        self._heard.add(topic)
        awaited = self._awaited.pop(topic, None)
        if awaited is not None:
            awaited.set_result(None)
        else:
            _call(self._listeners[topic].on_gap)

    def _tell_of_gap(self) -> None:
        for listener in tuple(self._listeners.values()):
            _call(listener.on_gap)

    def _deliver(self, topic: str, data: str) -> None:
        listener = self._listeners.get(topic)
        if listener is not None:
            _call(lambda: listener.on_message(json.loads(data)))

    def _lose(self, error: Exception) -> None:
        self._channel = None
        self._heard.clear()
        for awaited in self._awaited.values():
            awaited.set_result(None)
        self._awaited.clear()
        if not self._is_away:
            self._is_away = True
            logger.warning(
                "Redis cannot be listened to: open sockets learn late of what happens",
                extra={"error": type(error).__name__},
            )


def _call(function: Callable[[], None]) -> None:
    try:
        function()
    except Exception:
        # For instance a message of another version, during an upgrade. Those after it are read all the same.
        logger.exception("a broadcast message is not understood")


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=LISTEN_SECONDS,
        socket_timeout=LISTEN_SECONDS,
        # Without retries: what was said while the connection was away is lost, and that has to be known.
        retry=AsyncRetry(NoBackoff(), 0),
    )
