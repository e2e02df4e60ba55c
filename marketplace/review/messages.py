"""What reviewers and authors write to each other about a submission, and the notes that stay among reviewers.

A question opens the conversation about one version; its author may answer, and add to the answer, until the version is
decided on. Rows are only ever added.
"""

from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from marketplace.locks import lock_open_user
from marketplace.models import MessageSide, Plugin, PluginStatus, PluginVersion, ReviewMessage
from marketplace.models.desk import MOST_MESSAGE_CHARACTERS
from marketplace.review.mails import write_of_question
from marketplace.review.withdrawals import lock_version

MOST_ANSWERS: Final = 20  # of an author, about one version


@transaction.atomic
def ask(*, version: PluginVersion, reviewer: User, text: str) -> ReviewMessage:
    """A question to the author, kept and mailed; it never says who asks.

    Raises:
        Conflict: the version does not wait for its review, or nobody is left to ask.
        PermissionDenied: the reviewer's own plugin.
        ValidationFailed: no text, or a long one.
    """
    text = _require_text(text)
    plugin, locked = _lock_for_reviewer(version, reviewer)
    if locked.status != PluginStatus.PENDING_REVIEW:
        raise Conflict("Only about a version that waits for its review can its author be asked.")
    if plugin.author_id is None:
        raise Conflict("The author has left: there is nobody to ask.")
    question = _write(locked, side=MessageSide.REVIEW, writer=reviewer, text=text)
    write_of_question(question)
    return question


@transaction.atomic
def add_note(*, version: PluginVersion, reviewer: User, text: str) -> ReviewMessage:
    """A note that stays among reviewers, at any time.

    Raises:
        PermissionDenied: the reviewer's own plugin.
        ValidationFailed: no text, or a long one.
    """
    text = _require_text(text)
    _, locked = _lock_for_reviewer(version, reviewer)
    return _write(locked, side=MessageSide.NOTE, writer=reviewer, text=text)


@transaction.atomic
def answer(*, author: User, version: PluginVersion, text: str) -> ReviewMessage:
    """What the author says to the reviewers' questions.

    Raises:
        Conflict: the version does not wait for its review, nothing was asked about it, the author has written
            ``MOST_ANSWERS`` times, or the account is being deleted.
        NotFound: the version is not the author's, or gone.
        ValidationFailed: no text, or a long one.
    """
    text = _require_text(text)
    lock_open_user(author.pk)
    plugin, locked = lock_version(version)
    if plugin.author_id != author.pk:
        raise NotFound("There is no such version.")
    if locked.status != PluginStatus.PENDING_REVIEW:
        raise Conflict("This version does not wait for its review any more.")
    if not locked.messages.filter(side=MessageSide.REVIEW).exists():
        raise Conflict("Nothing was asked about this version.")
    if locked.messages.filter(side=MessageSide.AUTHOR).count() >= MOST_ANSWERS:
        raise Conflict(f"You have written {MOST_ANSWERS} times about this version; wait for the review.")
    return _write(locked, side=MessageSide.AUTHOR, writer=author, text=text)


def conversation_of(version: PluginVersion) -> QuerySet[ReviewMessage, ReviewMessage]:
    """What reviewer and author have written to each other, the oldest first; never a note. Authors may read it, but not
    ``writer``.
    """
    return ReviewMessage.objects.filter(version=version).exclude(side=MessageSide.NOTE)


def notes_of(version: PluginVersion) -> QuerySet[ReviewMessage, ReviewMessage]:
    """For reviewers only, the oldest first."""
    return ReviewMessage.objects.filter(version=version, side=MessageSide.NOTE)


def with_conversation(versions: QuerySet[PluginVersion, PluginVersion]) -> QuerySet[PluginVersion, PluginVersion]:
    """``versions`` with two booleans; at most one is true, and neither where nothing was asked.

    ``waits_for_author``: a question has no later answer. ``is_answered``: the last question has one.
    """
    questions = ReviewMessage.objects.filter(version=OuterRef("pk"), side=MessageSide.REVIEW).order_by()
    answers = ReviewMessage.objects.filter(version=OuterRef("version"), side=MessageSide.AUTHOR).order_by()
    unanswered = questions.filter(~Exists(answers.filter(written_at__gte=OuterRef("written_at"))))
    waits, asked = Exists(unanswered), Exists(questions)
    return versions.annotate(waits_for_author=waits, is_answered=asked & ~waits)


def _require_text(given: str) -> str:
    text = given.strip()
    if not text:
        raise ValidationFailed({"text": ["Write something."]})
    if len(text) > MOST_MESSAGE_CHARACTERS:
        raise ValidationFailed({"text": [f"At most {MOST_MESSAGE_CHARACTERS} characters."]})
    return text


def _lock_for_reviewer(version: PluginVersion, reviewer: User) -> tuple[Plugin, PluginVersion]:
    if not lock_open_user(reviewer.pk).is_active:
        raise PermissionDenied("This account is closed.")
    plugin, locked = lock_version(version)
    if reviewer.pk in {plugin.author_id, locked.submitted_by_id}:
        raise PermissionDenied("You cannot review your own plugin.")
    return plugin, locked


def _write(version: PluginVersion, *, side: MessageSide, writer: User, text: str) -> ReviewMessage:
    return ReviewMessage.objects.create(
        version=version, side=side, writer=writer, text=text, written_at=datetime.now(UTC)
    )
