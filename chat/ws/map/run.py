"""A map run on a WebSocket (docs/api.md § 14): asks for items, works on some side by side, tells what came of each."""

import asyncio
import logging
import time
from typing import Any

from channels.db import database_sync_to_async

from accounts.authentication import Identity
from adiuva.api.errors import Problem, QuotaExceeded, Unauthorized, UpstreamTimeout, UpstreamUnavailable
from adiuva.observability.metrics import MAP_ITEMS
from adiuva.server.drain import drain
from agents.batches.mapping.limits import MAP_LIMITS, limits_of
from agents.llm.meter import Meter
from agents.llm.port import Usage
from chat.budgets import open_meter
from chat.turns import measure_turn, problem_of
from chat.ws import frames
from chat.ws.cancelling import CancelScope
from chat.ws.frames import ToolResultFrame
from chat.ws.map import frames as map_frames
from chat.ws.map.admission import MapRequest, admit_map, review
from chat.ws.map.frames import ItemsFrame, MapFrame, MapItem, Tally
from chat.ws.map.intake import Intake
from chat.ws.map.item import ItemResult, NotBegunError, work_on
from chat.ws.turn import Outlet, SocketClosedError

logger = logging.getLogger(__name__)

ITEM_SECONDS = 30.0  # as for the answers of client tools
_OUTAGES_IN_A_ROW = 5
_MOST_AT_ONCE = max(limits.at_once for limits in MAP_LIMITS.values())


class SocketMap:
    """Call ``run`` once; ``cancel``, ``take`` and ``take_items`` may be called at any time meanwhile."""

    def __init__(
        self, frame: MapFrame, *, identity: Identity, outlet: Outlet, item_seconds: float = ITEM_SECONDS
    ) -> None:
        self._frame = frame
        self._identity = identity
        self._outlet = outlet
        self._item_seconds = item_seconds
        self._intake = Intake()
        self._tally = Tally()
        self._usage = Usage()
        self._outages = 0
        self._narrowed_to = _MOST_AT_ONCE
        self._ending: Problem | None = None
        self._scope = CancelScope()

    @property
    def outstanding(self) -> int:
        """How many items were asked for and have not come."""
        return self._intake.outstanding

    def take(self, answer: ToolResultFrame) -> None:
        """Items are worked on without client tools: it answers no call of this run."""

    def is_for(self, frame: ItemsFrame) -> bool:
        """False for items that another run on this socket had asked for: here they would be worked on by another
        instruction.
        """
        return frame.request_id in {None, self._frame.request_id}

    def take_items(self, frame: ItemsFrame) -> None:
        self._intake.put(frame)

    def cancel(self, own_id: str | None) -> None:
        """As ``SocketTurn.cancel``: every model call is closed, and nothing is told of the items they were for."""
        if own_id in {None, self._frame.request_id}:
            self._scope.cancel()

    async def run(self) -> None:
        """Send every frame of the run, the final one included. Raises what ``SocketTurn.run`` raises."""
        started = time.perf_counter()
        final = await self._final_frame()
        await self._send(final)
        logger.info(
            "map run ended",
            extra={
                "outcome": "cancelled" if "cancelled" in final else final.get("error", {}).get("code", "done"),
                "items": self._tally.done + self._tally.failed,
                "seconds": round(time.perf_counter() - started, 2),
            },
        )

    async def _final_frame(self) -> dict[str, Any]:
        try:
            async with self._scope:
                await self._admit_and_work()
        except (Unauthorized, SocketClosedError):
            raise
        except Exception as error:  # noqa: BLE001 - the socket survives whatever goes wrong in one run
            if self._scope.was_cancelled:
                return map_frames.done(self._tally, self._usage, cancelled=True)
            if error is not self._ending:
                return frames.error(problem_of(error))
        return map_frames.done(self._tally, self._usage, error=_body(self._ending))

    async def _admit_and_work(self) -> None:
        admission = database_sync_to_async(admit_map, thread_sensitive=False)
        identity, request = await admission(identity=self._identity, body=self._frame.body)
        self._identity = identity
        self._tally.total = request.total
        self._intake.open(request.total)
        forget = drain.on_drain(self._on_drain)
        if drain.draining:
            self._on_drain()
        try:
            with measure_turn("map"):
                await self._work(request)
                if self._tally.is_complete:
                    self._ending = None  # it came too late to end anything
                if self._ending is not None:
                    raise self._ending
        finally:
            forget()

    async def _work(self, request: MapRequest) -> None:
        """Until all that there will be is done. What still runs when this ends is closed."""
        running: dict[asyncio.Task[ItemResult], MapItem] = {}
        try:
            while True:
                await self._ask(request, running=len(running))
                while self._intake.is_waiting and len(running) < self._at_once:
                    item = self._intake.pop()
                    task = asyncio.create_task(self._run_item(item, request))
                    task.add_done_callback(lambda _: self._intake.wake.set())
                    running[task] = item
                if not running and self._intake.is_over():
                    return
                await self._wait_for_something(is_idle=not running)
                for task in [task for task in running if task.done()]:
                    await self._take_result(task, running.pop(task), others=len(running))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, request: MapRequest, *, running: int) -> None:
        """Each time the session and the tier are read again: raises ``InvalidToken`` where the session is over."""
        count = self._count_needed(running)
        if count and self._intake.has_asked:
            look = database_sync_to_async(review, thread_sensitive=False)
            try:
                self._identity = await look(identity=self._identity, request=request)
            except Unauthorized:
                raise
            except Exception as error:  # noqa: BLE001 - what is being worked on is finished all the same
                self._end(problem_of(error))
            count = self._count_needed(running)
        if count:
            self._intake.ask(count)
            await self._send(map_frames.need(count))

    @property
    def _at_once(self) -> int:
        return min(limits_of(self._identity.user).at_once, self._narrowed_to)

    def _count_needed(self, running: int) -> int:
        return self._intake.count_needed(at_once=self._at_once, running=running)

    async def _wait_for_something(self, *, is_idle: bool) -> None:
        """Raises what is wrong with what the client sent, and ``UpstreamTimeout`` where it sends nothing in time."""
        wake = self._intake.wake
        if self._intake.problem is None:
            try:
                async with asyncio.timeout(self._item_seconds if is_idle else None):
                    await wake.wait()
            except TimeoutError:
                self._end(UpstreamTimeout(f"No item came within {self._item_seconds:g} seconds."))
        wake.clear()
        if self._intake.problem is not None:
            raise self._intake.problem

    async def _run_item(self, item: MapItem, request: MapRequest) -> ItemResult:
        user = self._identity.user
        meter = open_meter(user, provider=request.choice.provider)
        try:
            return await work_on(item, request=request, user=user, meter=meter)
        finally:
            self._count(meter)

    def _count(self, meter: Meter) -> None:
        spent, before = meter.usage, self._usage
        self._usage = Usage(before.input_tokens + spent.input_tokens, before.output_tokens + spent.output_tokens)

    async def _take_result(self, task: asyncio.Task[ItemResult], item: MapItem, *, others: int) -> None:
        """``others``: how many items are still worked on."""
        try:
            result = task.result()
        except NotBegunError as not_begun:
            if isinstance(not_begun.problem, QuotaExceeded) and others:
                # What they have reserved comes back, for the most part: fewer at once have enough.
                self._narrowed_to = others
                self._intake.put_back(item)
            else:
                self._end(not_begun.problem)
            return
        await self._tell(result)

    async def _tell(self, result: ItemResult) -> None:
        """Raises the problem that ends the run at once: a provider that is down fails all that is under way, too."""
        problem = result.problem
        if problem is None:
            self._tally.done += 1
        else:
            self._tally.failed += 1
        MAP_ITEMS.labels("done" if problem is None else "failed").inc()
        await self._send(map_frames.item(result.key, result.actions, result.usage, _body(problem)))
        await self._send(self._tally.progress())
        if problem is not None and result.shows_an_outage:
            self._outages += 1
            if self._outages == _OUTAGES_IN_A_ROW:
                raise self._end(problem)
        elif result.was_asked:
            self._outages = 0

    def _on_drain(self) -> None:
        self._end(UpstreamUnavailable("The server restarts; run the rest once more.", retry_after=1))

    def _end(self, problem: Problem) -> Problem:
        """Nothing more is begun; what runs is finished. Returns what the run ends with: the first such problem."""
        self._ending = self._ending or problem
        self._intake.close()
        self._intake.wake.set()
        return self._ending

    async def _send(self, frame: dict[str, Any]) -> None:
        try:
            await self._outlet.send(frame)
        except OSError as error:
            raise SocketClosedError from error


def _body(problem: Problem | None) -> dict[str, Any] | None:
    return None if problem is None else frames.problem_body(problem)
