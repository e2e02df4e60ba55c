"""One request to an endpoint and its whole answer, for what is not a stream. Blocks."""

from collections.abc import Mapping
from dataclasses import dataclass

from adiuva.egress.guard import Endpoint

ANSWER_SECONDS = 10.0
MOST_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` by lower-case name. A redirect is an answer like any other: it is not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    endpoint: Endpoint,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    seconds: float = ANSWER_SECONDS,
    most_bytes: int = MOST_ANSWER_BYTES,
) -> Answer:
    """What ``endpoint`` answers to ``path``, which is appended to its URL. ``seconds`` is for all of it, from
    connecting to the last byte, and ``most_bytes`` for all that is received, head included.

    Raises ``HostUnreachable`` where no whole answer comes, ``AnswerTooLarge`` among others.
    """
    # At the first use: the client costs each process 50 ms of CPU to load, and 150 where trio is there, too.
    from adiuva.egress.connection import exchange

    status, given, body = exchange(
        endpoint,
        method,
        endpoint.url + path,
        headers=headers or {},
        content=content,
        seconds=seconds,
        most_bytes=most_bytes,
    )
    return Answer(status, {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in given}, body)
