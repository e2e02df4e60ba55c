"""Mails about plugins: decisions and questions to the author; a take-down to the author and to those who have it.

None of them names the reviewer or operator.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from adiuva.jobs import is_stopping
from adiuva.mail.composers import Fact, register_composer
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import TOLD, OutgoingMail
from adiuva.mail.outbox import send_mail
from marketplace.decision_texts import words_to_author
from marketplace.models import (
    Plugin,
    PluginInstallation,
    PluginReview,
    PluginStatus,
    PluginTakedown,
    PluginVersion,
    ReviewMessage,
)

AT_ONCE: Final = 200  # mails of one transaction
TOLD_WITHIN: Final = TOLD - timedelta(hours=4)


def register() -> None:
    register_composer(MailKind.TAKE_DOWN, compose_take_down)
    register_composer(MailKind.VERSION_TAKE_DOWN, compose_version_take_down)


def write_of_decision(review: PluginReview) -> None:
    """To the author, in the transaction of the decision; to nobody where the author has left, or is leaving."""
    author, version = review.plugin.author, review.plugin_version
    if author is not None:
        _send(
            MailKind.REVIEW_DECISION,
            author,
            _facts_of_version(version) | {"decision": str(review.decision), "reason": words_to_author(review)},
        )


def write_of_takedown(takedown: PluginTakedown) -> None:
    """To the author, as above. The others' turn is ``write_to_installers``."""
    if takedown.plugin.author is not None:
        _send(MailKind.TAKE_DOWN, takedown.plugin.author, _facts_of(takedown))


def write_of_question(question: ReviewMessage) -> None:
    """To the author, with what is asked and never by whom."""
    version = question.version
    if version.plugin.author is not None:
        facts = _facts_of_version(version) | {"question": question.text}
        _send(MailKind.REVIEW_QUESTION, version.plugin.author, facts)


def write_of_withdrawal(version: PluginVersion) -> None:
    """To the author, whose doing it was: somebody who has their session could have done it, too."""
    if version.plugin.author is not None:
        facts = _facts_of_version(version) | {"decision": str(PluginStatus.WITHDRAWN)}
        _send(MailKind.REVIEW_DECISION, version.plugin.author, facts)


def write_to_installers() -> None:
    """To whoever has a plugin that was taken down, each once: a batch a transaction, which also says how far it is, so
    that a process that dies, and two that run at once, leave nobody out and write to nobody twice.
    """
    waiting = PluginTakedown.objects.filter(told_at__isnull=True, reinstated_at__isnull=True)
    for takedown_id in list(waiting.order_by("taken_down_at").values_list("id", flat=True)):
        while not is_stopping() and _write_to_some(takedown_id):
            pass


def write_of_version_takedown(version: PluginVersion, *, live: PluginVersion) -> None:
    """To the author, as above. The others' turn is ``write_to_installers_of_versions``."""
    if version.plugin.author is not None:
        _send(MailKind.VERSION_TAKE_DOWN, version.plugin.author, _facts_of_version_takedown(version, live=live.version))


def write_to_installers_of_versions() -> None:
    """To whoever has a plugin whose live version was taken down alone, each once: whoever has a mail already is passed
    over, so it may run again, and beside itself. Mails are known for a day, so nothing older is told of.
    """
    since = datetime.now(UTC) - TOLD_WITHIN
    lately = PluginVersion.objects.filter(status=PluginStatus.TAKEN_DOWN, withdrawn_at__gt=since)
    for version_id in list(lately.order_by("withdrawn_at").values_list("id", flat=True)):
        through: UUID | None = None
        while not is_stopping():
            through = _write_to_some_of_version(version_id, after=through)
            if through is None:
                break


def compose_version_take_down(account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    """None where the whole plugin was taken down meanwhile, of which another mail tells, or the account is closed.
    A plugin that its author has withdrawn is no reason: who has the version goes on using it. Nothing is live then.
    """
    if not _is_open(account_id):
        return None
    version_id = str(facts["version_id"])
    if Plugin.objects.live().filter(versions__id=version_id).exists():
        return {}
    is_down = PluginTakedown.objects.filter(plugin__versions__id=version_id, reinstated_at__isnull=True).exists()
    return None if is_down else {"live": None}


def compose_take_down(account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    """Nothing is added; None where the plugin is back meanwhile, or the account is closed."""
    is_down = PluginTakedown.objects.filter(id=str(facts["takedown"]), reinstated_at__isnull=True).exists()
    return {} if is_down and _is_open(account_id) else None


def _is_open(account_id: UUID | None) -> bool:
    people = User.objects.filter(erasure_requested_at__isnull=True)
    return account_id is not None and people.filter(pk=account_id).exists()


@transaction.atomic
def _write_to_some(takedown_id: UUID) -> bool:
    """Whether there may be more."""
    waiting = PluginTakedown.objects.filter(id=takedown_id, told_at__isnull=True, reinstated_at__isnull=True)
    takedown = waiting.select_for_update(no_key=True, of=("self",)).select_related("plugin").first()
    if takedown is None:
        return False
    left = PluginInstallation.objects.filter(plugin=takedown.plugin, uninstalled_at__isnull=True)
    if takedown.plugin.author_id is not None:
        left = left.exclude(user_id=takedown.plugin.author_id)  # was told as the author
    if takedown.told_through is not None:
        left = left.filter(user_id__gt=takedown.told_through)
    some = list(left.select_related("user").order_by("user_id")[:AT_ONCE])
    for installation in some:
        _send(MailKind.TAKE_DOWN, installation.user, _facts_of(takedown))
    has_more = len(some) == AT_ONCE
    takedown.told_through = some[-1].user_id if some else takedown.told_through
    takedown.told_at = None if has_more else datetime.now(UTC)
    takedown.save(update_fields=["told_through", "told_at"])
    return has_more


@transaction.atomic
def _write_to_some_of_version(version_id: UUID, *, after: UUID | None) -> UUID | None:
    """The last one of a full batch, after whom there may be more."""
    version = PluginVersion.objects.select_for_update(no_key=True).get(id=version_id)
    plugin = version.plugin
    left = PluginInstallation.objects.filter(plugin=plugin, uninstalled_at__isnull=True)
    if after is not None:
        left = left.filter(user_id__gt=after)
    some = list(left.select_related("user").order_by("user_id")[:AT_ONCE])
    known = OutgoingMail.objects.filter(
        kind=MailKind.VERSION_TAKE_DOWN,
        account_id__in=[one.user_id for one in some],
        facts__version_id=str(version_id),
    )
    told = {*known.values_list("account_id", flat=True), plugin.author_id}
    for installation in some:
        if installation.user_id not in told:
            facts = _facts_of_version_takedown(version, live=plugin.version)
            _send(MailKind.VERSION_TAKE_DOWN, installation.user, facts)
    return some[-1].user_id if len(some) == AT_ONCE else None


def _facts_of_version_takedown(version: PluginVersion, *, live: str) -> dict[str, Fact]:
    said = {"live": live, "reason": version.takedown_reason, "version_id": str(version.pk)}
    return _facts_of_version(version) | said


def _facts_of_version(version: PluginVersion) -> dict[str, Fact]:
    manifest = version.manifest if isinstance(version.manifest, dict) else {}
    return {"plugin": str(manifest.get("name") or version.plugin_id), "version": version.version}


def _facts_of(takedown: PluginTakedown) -> dict[str, Fact]:
    return {"plugin": takedown.plugin.name, "reason": takedown.reason, "takedown": str(takedown.id)}


def _send(kind: MailKind, user: User, facts: Mapping[str, Fact]) -> None:
    if user.erasure_requested_at is None:
        send_mail(kind, to=user.email, locale=user.locale, account_id=user.id, facts=facts)
