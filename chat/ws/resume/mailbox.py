"""How the processes find each other's resumable turns: Redis holds which process has a turn, and carries letters.

Letters are JSON over pub/sub, so nothing of an answer is ever stored there.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from adiuva.background import spawn

logger = logging.getLogger(__name__)

Letter = dict[str, Any]

TIMEOUT_SECONDS = 2.0
TROUBLED_SECONDS = 10.0
RENEW_SECONDS = 20.0  # in case Redis has forgotten who has a turn
CLAIMING_SECONDS = 1.0  # on the network of one it takes a millisecond
CLAIM_SECONDS = 120.0  # after which a killed process is known to have nothing
_KEY = "adiuva:turn:{}"
_PAUSE_SECONDS = 0.5


class Mailbox:
    """Of one process; open while somebody holds it, under a new ``address`` each time. Belongs to one event loop.

    Its methods raise ``OSError`` when Redis is away.
    """

    def __init__(self) -> None:
        self.address = ""
        self.recipients: dict[str, Callable[[Letter], None]] = {}
        self._holders = 0
        self._troubled_at = -TROUBLED_SECONDS
        self._opening: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._redis: Redis | None = None
        self._claims: dict[str, asyncio.Task[None]] = {}

    @property
    def is_troubled(self) -> bool:
        """Redis was away a moment ago: letters may be lost, and others may not be listening again yet."""
        return time.monotonic() - self._troubled_at < TROUBLED_SECONDS

    async def hold(self) -> None:
        """Every successful ``hold`` needs a ``let_go``."""
        self._holders += 1
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
        opening = self._opening
        try:
            await asyncio.shield(opening)
        except BaseException:
            await self.let_go()
            raise

    async def let_go(self) -> None:
        self._holders -= 1
        if self._holders or self._opening is None:
            return
        tasks = [task for task in (self._opening, self._listening, self._renewing) if task is not None]
        self._opening = self._listening = self._renewing = None
        client, self._redis = self._redis, None
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if client is not None:
            await client.aclose()

    async def send(self, address: str, letter: Letter) -> bool:
        """False when nobody is at that address any more."""
        try:
            return bool(await self._opened().publish(address, json.dumps(letter)))
        except RedisError as error:
            self._troubled_at = time.monotonic()
            raise ConnectionError(type(error).__name__) from error

    def claim(self, turn_id: str) -> None:
        """Let the other processes know, soon and until its ``release``, that this one has the turn."""
        self._claims[turn_id] = asyncio.get_running_loop().create_task(self._claim(turn_id))

    async def wait_for_claim(self, turn_id: str) -> None:
        """Until the others know it, at most ``CLAIMING_SECONDS``."""
        claim = self._claims.get(turn_id)
        if claim is not None:
            await asyncio.wait([claim], timeout=CLAIMING_SECONDS)

    async def release(self, turn_id: str) -> None:
        """Nothing where it was not claimed."""
        claim = self._claims.pop(turn_id, None)
        if claim is None:
            return
        await asyncio.wait([claim])
        if not _holds(claim):
            return
        try:
            await self._opened().delete(_KEY.format(turn_id))
        except RedisError:
            logger.info("a resumable turn stays known until its time is over")
        finally:
            await self.let_go()

    async def find(self, turn_id: str) -> str | None:
        """The address of the process that has the turn, as far as anybody knows."""
        try:
            found = await self._opened().get(_KEY.format(turn_id))
        except RedisError as error:
            raise ConnectionError(type(error).__name__) from error
        return None if found is None else str(found)

    async def _claim(self, turn_id: str) -> None:
        try:
            await self.hold()
        except OSError as error:
            _warn("a turn can be resumed in this process only", error)
            raise
        try:
            await self._announce(turn_id)
        except BaseException:
            await self.let_go()
            raise

    async def _announce(self, *turn_ids: str) -> None:
        """That this process has them. What Redis does not hear now, it is told with the next renewal."""
        try:
            async with self._opened().pipeline(transaction=False) as pipeline:
                for turn_id in turn_ids:
                    pipeline.set(_KEY.format(turn_id), self.address, ex=round(CLAIM_SECONDS))
                await pipeline.execute()
        except RedisError as error:
            _warn("turns can be resumed in their own process only", error)

    async def _renew(self) -> None:
        await self._announce(*[turn_id for turn_id, claim in self._claims.items() if claim.done() and _holds(claim)])

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._renew()

    async def _open(self) -> None:
        self.address = f"adiuva:turns:{uuid4().hex}"
        self._redis = _client(retries=1)  # for a connection that Redis dropped while it lay in the pool
        ready = asyncio.Event()
        self._listening = spawn(self._listen(self.address, ready))
        self._renewing = spawn(self._keep_renewing())
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await ready.wait()

    async def _listen(self, address: str, ready: asyncio.Event) -> None:
        while True:
            try:
                # Without retries: what was said while the connection was away is lost, and that has to be known.
                async with _client(retries=0) as client, client.pubsub() as channel:
                    await channel.subscribe(address)
                    while True:
                        message = await channel.get_message(timeout=None)
                        if message is not None and message["type"] == "message":
                            self._deliver(json.loads(message["data"]))
                        elif message is not None:
                            ready.set()  # subscribed
                            await self._renew()  # a Redis that is back may be an empty one
            except (RedisError, OSError) as error:
                self._troubled_at = time.monotonic()
                _warn("resumed turns of other processes wait", error)
            await asyncio.sleep(_PAUSE_SECONDS)

    def _opened(self) -> Redis:
        if self._redis is None:
            raise ConnectionError("the mailbox is closed")
        return self._redis

    def _deliver(self, letter: Letter) -> None:
        """A letter to somebody who has left is late."""
        recipient = self.recipients.get(letter["to"])
        try:
            if recipient is not None:
                recipient(letter)
        except Exception:
            # For instance one of another version, during an upgrade. Those after it are read all the same.
            logger.exception("a letter about a resumed turn is not understood")


def _holds(claim: asyncio.Task[None]) -> bool:
    return not claim.cancelled() and claim.exception() is None


def _client(*, retries: int) -> Redis:
    return Redis.from_url(
        str(settings.REDIS_URL),
        decode_responses=True,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), retries),
    )


def _warn(consequence: str, error: Exception) -> None:
    logger.warning("Redis fails: %s", consequence, extra={"error": type(error).__name__})


mailbox = Mailbox()
