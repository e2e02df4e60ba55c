"""What the client was asked for and has sent: the way into a map run, which is never longer than what is soon done."""

import asyncio
from collections import deque
from hashlib import blake2b

from adiuva.api.errors import Problem, ValidationFailed
from chat.ws.map.frames import MAX_NEED, ItemsFrame, MapItem

_DIGEST_BYTES = 16


class Intake:
    """``wake`` is set whenever something came. Of an item that is gone only a digest of its key stays."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.problem: Problem | None = None
        self.outstanding = 0
        self._total = 0
        self._asked = 0
        self._is_closed = False
        self._items: deque[MapItem] = deque()
        self._keys: set[bytes] = set()

    def open(self, total: int) -> None:
        self._total = total

    def close(self) -> None:
        """Nothing more is asked for; what waits, or still comes, is not done."""
        self._is_closed = True
        self._items.clear()

    @property
    def has_asked(self) -> bool:
        return self._asked > 0

    @property
    def is_waiting(self) -> bool:
        return bool(self._items)

    def pop(self) -> MapItem:
        return self._items.popleft()

    def put_back(self, item: MapItem) -> None:
        if not self._is_closed:
            self._items.appendleft(item)

    def is_over(self) -> bool:
        """Whether every item that there will be has been taken out."""
        return self._is_closed or (not self._items and not self.outstanding and self._asked == self._total)

    def count_needed(self, *, at_once: int, running: int) -> int:
        """How many to ask for now: as many as are worked on side by side, and the same again to lie ready.

        0 while enough lies ready, so that a client is not asked for one after another.
        """
        ready = len(self._items) + self.outstanding
        if ready > at_once // 2 and ready + running >= at_once:
            return 0
        count = min(2 * at_once - running - ready, self._total - self._asked, MAX_NEED - self.outstanding)
        return 0 if self._is_closed else max(0, count)

    def ask(self, count: int) -> None:
        self._asked += count
        self.outstanding += count

    def put(self, frame: ItemsFrame) -> None:
        """What is wrong with it is ``problem`` from then on. An empty one says that there are no more."""
        try:
            self._put(frame)
        except Problem as problem:
            self.problem = problem
        self.wake.set()

    def _put(self, frame: ItemsFrame) -> None:
        if frame.problem is not None:
            raise frame.problem
        if len(frame.items) > self.outstanding:
            raise ValidationFailed({"items": [f"These are {len(frame.items)}; {self.outstanding} were asked for."]})
        for index, item in enumerate(frame.items):
            digest = blake2b(item.key.encode(), digest_size=_DIGEST_BYTES).digest()
            if digest in self._keys:
                raise ValidationFailed({f"items.{index}.key": ["This key was sent before in this run."]})
            self._keys.add(digest)
        if not self._is_closed:
            self._items.extend(frame.items)
        self.outstanding -= len(frame.items)
        if not frame.items:
            self._total = self._asked = self._asked - self.outstanding
            self.outstanding = 0
