"""What a broadcast is: a message on a topic goes to every process that listens to it now, and is kept nowhere.

So a message may be lost: the truth is in rows, and whoever listens finds it there as well, only later.
"""

from typing import Any, Protocol

Message = dict[str, Any]  # what JSON can say; listeners do not change it


class Listener(Protocol):
    """Called on the event loop that subscribed it; neither method waits for anything."""

    def on_message(self, message: Message) -> None: ...

    def on_gap(self) -> None:
        """Messages may have been lost until now; after an outage it is called more than once."""


class Broadcast(Protocol):
    def publish(self, topic: str, message: Message) -> None:
        """From any thread, after the commit that it tells of. Raises nothing; waits for a Redis that hangs for about a
        second, and then no longer until it answers.
        """

    async def subscribe(self, topic: str, listener: Listener) -> None:
        """When it returns, ``listener`` gets what is published from now on; while Redis is away it gets ``on_gap`` as
        soon as that is so. One listener a topic and process.
        """

    async def unsubscribe(self, topic: str) -> None: ...
