"""Reads a provider's answer from the packets it comes in: server-sent events, or a JSON object a line."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson
from litellm.llms.custom_httpx.aiohttp_transport import map_aiohttp_exceptions

from agents.llm.wire.chunks import ChunkError, Heard

ParseChunk = Callable[[Heard, Any], str | None]

# One event; a whole answer of a server that does not stream fits.
MOST_EVENT_BYTES = 8 * 1024 * 1024
# After the model has said that it is finished only its usage is still to come, and some servers keep the body open.
_SECONDS_AFTER_THE_END = 2.0
_DONE = b"[DONE]"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Enough(Exception):  # noqa: N818 - nothing is wrong
    """The answer is over, though its body is not."""


async def read_texts(
    response: aiohttp.ClientResponse,
    heard: Heard,
    parse: ParseChunk,
    end: float,
    *,
    most_bytes: float = math.inf,
    most_event_bytes: int = MOST_EVENT_BYTES,
) -> AsyncGenerator[str, None]:
    """What each packet brought, as one text: nothing waits for more, and what came together is passed on together.

    What stands in a packet before something unreadable is passed on before the error is raised; once the model has said
    that it is finished, nothing but an error of the provider's own counts any more. Raises ``TimeoutError`` past
    ``end``, ``ChunkError``, whatever ``parse`` raises, ``ValueError`` for what is no JSON or more than ``most_bytes``
    or, of one event, ``most_event_bytes``, and httpx's transport errors.
    """
    is_events = "event-stream" in response.headers.get("Content-Type", "")
    reader = _Reader(heard, parse, is_events=is_events, most_event_bytes=most_event_bytes)
    async with aclosing(_packets(response, heard, end)) as packets:
        async for data in packets:
            most_bytes -= len(data)
            if most_bytes < 0:
                raise ValueError("an answer without end")
            if text := reader.read(data):
                yield text
            if reader.failure is not None:
                break
            if reader.is_done:
                return
    if text := reader.finish():
        yield text
    if reader.failure is not None and (heard.finish_reason is None or isinstance(reader.failure, ChunkError)):
        raise reader.failure


class _Reader:
    """Server-sent events (WHATWG: lines of ``data:`` up to a blank one, ended by LF, CR or both), a JSON object a line,
    or one JSON object over many lines, which is how a server answers that does not stream.
    """

    __slots__ = (
        "_heard",
        "_is_events",
        "_is_first",
        "_most_event_bytes",
        "_open",
        "_open_bytes",
        "_parse",
        "_rest",
        "failure",
        "is_done",
    )

    def __init__(self, heard: Heard, parse: ParseChunk, *, is_events: bool, most_event_bytes: int) -> None:
        self.failure: Exception | None = None
        self.is_done = False
        self._heard = heard
        self._parse = parse
        self._is_events = is_events
        self._most_event_bytes = most_event_bytes
        self._is_first = True
        self._rest = bytearray()
        # The lines of something that is no JSON yet.
        self._open: list[bytes] = []
        self._open_bytes = 0

    def read(self, data: bytes) -> str:
        """The text in a packet. ``failure`` and ``is_done`` say whether there is a next one to read."""
        if self._is_first:
            self._is_first = False
            data = data.removeprefix(_BYTE_ORDER_MARK)
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._rest += data
            if len(self._rest) > self._most_event_bytes:
                self.failure = ValueError("an event without end")
            return ""
        if self._rest:
            data = bytes(self._rest) + data
        lines = data.split(b"\n")
        self._rest = bytearray(lines.pop())
        return self._read_lines(lines)

    def finish(self) -> str:
        """The text in what has no line end."""
        if self.failure is not None or self.is_done:
            return ""
        text = self._read_lines([bytes(self._rest)])
        if self._open and self.failure is None:
            text += self._read_payload(b"\n".join(self._open), opens=False)
        return text

    def _read_lines(self, lines: list[bytes]) -> str:
        texts: list[str] = []
        for line in lines:
            if line.startswith(b"data:"):
                payload = line[5:].strip()
            elif not self._is_events:
                payload = line.strip()
            elif line or not self._open:
                continue  # its name, a comment, or the blank line at its end
            else:
                payload, self._open = b"\n".join(self._open), []
                texts.append(self._read_payload(payload, opens=False))
                payload = b""
            if payload:
                texts.append(self._read_payload(payload, opens=True))
            if self.failure is not None or self.is_done:
                break
        return "".join(texts)

    def _read_payload(self, payload: bytes, *, opens: bool) -> str:
        """Its text. ``opens``: what is no JSON may be the beginning of some."""
        if payload == _DONE:
            self.is_done = True
            return ""
        if self._open and opens:
            self._hold(payload)
            return ""
        try:
            chunk = _loads(payload, self._most_event_bytes)
        except ValueError as error:
            if opens:
                self._hold(payload)
            else:
                self.failure = error
            return ""
        except Exception as error:  # noqa: BLE001 - raised when the text before it is out
            self.failure = error
            return ""
        try:
            text = self._parse(self._heard, chunk)
            return self._heard.assembler.add_text(text) if text else ""
        except Exception as error:  # noqa: BLE001 - the same
            self.failure = error
            return ""

    def _hold(self, payload: bytes) -> None:
        self._open.append(payload)
        self._open_bytes += len(payload)
        if self._open_bytes > self._most_event_bytes:
            self.failure = ValueError("an event without end")


def _loads(payload: bytes, most_bytes: int) -> Any:
    if len(payload) > most_bytes:
        raise ValueError("an event without end")
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        # Half a surrogate pair, which JSON allows (RFC 8259, section 8.2); NaN and Infinity it does not.
        value = json.loads(payload, parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ChunkError
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


async def _packets(response: aiohttp.ClientResponse, heard: Heard, end: float) -> AsyncGenerator[bytes, None]:
    content = response.content
    loop = asyncio.get_running_loop()
    # One timer for the whole stream, not one for each packet: it wakes whoever waits for the next one.
    timer = loop.call_at(end, content.set_exception, TimeoutError()) if end < math.inf else None
    is_over = False
    taken = 0
    try:
        while data := await content.readany():
            taken += len(data)
            yield data
            if content.total_bytes > taken:
                # Reading what is there already would not let the other streams in.
                await asyncio.sleep(0)
            if not is_over and heard.finish_reason is not None:
                is_over = True
                if timer is not None:
                    timer.cancel()
                timer = loop.call_at(min(end, loop.time() + _SECONDS_AFTER_THE_END), content.set_exception, _Enough())
    except _Enough:
        response.close()  # it would be no use to wait for the rest
    except (aiohttp.ClientError, OSError) as error:
        if heard.finish_reason is not None:
            response.close()  # an answer that is over, if not by the rules
            return
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
            raise
        with map_aiohttp_exceptions():
            raise
    finally:
        if timer is not None:
            timer.cancel()
