"""Django's ASGI handler with one visit to a pooled thread for each request, streamed bodies and free connections.

Django runs an async middleware chain on the loop and goes to a thread for each synchronous part: its signals, the view,
the rendering, the closing. All our views are synchronous, so four visits of 0.15 ms are one here. And Django, left
alone, starts and ends that thread for each request (1.8 ms of CPU); here it is taken from a small pool and given back.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import close_old_connections, connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from adiuva.api.errors import UpstreamUnavailable
from adiuva.server.drain import drain
from adiuva.server.streaming_body import STREAMING_BODY, StreamingBody

MAX_IDLE = 32


class PooledASGIHandler(ASGIHandler):
    # What a streamed response yields goes out in one piece: uvicorn's flow control waits between pieces.
    chunk_size = 1024 * 1024

    def __init__(self) -> None:
        super().__init__()
        self._answer_off_the_loop = sync_to_async(self._answer)
        self._idle: list[ThreadPoolExecutor] = []

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Synchronous, whatever is asked for: the whole chain runs in the view's thread."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Each request has an executor to itself: a slow one (an LLM turn, an upload) holds nobody else up, and a
        # database connection, which belongs to a thread, is never in two requests at once.
        executor = self._idle.pop() if self._idle else ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        is_free = True
        try:
            async with ThreadSensitiveContext(executor=executor):
                await (self._handle_streaming if STREAMING_BODY in scope else self.handle)(scope, receive, send)
        except asyncio.CancelledError:
            is_free = False  # the view may still run in its thread, and another request would wait for it
            raise
        finally:
            if is_free and len(self._idle) < MAX_IDLE:
                self._idle.append(executor)
            else:
                executor.submit(connections.close_all)  # the thread's own: nobody else could close them
                executor.shutdown(wait=False)

    async def _handle_streaming(self, scope: Any, receive: Any, send: Any) -> None:
        body = StreamingBody(receive, declared_size=scope[STREAMING_BODY])
        stopping = UpstreamUnavailable("The server is restarting.", retry_after=1)
        forget = drain.on_last_call(partial(body.give_up, stopping))
        try:
            await self.handle(scope, body, send)
        finally:
            forget()
            await body.aclose()

    async def read_body(self, receive: Any) -> Any:
        return receive if isinstance(receive, StreamingBody) else await super().read_body(receive)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Django's own, but for the one visit to the thread: a client that leaves cancels what runs for it."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            set_script_prefix(get_script_prefix(scope))
            request, refusal = self.create_request(scope, body)
            if request is None:
                await self.send_response(refusal, send)  # type: ignore[arg-type]  # one of the two is not None
                return
            leaving = asyncio.create_task(self.listen_for_disconnect(receive))
            serving = asyncio.create_task(self._serve(request, send))
            await asyncio.wait({leaving, serving}, return_when=asyncio.FIRST_COMPLETED)
            for task in (leaving, serving):
                task.cancel()  # the one that is done keeps its outcome
                with suppress(asyncio.CancelledError, RequestAborted):
                    await task
        finally:
            body.close()

    async def _serve(self, request: HttpRequest, send: Any) -> None:
        try:
            response = await self._answer_off_the_loop(request)
        except asyncio.CancelledError:
            # What the view made is lost; the thread's connection must not be.
            await sync_to_async(signals.request_finished.send)(sender=self.__class__)
            raise
        try:
            await self.send_response(response, send)
        finally:
            if response.streaming:
                await sync_to_async(response.close)()

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """All that a request needs of its thread, in one visit; when it ends, the database connection is free."""
        signals.request_started.send(sender=self.__class__, scope=request.scope)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # noqa: SLF001 - as Django's own does
        if response.streaming:
            # The view is done with the database; a client that reads slowly must not keep a pooled connection.
            close_old_connections()
        else:
            response.close()  # which keeps its content
        return response
