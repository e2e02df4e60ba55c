"""Everything of an account as one archive: docs/api.md § 3."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from accounts.authentication import identity_of
from accounts.export.checksums import KnownChecksums
from accounts.export.plan import Plan
from accounts.export.sending import ExportSender, in_request_thread
from accounts.export.service import Export, begin_export, give_back, renew_lease
from accounts.security_events.recording import origin_of
from accounts.sessions import require_fresh_session
from adiuva.api.byte_ranges import ByteRange, requested_range
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView

logger = logging.getLogger(__name__)

ZIP = "application/zip"
COMMON_HEADERS = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "Content-Type": ZIP}


def _header(name: str, description: str, *, statuses: tuple[int, ...] = ()) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, response=list(statuses) or False
    )


class ExportView(ApiView):
    byte_answers = frozenset({"get", "head"})

    @extend_schema(
        operation_id="exportAccount",
        summary="Download everything the account holds, as a ZIP file",
        description="A broken download goes on with `Range` and `If-Range`, within a day and while nothing that is "
        "sealed has changed; else, and without `If-Range`, the answer is a whole new export. What is replaced or "
        "deleted while it is sent stands under `MISSING/`.",
        parameters=[
            _header("Range", "One range of bytes; looked at with `If-Range` only."),
            _header("If-Range", "The ETag of the export to go on with."),
            _header("ETag", "Of this export.", statuses=(200, 206)),
            _header("Accept-Ranges", "`bytes`", statuses=(200, 206)),
            _header("Content-Disposition", "The file's name.", statuses=(200, 206)),
            _header("Content-Range", "Which bytes these are.", statuses=(206,)),
        ],
        responses={
            (200, ZIP): OpenApiTypes.BINARY,
            (206, ZIP): OpenApiTypes.BINARY,
            403: problem("reauthentication_required"),
            409: problem("conflict: the account is being exported already"),
            416: problem("range_not_satisfiable; Content-Range tells the size"),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        identity = identity_of(request)
        require_fresh_session(session_id=identity.session_id)
        if request.method == "HEAD":  # no export, and so no size and no tag
            return StreamingHttpResponse(_nothing(), headers=COMMON_HEADERS)
        user_id, session_id = identity.user.id, identity.session_id
        asked = request.headers.get("Range")
        # A part of what this client has not begun would be a part of another archive, so a range needs If-Range.
        resumes = request.headers.get("If-Range", "").strip(" \t") if asked else None
        export = begin_export(
            user_id=user_id, session_id=session_id, origin=origin_of(request._request), resumes=resumes or None
        )
        end = partial(give_back, user_id=user_id, lease=export.lease)
        renew = partial(renew_lease, user_id=user_id, session_id=session_id, lease=export.lease)
        try:
            return _answer(export, asked=asked, renew=renew, end=end)
        except BaseException:
            export.plan.close()
            end()
            raise


async def _nothing() -> AsyncIterator[bytes]:
    """A body that nobody gives a length: that of the archive is not known before one is begun (RFC 9110 § 8.6)."""
    parts: tuple[bytes, ...] = ()
    for part in parts:
        yield part


def _answer(
    export: Export, *, asked: str | None, renew: Callable[[], None], end: Callable[[], None]
) -> "ExportResponse":
    plan = export.plan
    part = requested_range(asked, size_bytes=plan.size) if export.is_resumed else None
    headers = {
        **COMMON_HEADERS,
        "ETag": plan.etag,
        "Content-Disposition": f'attachment; filename="adiuva-export-{plan.at:%Y-%m-%dT%H%M%SZ}.zip"',
    }
    checksums = (KnownChecksums.load if export.is_resumed else KnownChecksums)(etag=plan.etag, count=plan.count)
    sender = ExportSender(plan, start=part.start if part else 0, checksums=checksums, renew=renew)
    return ExportResponse(sender, plan, part=part, end=end, headers=headers)


class ExportResponse(StreamingHttpResponse):
    """Django leaves an iterator inside a response to the garbage collector when a client goes away: here whatever ends
    the answer ends the export.
    """

    def __init__(
        self,
        sender: ExportSender,
        plan: Plan,
        *,
        part: ByteRange | None,
        end: Callable[[], None],
        headers: dict[str, str],
    ) -> None:
        size = len(part) if part else plan.size
        more = {"Content-Range": part.content_range} if part else {}
        self._parts = _parts(sender, size=size)
        super().__init__(
            self._parts,
            status=206 if part else 200,
            headers={**headers, **more, "Content-Length": str(size)},
        )
        self._plan = plan
        self._end = end

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[bytes]:
        try:
            async with aclosing(self._parts) as parts:
                async for part in parts:
                    yield part
        except Exception:
            logger.exception("an export broke off")
            raise
        finally:
            self._plan.close()
            # Shielded: a client that has the last byte hangs up, and Django cancels the request while this waits for a
            # thread. The account would be "being exported" until the lease lapses.
            await asyncio.shield(in_request_thread(self._end))


async def _parts(sender: ExportSender, *, size: int) -> AsyncGenerator[bytes, None]:
    """The first ``size`` bytes of what ``sender`` sends."""
    left = size
    async with aclosing(sender.parts()) as parts:
        async for part in parts:
            yield part[:left]
            left -= len(part)
            if left <= 0:
                return
