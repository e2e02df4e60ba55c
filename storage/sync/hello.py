"""What a socket of the synchronisation is told when it opens (docs/api.md § 7): where the feed is, and what waits.

What waits is for other apps to know. Each registers how to read it, in ``AppConfig.ready()``, and tells of what comes
to it later by ``accounts.sockets.messages.tell_hint``, with a frame of the ``type`` that it registered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.keys.requests import pending_requests
from storage.quota import usage_of

Frame = dict[str, Any]
ReadIds = Callable[[UUID], list[str]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    hint: str
    read: ReadIds


def _read_key_requests(user_id: UUID) -> list[str]:
    return [str(request_id) for request_id in pending_requests(user_id=user_id).values_list("id", flat=True)]


# In the order of the frame.
_waiting: dict[str, _Waiting] = {
    "due": _Waiting("batch_due", lambda _user_id: []),
    "key_requests": _Waiting("key_request", _read_key_requests),
}


def register(name: str, *, hint: str, read: ReadIds) -> None:
    """``hello`` carries under ``name`` the ids that ``read(user_id)`` returns; a hint of the type ``hint`` tells of one
    more by its ``id``.
    """
    _waiting[name] = _Waiting(hint, read)


def hint_types() -> set[str]:
    return {waiting.hint for waiting in _waiting.values()}


@dataclass(frozen=True, slots=True)
class Hello:
    """``seq`` is that of the feed's last change, 0 for none; ``waiting`` the ids by the names that were registered."""

    seq: int
    waiting: dict[str, list[str]]

    def frame(self) -> Frame:
        return {"type": "hello", "seq": self.seq, **self.waiting}

    def hints(self) -> Iterator[Frame]:
        """A hint for each id, for a socket that may have missed some."""
        for name, ids in self.waiting.items():
            for waiting_id in ids:
                yield {"type": _waiting[name].hint, "id": waiting_id}


def read_hello(user_id: UUID) -> Hello:
    usage = usage_of(user_id)
    return Hello(
        seq=usage.last_seq if usage is not None else 0,
        waiting={name: waiting.read(user_id) for name, waiting in _waiting.items()},
    )
