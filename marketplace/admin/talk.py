"""What is beside a submission on its page: the name's flags, the author's record, the conversation and the notes.

The page is that of ``marketplace.admin.submissions``; here are the parts of it that talk of people.
"""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib import messages as django_messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import User
from marketplace.admin.base import REVIEW, DecisionForm, View, apply_decision, require_permission
from marketplace.admin.queue import Walk
from marketplace.models import MessageSide, PluginStatus, PluginVersion, ReviewMessage
from marketplace.models.desk import MOST_MESSAGE_CHARACTERS
from marketplace.review import messages
from marketplace.review.authors import record_of
from marketplace.review.names import flags_of
from marketplace.review.page import colleague_name, visible


def _text(*, label: str, hint: str) -> forms.CharField:
    """How long it may be is asked when its ends of lines are one character each, as a browser counts them."""
    attrs = {"rows": 3, "placeholder": hint, "maxlength": MOST_MESSAGE_CHARACTERS}
    return forms.CharField(label=label, widget=UnfoldAdminTextareaWidget(attrs=attrs))


class ConversationFilter(admin.SimpleListFilter):
    """Each of its values leaves only what waits for its review."""

    title = "conversation"
    parameter_name = "conversation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waits", "Waits for the author"),
            ("answered", "The author has answered"),
            ("nothing", "Nothing asked"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {
            "waits": {"waits_for_author": True},
            "answered": {"is_answered": True},
            "nothing": {"waits_for_author": False, "is_answered": False},
        }.get(self.value() or "")
        return queryset.filter(status=PluginStatus.PENDING_REVIEW, **wanted) if wanted else queryset


TONES: Final = {"waits": "warning", "answered": "success"}


def state_of(version: Any) -> tuple[str, str] | None:
    """What the queue says of a version with its conversation (``messages.with_conversation``), in place of its status;
    None where its author was asked nothing, or it is decided.
    """
    if version.status != PluginStatus.PENDING_REVIEW:
        return None
    if version.waits_for_author:
        return "waits", "waits for the author"
    return ("answered", "author has answered") if version.is_answered else None


class QuestionForm(DecisionForm):
    prefix = "ask"
    text = _text(label="Question", hint="The author reads it, by mail and in the app, and not who asks.")


class NoteForm(DecisionForm):
    prefix = "note"
    text = _text(label="Note", hint="Only reviewers read it.")


def context_of(version: PluginVersion, viewer: User) -> dict[str, Any]:
    """Everything is text, and safe for a template that escapes it. An author who is a reviewer, too, sees what is
    written to them and no note about them.
    """
    plugin, is_own = version.plugin, viewer.pk in {version.plugin.author_id, version.submitted_by_id}
    said = ReviewMessage.objects.filter(version__plugin=plugin).select_related("writer", "version")
    if is_own:
        said = said.exclude(side=MessageSide.NOTE)
    shown = [(message.side, _shown(message, version, viewer)) for message in said]
    author = plugin.author
    return {
        "name_flags": [(visible(flag.reason), flag.slug) for flag in flags_of(version)],
        "record": record_of(author, version=version) if author is not None else None,
        "conversation": [one for side, one in shown if side != MessageSide.NOTE],
        "notes": [one for side, one in shown if side == MessageSide.NOTE],
        "is_own": is_own,
        "may_ask": author is not None and not is_own and version.status == PluginStatus.PENDING_REVIEW,
        "waits_for_author": _waits_for_author(version),
        "question_form": QuestionForm(),
        "note_form": NoteForm(),
    }


def _shown(message: ReviewMessage, version: PluginVersion, viewer: User) -> dict[str, Any]:
    by_author = message.side == MessageSide.AUTHOR
    return {
        "side": message.side,
        "who": "the author" if by_author else colleague_name(message.writer, viewer),
        "at": message.written_at,
        "text": visible(message.text),
        "about": "" if message.version_id == version.pk else visible(message.version.version),
    }


def _waits_for_author(version: PluginVersion) -> bool:
    found: Any = messages.with_conversation(PluginVersion.objects.filter(pk=version.pk)).first()
    return bool(found is not None and found.waits_for_author and found.status == PluginStatus.PENDING_REVIEW)


def ask_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _write(request, pk, QuestionForm, messages.ask, done="The author is asked.", anchor="conversation")


def note_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _write(request, pk, NoteForm, messages.add_note, done="The note is kept.", anchor="notes")


def _write(
    request: HttpRequest,
    pk: UUID,
    form_class: type[DecisionForm],
    act: Callable[..., ReviewMessage],
    *,
    done: str,
    anchor: str,
) -> HttpResponse:
    """Leads back to the page, also with what is refused: browsers let nobody send too much or nothing."""
    reviewer = require_permission(request, REVIEW)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    version = PluginVersion.objects.filter(pk=pk).first()
    if version is None:
        raise Http404
    form = form_class(request.POST)
    if not apply_decision(request, form, lambda text: act(version=version, reviewer=reviewer, text=text), done=done):
        faults = [str(fault) for faults in form.errors.values() for fault in faults]
        django_messages.error(request, " ".join(faults))
    return HttpResponseRedirect(f"{Walk.of(request).page_url(pk)}#{anchor}")


ROUTES: Final[list[tuple[str, View, str]]] = [
    ("<uuid:pk>/ask/", ask_view, "ask"),
    ("<uuid:pk>/note/", note_view, "note"),
]
