"""The HTTP client below LiteLLM and the OpenAI SDK: aiohttp behind httpx's transport interface.

To read one paced event takes httpx 142-193 µs of CPU (anyio, httpcore and h11), the OpenAI SDK 241, aiohttp 34-43.
There is one session, hence one pool of kept connections, for each event loop.

Whoever asks brings an ``Exchange``: it then holds the response, so that it can be read and closed without the SDKs.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from litellm.llms.custom_httpx.aiohttp_transport import map_aiohttp_exceptions
from multidict import CIMultiDict
from yarl import URL

from adiuva.egress import EgressRefused, Endpoint, client_context
from agents.llm.own_keys import OwnProvider

CONNECT_SECONDS = 10.0
# Of an error's body: what a provider says of itself fits, and nobody fills the memory with it.
_MAX_ERROR_BYTES = 64 * 1024
# Of an answer of a user's own provider, which may be anybody's server, unpacked: 60,000 tokens, at 250 bytes an event.
MOST_OWN_BYTES = 16 * 1024 * 1024
# As it comes over the wire: what is around a body (chunks' extensions, interim answers) has no limit of aiohttp's.
MOST_OWN_WIRE_BYTES = 2 * MOST_OWN_BYTES
# Of one event of it, which is read in one go: a whole answer that is not streamed fits.
MOST_OWN_EVENT_BYTES = 1024 * 1024
_KEEP_ALIVE_SECONDS = 60.0
# How long an answer that is over may take to end its body; the connection of one that takes longer is closed.
_REST_SECONDS = 2.0

# What closes a session is a generator: see ``_hold``.
_sessions: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]] = {}
_leaving: set[asyncio.Task[None]] = set()


@dataclass(slots=True)
class Exchange:
    """One model call's request and response. ``canned`` is answered instead of asking anyone (``warm_up``)."""

    response: aiohttp.ClientResponse | None = None
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    error_body: bytes = b""
    canned: httpx.Response | None = None
    is_left: bool = False
    is_reused: bool = False
    own: "OwnConnection | None" = None

    def reset(self) -> None:
        """For another try."""
        self.response, self.status, self.headers, self.error_body = None, None, httpx.Headers(), b""

    def close(self) -> None:
        """At once: the provider notices and stops."""
        if self.response is not None:
            self.response.close()


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def use(exchange: Exchange) -> Iterator[None]:
    """The requests made in the block are those of ``exchange``."""
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


def session() -> aiohttp.ClientSession:
    """Of the running event loop."""
    loop = asyncio.get_running_loop()
    own, _ = _sessions.get(loop, (None, None))
    if own is None or own.closed:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=60)
        own = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[_make_trace()]
        )
        holder = _hold(own)
        with suppress(StopIteration):
            holder.asend(None).send(None)  # to its yield, in the middle of no coroutine
        _sessions[loop] = own, holder
    return own


# Whatever shows whose account a request is on.
_CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
    | {"openai-organization", "openai-project", "x-goog-user-project"}
)


class OwnConnection:
    """To a user's own provider, for one call: a session that is nobody else's, to the addresses that were checked."""

    def __init__(self, provider: OwnProvider) -> None:
        self._provider = provider
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = _BoundedConnector(
                resolver=_Pinned(self._provider.endpoint), use_dns_cache=False, ssl=client_context()
            )
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def admit(self, url: URL, headers: Mapping[str, str]) -> tuple[URL, CIMultiDict[str]]:
        """Where a request goes and what it says of itself: the user's key and no other. Raises ``EgressRefused``."""
        if not self._provider.endpoint.leads(scheme=url.scheme, host=url.raw_host or "", port=url.port):
            raise EgressRefused("A request to a user's provider was to go elsewhere.")
        kept = CIMultiDict({name: value for name, value in headers.items() if name.lower() not in _CREDENTIALS})
        kept.update(self._provider.headers())
        return url.without_query_params("key") if "key" in url.query else url, kept

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # its sockets close in the loop's next round, and this may be a request's own loop


class _BoundedProtocol(ResponseHandler):
    """Ends a connection that brings more than ``MOST_OWN_WIRE_BYTES``."""

    _received = 0

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= MOST_OWN_WIRE_BYTES:
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()  # whoever waits for more hears that the connection is lost

    def close(self) -> None:
        """At once: TLS would wait for the other side's farewell, which may come after the loop's end, or never."""
        self.abort()


class _BoundedConnector(aiohttp.TCPConnector):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        protocol: type[ResponseHandler] = _BoundedProtocol
        self._factory = partial(protocol, loop=self._loop)


class _Pinned(AbstractResolver):
    """Gives the endpoint's addresses, and looks nothing up."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if (host, port) != (self._endpoint.host, self._endpoint.port):
            raise OSError("not the host of this endpoint")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=address_port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address, address_port in self._endpoint.addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def _make_trace() -> aiohttp.TraceConfig:
    async def note_reuse(_session: Any, context: Any, _params: Any) -> None:
        context.trace_request_ctx.is_reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(note_reuse)
    return trace


async def send(
    exchange: Exchange, method: str, url: URL | str, *, proxy: str | None, **options: Any
) -> aiohttp.ClientResponse:
    """The response's head. Raises aiohttp's errors.

    A kept connection that turns out to be closed, before anything of an answer, is no failure of the provider's: the
    request is made again at once, on the next one (RFC 9112, section 9.3.1).
    """
    while True:
        exchange.is_reused = False
        if exchange.own is not None:
            url, options["headers"] = exchange.own.admit(URL(url), options["headers"])
        try:
            response = await (exchange.own.session() if exchange.own else session()).request(
                method,
                url,
                proxy=None if exchange.own else proxy,
                allow_redirects=False,  # a redirect would take the key to another host
                trace_request_ctx=exchange,
                **options,
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not exchange.is_reused:
                raise
        else:
            exchange.response, exchange.status = response, response.status
            return response


async def _hold(own: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Closes ``own`` when its loop ends: ``asyncio.run`` then lets the loop's generators finish. A server's loop ends
    with it, but a command's with the command, and where Django runs an async view for a sync caller with the request.
    """
    try:
        yield
    finally:
        _sessions.pop(asyncio.get_running_loop(), None)
        await own.close()


async def close() -> None:
    """Close the connections of the running event loop."""
    loop = asyncio.get_running_loop()
    for task in [task for task in _leaving if task.get_loop() is loop]:
        task.cancel()
    if loop in _sessions:
        await _sessions[loop][1].aclose()


@lru_cache(maxsize=256)
def find_proxy(scheme: str, host: str) -> str | None:
    """The address that ``HTTPS_PROXY``, ``HTTP_PROXY`` or ``ALL_PROXY`` names, unless ``NO_PROXY`` has the host.

    aiohttp's own way (``trust_env``) reads ~/.netrc and these in a thread for each request: 0.4 ms each time, and a
    line of ~/.netrc for the host would be sent beside our key.
    """
    if proxy_bypass(host):
        return None
    proxies = getproxies_environment()
    return proxies.get(scheme) or proxies.get("all")


def limits(*, connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    """Seconds; no limit for the whole, which may stream for long."""
    connect = CONNECT_SECONDS if connect is None else min(connect, CONNECT_SECONDS)
    return aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)


def leave(exchange: Exchange) -> None:
    """After a whole answer: keep the connection for the next one as soon as the body's end has come.

    An SDK that closes the response afterwards does not close it.
    """
    response = exchange.response
    if response is None:
        return
    exchange.is_left = True
    if response.closed or response.content.at_eof():
        response.release()
        return
    task = asyncio.ensure_future(_read_rest(response))
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


async def _read_rest(response: aiohttp.ClientResponse) -> None:
    try:
        async with asyncio.timeout(_REST_SECONDS):
            while await response.content.readany():
                pass
        response.release()
    except Exception:  # noqa: BLE001 - the answer is there; whatever is wrong with its connection, it is not used again
        response.close()
    except asyncio.CancelledError:
        response.close()
        raise


async def read_error(exchange: Exchange, response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an error's body, which ``exchange`` then has, too."""
    exchange.status, exchange.headers = response.status, httpx.Headers(list(response.headers.items()))
    body = b""
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= _MAX_ERROR_BYTES:
            response.close()
            break
    exchange.error_body = body[:_MAX_ERROR_BYTES]
    response.release()
    return exchange.error_body


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, exchange: Exchange) -> None:
        self._response = response
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with map_aiohttp_exceptions():
            async for data in self._response.content.iter_any():
                yield data

    async def aclose(self) -> None:
        if self._exchange.is_left:
            return
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Belongs to no event loop: each request goes through the session of the loop that makes it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _current.get() or Exchange()
        if exchange.canned is not None:
            exchange.status = exchange.canned.status_code
            return exchange.canned
        timeouts = request.extensions.get("timeout", {})
        headers = request.headers.copy()
        headers["accept-encoding"] = "identity"  # a compressed stream comes late, and costs
        headers.pop("transfer-encoding", None)
        with map_aiohttp_exceptions():
            response = await send(
                exchange,
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=await request.aread() or None,
                proxy=find_proxy(request.url.scheme, request.url.host),
                timeout=limits(connect=timeouts.get("connect"), read=timeouts.get("read")),
            )
            exchange.headers = httpx.Headers(list(response.headers.items()))
            if response.status >= HTTPStatus.BAD_REQUEST:
                return httpx.Response(
                    response.status,
                    headers=_without_framing(exchange.headers),
                    content=await read_error(exchange, response),
                    request=request,
                )
        return httpx.Response(
            response.status, headers=exchange.headers, stream=_Body(response, exchange), request=request
        )


def _without_framing(headers: httpx.Headers) -> httpx.Headers:
    framing = {"content-length", "transfer-encoding", "content-encoding"}
    return httpx.Headers([(name, value) for name, value in headers.multi_items() if name.lower() not in framing])
