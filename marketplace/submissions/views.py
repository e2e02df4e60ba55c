"""What an author has submitted and what becomes of it: the list, taking a version back, answering a reviewer.

Apart from ``marketplace.catalog.views``, which money's rooms build on: these know reviews.
"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.models import User
from adiuva.api.errors import NotFound
from adiuva.api.fields import TextField
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page
from marketplace.catalog.admission import MarketplaceView
from marketplace.catalog.serializers import MessageSerializer, OwnSubmissionListSerializer, OwnSubmissionSerializer
from marketplace.models import Plugin, PluginVersion
from marketplace.models.desk import MOST_MESSAGE_CHARACTERS
from marketplace.review.messages import answer
from marketplace.review.withdrawals import withdraw_version
from marketplace.submissions.manifest import version_fault
from marketplace.submissions.service import list_submissions

SUBMISSIONS, MOST_SUBMISSIONS = 20, 100
_NOT_YOURS = problem("not_found: there is none, or it is not yours")


class OwnSubmissionsView(MarketplaceView):
    open_methods = frozenset({"GET"})

    @extend_schema(
        operation_id="listOwnPlugins",
        description="Every version that you have sent, whatever became of it, with the results of its checks.",
        summary="List your submissions, newest first",
        parameters=page_parameters(limit=SUBMISSIONS, most=MOST_SUBMISSIONS),
        responses={200: OwnSubmissionListSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        """Every version that you have sent, whatever became of it, with the results of its checks."""
        page = requested_page(request, limit=SUBMISSIONS, most=MOST_SUBMISSIONS)
        submissions = list_submissions(identity_of(request).user)
        return Response(page.of(submissions, OwnSubmissionSerializer.of))


class WithdrawView(MarketplaceView):
    open_methods = frozenset({"POST"})

    @extend_schema(
        operation_id="withdrawPluginVersion",
        summary="Take back a version of your own",
        request=None,
        responses={
            200: OwnSubmissionSerializer,
            404: _NOT_YOURS,
            409: problem("conflict: it was rejected, withdrawn or taken down before"),
        },
    )
    def post(self, request: Request, slug: str, version: str) -> Response:
        """On any tier. If it was live, the approved version before it is live again; without one the plugin leaves the
        catalog. Who has it keeps it. A version that was taken back never returns: submit a higher one.
        """
        author = identity_of(request).user
        withdraw_version(version=_require_own(author, slug=slug, version=version), author=author)
        return Response(OwnSubmissionSerializer(_require_own(author, slug=slug, version=version)).data)


class AnswerSerializer(serializers.Serializer[Any]):
    text = TextField(max_length=MOST_MESSAGE_CHARACTERS)


class MessagesView(MarketplaceView):
    open_methods = frozenset({"POST"})

    @extend_schema(
        operation_id="answerReviewer",
        summary="Answer a reviewer's question about a version of your own",
        request=AnswerSerializer,
        responses={
            201: MessageSerializer,
            400: problem("validation_error"),
            404: _NOT_YOURS,
            409: problem("conflict: nothing was asked, it was decided on, or you have answered too often"),
        },
    )
    def post(self, request: Request, slug: str, version: str) -> Response:
        """On any tier, until the version is decided on."""
        author = identity_of(request).user
        own = _require_own(author, slug=slug, version=version)
        serializer = AnswerSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        written = answer(author=author, version=own, text=serializer.validated_data["text"])
        return Response(MessageSerializer(written).data, status=201)


def _require_own(author: User, *, slug: str, version: str) -> PluginVersion:
    """With what its entry of the list shows. Raises NotFound, also for what is no id or no version."""
    own = list_submissions(author).filter(plugin__in=Plugin.objects.with_id(slug), version=version)
    found = None if version_fault(version) else own.first()
    if found is None:
        raise NotFound("There is no such version of a plugin of yours.")
    return found
