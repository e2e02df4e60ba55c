"""Mails about plugins: a decision to its author; a take-down to its author and to those who have it installed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from adiuva.jobs import is_stopping
from adiuva.mail.composers import Fact, register_composer
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail
from marketplace.decision_texts import words_to_author
from marketplace.models import PluginInstallation, PluginReview, PluginTakedown

AT_ONCE: Final = 200  # mails of one transaction


def register() -> None:
    register_composer(MailKind.TAKE_DOWN, compose_take_down)


def write_of_decision(review: PluginReview) -> None:
    """To the author, in the transaction of the decision; to nobody where the author has left, or is leaving."""
    author, version = review.plugin.author, review.plugin_version
    if author is not None:
        _send(
            MailKind.REVIEW_DECISION,
            author,
            {
                "plugin": str(version.manifest.get("name") or review.plugin_id),
                "version": version.version,
                "decision": str(review.decision),
                "reason": words_to_author(review),
            },
        )


def write_of_takedown(takedown: PluginTakedown) -> None:
    """To the author, as above. The others' turn is ``write_to_installers``."""
    if takedown.plugin.author is not None:
        _send(MailKind.TAKE_DOWN, takedown.plugin.author, _facts_of(takedown))


def write_to_installers() -> None:
    """To whoever has a plugin that was taken down, each once: a batch a transaction, which also says how far it is, so
    that a process that dies, and two that run at once, leave nobody out and write to nobody twice.
    """
    waiting = PluginTakedown.objects.filter(told_at__isnull=True, reinstated_at__isnull=True)
    for takedown_id in list(waiting.order_by("taken_down_at").values_list("id", flat=True)):
        while not is_stopping() and _write_to_some(takedown_id):
            pass


def compose_take_down(account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    """Nothing is added; None where the plugin is back meanwhile, or the account is closed."""
    is_down = PluginTakedown.objects.filter(id=str(facts["takedown"]), reinstated_at__isnull=True).exists()
    is_open = account_id and User.objects.filter(pk=account_id, erasure_requested_at__isnull=True).exists()
    return {} if is_down and is_open else None


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


def _facts_of(takedown: PluginTakedown) -> dict[str, Fact]:
    return {"plugin": takedown.plugin.name, "reason": takedown.reason, "takedown": str(takedown.id)}


def _send(kind: MailKind, user: User, facts: Mapping[str, Fact]) -> None:
    if user.erasure_requested_at is None:
        send_mail(kind, to=user.email, locale=user.locale, account_id=user.id, facts=facts)
