"""The routes of resumable uploads: tus 1.0 with creation, termination, expiration and checksum (docs/api.md § 7)."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import PreconditionFailed, UnsupportedMediaType, ValidationFailed
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import MAX_INTEGER, whole_numbers
from adiuva.api.views import ApiView, uuid_or_404
from storage.models import Upload
from storage.staging import body_parts, declared_size, watch_body
from storage.uploads import targets
from storage.uploads.metadata import ALGORITHMS, read_checksum, read_size
from storage.uploads.receiving import Part, finish_empty, receive_part
from storage.uploads.service import create_upload, drop_upload, find_upload, require_draft

TUS_VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
CONTENT_TYPE = "application/offset+octet-stream"


def _header(name: str, description: str, *, required: bool = False, type_: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.HEADER, description=description, required=required)


def _answered(name: str, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, response=list(statuses)
    )


_BYTES = whole_numbers(least=0, most=MAX_INTEGER)
_VERSION = _header("Tus-Resumable", f"`{TUS_VERSION}`", required=True)
_WRONG_VERSION = problem("precondition_failed, with `etag` `null`: another Tus-Resumable; Tus-Version tells ours")
_UNAVAILABLE = {
    502: problem("The blob store failed"),
    503: problem("The blob store or the database is not available; what was acknowledged stays"),
    504: problem("The blob store took too long"),
}


class _TusView(ApiView):
    # Empty answers, and problems.
    byte_answers = frozenset({"post", "head", "patch", "delete"})

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """OPTIONS says what the server can do, to anybody; a preflight is answered before it comes here."""
        if request.method == "OPTIONS":
            return HttpResponse(
                status=204,
                headers={
                    "Allow": ", ".join(self.allowed_methods),
                    "Tus-Resumable": TUS_VERSION,
                    "Tus-Version": TUS_VERSION,
                    "Tus-Extension": EXTENSIONS,
                    "Tus-Max-Size": str(max(target.max_bytes() for target in targets.all_targets())),
                    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
                },
            )
        return super().dispatch(request, *args, **kwargs)

    def check_throttles(self, request: Request) -> None:
        """Parts of one upload count as the one request that began it."""
        if request.method not in {"PATCH", "HEAD"}:
            super().check_throttles(request)

    def require_version(self, request: Request) -> None:
        if request.headers.get("Tus-Resumable") != TUS_VERSION:
            refusal = PreconditionFailed(etag=None)
            refusal.detail = f"Tus-Resumable must be {TUS_VERSION}."
            refusal.headers["Tus-Version"] = TUS_VERSION
            raise refusal

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response.headers["Tus-Resumable"] = TUS_VERSION
        return super().finalize_response(request, response, *args, **kwargs)


def _headers_of(upload: Upload) -> dict[str, str]:
    headers = {
        "Upload-Offset": str(upload.told_offset),
        "Upload-Expires": http_date(upload.expires_at.timestamp()),
    }
    if upload.finished_at is not None:
        headers |= {"ETag": upload.etag, "Content-Location": upload.path}
    return headers


class UploadsView(_TusView):
    @extend_schema(
        operation_id="createUpload",
        summary="Begin a resumable upload (tus 1.0)",
        description="Room for all of it is reserved. `Upload-Metadata` has `target` `record` with `table_name`, "
        "`checksum` (SHA-256 of the whole) and optionally `id`, or `target` `backup` with `version`, `timestamp`, "
        "`checksum` and optionally `chunk_count`; other keys are kept and mean nothing. Where the same content is "
        "there already the upload is finished at once: `Upload-Offset` is its length.",
        parameters=[
            _VERSION,
            _header("Upload-Length", "Of the whole, in bytes.", required=True, type_=_BYTES),
            _header("Upload-Metadata", "Pairs of a key and base64, with commas between.", required=True),
            _answered("Location", "The upload's path.", 201),
            _answered("Upload-Offset", "0, or the length where nothing need be sent.", 201),
            _answered("Upload-Expires", "An HTTP date, 24 hours after the last part.", 201),
        ],
        request=None,
        responses={
            201: OpenApiResponse(description="It is begun"),
            400: problem("validation_error: `upload_length`, `upload_metadata`, or a field of that"),
            402: problem("quota_exceeded, with `limit_bytes`, `used_bytes` and `requested_bytes`"),
            409: problem("conflict: the id has other content, or there are too many unfinished uploads"),
            412: _WRONG_VERSION,
            413: problem("Larger than MAX_RECORD_BYTES or MAX_BACKUP_BYTES"),
            **_UNAVAILABLE,
        },
    )
    def post(self, request: Request) -> Response:
        self.require_version(request)
        if "Upload-Defer-Length" in request.headers:
            raise ValidationFailed({"upload_length": ["It must be known; Upload-Defer-Length is not supported."]})
        user = identity_of(request).user
        length = read_size(request.headers.get("Upload-Length"), field="upload_length")
        upload = create_upload(user=user, metadata=request.headers.get("Upload-Metadata", ""), length=length)
        if length == 0 and upload.finished_at is None:
            upload = finish_empty(user=user, upload=upload)
        return Response(status=201, headers={"Location": f"{request.path}/{upload.id}", **_headers_of(upload)})


class UploadView(_TusView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """For clients whose network knows GET and POST alone (tus 1.0, X-HTTP-Method-Override)."""
        method = request.headers.get("X-HTTP-Method-Override")
        if request.method == "POST" and method in {"PATCH", "DELETE"}:
            request.method = method
        return super().dispatch(request, *args, **kwargs)

    def _find(self, request: Request, pk: str) -> Upload:
        upload_id = uuid_or_404(pk, "There is no such upload.")
        return find_upload(user_id=identity_of(request).user.id, upload_id=upload_id)

    def head(self, request: Request, pk: str) -> Response:
        upload = self._find(request, pk)
        self.require_version(request)
        require_draft(upload)
        headers = {"Upload-Length": str(upload.length), "Upload-Metadata": upload.metadata, "Cache-Control": "no-store"}
        return Response(headers=headers | _headers_of(upload))

    @extend_schema(
        operation_id="sendPart",
        summary="Send a part of a resumable upload",
        description="What arrives of a part that is cut off stays, unless it has an Upload-Checksum; HEAD tells how "
        "much. The last byte is acknowledged when the whole is committed: where only that failed, it is sent again.",
        parameters=[
            _VERSION,
            _header("Upload-Offset", "Where the part begins.", required=True, type_=_BYTES),
            _header("Upload-Checksum", "`sha1` or `sha256`, and base64 of the part's digest."),
            _answered("Upload-Offset", "Where the next part begins.", 204),
            _answered("Upload-Expires", "An HTTP date, 24 hours after the last part.", 204),
            _answered("ETag", "Of what came of it, after the last part.", 204),
            _answered("Content-Location", "The path of what came of it, after the last part.", 204),
        ],
        request={CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={
            204: OpenApiResponse(description="The part is stored"),
            400: problem("validation_error; checksum_mismatch: of the whole, and the upload is gone"),
            402: problem("quota_exceeded: the account went to a lower tier; the upload waits"),
            404: problem("not_found: there is none, it has expired, or its bytes are gone"),
            408: problem("The client stopped sending"),
            409: problem("conflict: another offset, or another request goes on with the upload"),
            412: _WRONG_VERSION,
            413: problem("Beyond Upload-Length"),
            415: problem(f"Not {CONTENT_TYPE}"),
            460: problem("checksum_mismatch: of the part, nothing of which is kept"),
            **_UNAVAILABLE,
        },
    )
    def patch(self, request: Request, pk: str) -> Response:
        upload = self._find(request, pk)
        self.require_version(request)
        if (request.content_type or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
            raise UnsupportedMediaType
        part = Part(
            offset=read_size(request.headers.get("Upload-Offset"), field="upload_offset"),
            arriving=body_parts(request),
            declared_size=declared_size(request),
            checksum=read_checksum(request.headers.get("Upload-Checksum")),
            watch=partial(watch_body, request),
        )
        upload = receive_part(user=identity_of(request).user, upload=upload, part=part)
        return Response(status=204, headers=_headers_of(upload))

    @extend_schema(
        operation_id="deleteUpload",
        summary="Give up a resumable upload",
        description="What came of a finished one stays.",
        parameters=[_VERSION],
        request=None,
        responses={204: OpenApiResponse(description="It is gone"), 404: problem("not_found"), 412: _WRONG_VERSION},
    )
    def delete(self, request: Request, pk: str) -> Response:
        upload = self._find(request, pk)
        self.require_version(request)
        drop_upload(upload)
        return Response(status=204)
