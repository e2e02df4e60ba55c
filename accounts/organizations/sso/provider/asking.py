"""One request to a provider, through the egress guard."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from django.db import close_old_connections, connection

from adiuva.egress import OF_SIGN_ON, AnswerTooLarge, EgressRefused, HostUnreachable, Room, resolve
from adiuva.egress.http import Answer, ask

SECONDS = 8.0  # for the lookup and the whole answer
MOST_BYTES = 512 * 1024
MOST_AT_ONCE, MOST_AT_ONE_HOST = 64, 8
# RFC 3986 § 3.4: what a query may hold.
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")


class ProviderUnreachable(Exception):  # noqa: N818 - as HostUnreachable
    """Nobody answers there, or says that it cannot now: another time it may be different."""


class UnfitProviderError(Exception):
    """What is there is no provider that can be used. ``reason``: a sentence for whoever sets it up, ours alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Requests that wait for providers.
_room = Room(most=MOST_AT_ONCE, most_at_one_host=MOST_AT_ONE_HOST)


def give_connection_back() -> None:
    """Before waiting for seconds, which is too long to hold a pooled one. In a transaction it would be lost."""
    if not connection.in_atomic_block:
        close_old_connections()


def ask_provider(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, content: bytes = b""
) -> Answer:
    """A redirect is an answer like any other, and is not followed.

    Raises ``ProviderUnreachable``, also where too many wait already, and ``UnfitProviderError`` for an address that is
    not connected to or an answer that is too large.
    """
    host = url.partition("://")[2].partition("/")[0]
    if not _room.take(host):
        raise ProviderUnreachable
    try:
        give_connection_back()
        return _ask(url, method=method, headers={"Accept": "application/json", **(headers or {})}, content=content)
    except AnswerTooLarge:
        raise UnfitProviderError("The provider's answer is too large.") from None
    except HostUnreachable:
        raise ProviderUnreachable from None
    except EgressRefused as refusal:
        raise UnfitProviderError(refusal.reason) from None
    finally:
        _room.give_back(host)


def _ask(url: str, *, method: str, headers: Mapping[str, str], content: bytes) -> Answer:
    end = time.monotonic() + SECONDS
    base, mark, query = _split_query(url)
    bare = base.rstrip("/")  # an endpoint has no slash at its end, an address may have one
    endpoint = resolve(bare, room=OF_SIGN_ON, seconds=SECONDS / 2)
    return ask(
        endpoint,
        method,
        base[len(bare) :] + mark + query,
        headers=headers,
        content=content,
        seconds=end - time.monotonic(),
        most_bytes=MOST_BYTES,
    )


def _split_query(url: str) -> tuple[str, str, str]:
    base, mark, query = url.partition("?")
    if not _QUERY.fullmatch(query):
        raise EgressRefused("The query holds characters that no query has.")
    return base, mark, query


def check_address(url: str) -> None:
    """That ``url`` would be connected to, without connecting. Raises as ``ask_provider``."""
    try:
        resolve(_split_query(url)[0].rstrip("/"), room=OF_SIGN_ON, seconds=SECONDS / 2)
    except HostUnreachable:
        raise ProviderUnreachable from None
    except EgressRefused as refusal:
        raise UnfitProviderError(refusal.reason) from None


def read_object(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of an answer; None where it is none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
