"""The routes of many records at once: the change feed, ``fetch`` and ``batch`` (docs/api.md § 7)."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http.response import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api import cbor
from adiuva.api.errors import ValidationFailed
from adiuva.api.pagination import whole_number
from adiuva.api.views import ApiView
from storage.records.bulk import openapi
from storage.records.bulk.answers import Item, Missing, StreamedAnswer, write_answer, writer_for
from storage.records.bulk.reading import BLOB_BYTES, MOST_BLOB_BYTES, Fetch, PageWithBytes, without_bytes
from storage.records.bulk.requests import BatchRequest, content_type_of, requested_ids
from storage.records.bulk.service import apply_batch
from storage.records.change_feed import START, FeedPage, list_changes
from storage.records.serializers import ChangeSerializer, FeedSerializer

INCLUDE_BLOB = "blob"


class SequenceRenderer(BaseRenderer):
    """That a client may accept it. The views write it themselves: DRF takes the type off what has no bytes."""

    media_type = cbor.SEQUENCE
    format = "cbor-seq"


class _TwoForms(ApiView):
    renderer_classes = [JSONRenderer, SequenceRenderer]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if getattr(response, "exception", False):
            response.accepted_renderer = JSONRenderer()  # a problem has one form
        return response


def _is_sequence(request: Request) -> bool:
    return isinstance(request.accepted_renderer, SequenceRenderer)


def _sequence_of(*items: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(b"".join(map(cbor.write, items)), content_type=cbor.SEQUENCE)


def _stream(request: Request, items: Iterable[Item], *, listed: str, missing: Missing, rest: Any) -> HttpResponseBase:
    writer = writer_for(request.accepted_renderer.media_type, listed=listed)
    pieces = write_answer(items, writer=writer, missing=missing, rest=rest)
    return StreamedAnswer(pieces, content_type=writer.content_type)


class ChangesView(_TwoForms):
    @extend_schema(**openapi.CHANGES)
    def get(self, request: Request) -> HttpResponseBase:
        user_id = identity_of(request).user.id
        since = request.query_params.get("since", START)
        limit = min(whole_number(request, "limit", default=openapi.DEFAULT_CHANGES, least=1), openapi.MOST_CHANGES)
        with_bytes = _requested_bytes(request)
        if with_bytes is None:
            page = list_changes(user_id=user_id, since=since, limit=limit)
            if _is_sequence(request):
                return _sequence_of(*map(ChangeSerializer.serialize, page.changes), _rest_of(page))
            return Response(FeedSerializer.serialize(page))
        page = list_changes(user_id=user_id, since=since, limit=limit, fit=with_bytes.fit)
        items = with_bytes.items(page)
        return _stream(request, items, listed="changes", missing=without_bytes, rest=lambda: _rest_of(page))


def _rest_of(page: FeedPage) -> dict[str, Any]:
    return {"next": page.next, "has_more": page.has_more}


def _requested_bytes(request: Request) -> PageWithBytes | None:
    """Raises ``ValidationFailed``."""
    included = request.query_params.get("include")
    if included is None:
        return None
    if included != INCLUDE_BLOB:
        raise ValidationFailed({"include": [f"Must be {INCLUDE_BLOB}."]})
    most = whole_number(request, "max_blob_bytes", default=BLOB_BYTES, least=0)
    if most > MOST_BLOB_BYTES:
        raise ValidationFailed({"max_blob_bytes": [f"Must be at most {MOST_BLOB_BYTES}."]})
    return PageWithBytes(most)


class FetchView(_TwoForms):
    @extend_schema(**openapi.FETCH)
    def post(self, request: Request) -> HttpResponseBase:
        content_type_of(request)
        fetch = Fetch(identity_of(request).user.id, requested_ids(request))
        return _stream(request, fetch.items(), listed="records", missing=fetch.read_again, rest=fetch.rest)


class BatchView(_TwoForms):
    @extend_schema(**openapi.BATCH)
    def post(self, request: Request) -> HttpResponseBase:
        content_type_of(request)
        results = apply_batch(user=identity_of(request).user, batch=BatchRequest(request))
        said = [result.as_dict() for result in results]
        return _sequence_of(*said) if _is_sequence(request) else Response({"results": said})
