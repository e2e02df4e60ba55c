"""Links come to be when a mail is sent, each try with a token of its own: nothing that waits holds one, and a mail that
was late still has its token's whole lifetime. Mails that have become pointless are dropped here.
"""

from collections.abc import Mapping
from uuid import UUID

from django.conf import settings

from accounts.models import EmailChange, MailTokenPurpose, User
from accounts.recovery.mail_tokens import (
    CHANGE_LIFETIME,
    RESET_LIFETIME,
    UNDO_LIFETIME,
    VERIFY_LIFETIME,
    issue_token,
)
from adiuva.mail.composers import Fact, register_composer
from adiuva.mail.kinds import MailKind

Facts = Mapping[str, Fact]


def register() -> None:
    register_composer(MailKind.VERIFICATION, _compose_verification)
    register_composer(MailKind.PASSWORD_RESET, _compose_reset)
    register_composer(MailKind.EMAIL_CHANGE, _compose_change)
    register_composer(MailKind.EMAIL_CHANGE_NOTICE, _compose_notice)
    register_composer(MailKind.ADDRESS_TAKEN, _compose_taken)


def _compose_verification(account_id: UUID | None, facts: Facts) -> Facts | None:
    user = _account(account_id, facts["email"])
    if user is None or user.email_verified:
        return None
    raw = issue_token(user=user, purpose=MailTokenPurpose.VERIFY, email=user.email, lifetime=VERIFY_LIFETIME)
    return _link("verify", raw)


def _compose_reset(account_id: UUID | None, facts: Facts) -> Facts | None:
    user = _account(account_id, facts["email"])
    if user is None:
        return None
    raw = issue_token(user=user, purpose=MailTokenPurpose.RESET, email=user.email, lifetime=RESET_LIFETIME)
    return _link("reset", raw)


def _compose_change(_account_id: UUID | None, facts: Facts) -> Facts | None:
    change = _change(facts)
    if change is None or change.confirmed_at is not None:
        return None
    raw = issue_token(
        user=change.user,
        purpose=MailTokenPurpose.CHANGE,
        email=change.new_email,
        lifetime=CHANGE_LIFETIME,
        email_change=change,
    )
    return _link("email", raw)


def _compose_notice(_account_id: UUID | None, facts: Facts) -> Facts | None:
    """Of a change that another took the place of as well: this link takes that one back too, and of many changes at
    once the last ones are over the limit of mails. Also while the account is disabled, as a stolen one may be: once it
    is enabled the link works.
    """
    changes = EmailChange.objects.select_related("user").filter(user__erasure_requested_at__isnull=True)
    change = changes.filter(id=str(facts["change"])).first()
    if change is None or not _is_to_undo(change):
        return None
    raw = issue_token(
        user=change.user,
        purpose=MailTokenPurpose.UNDO,
        email=change.old_email,
        lifetime=UNDO_LIFETIME,
        email_change=change,
    )
    return _link("email", raw)


def _compose_taken(account_id: UUID | None, _facts: Facts) -> Facts | None:
    is_closed = account_id is not None and not User.objects.filter(id=account_id, is_active=True).exists()
    return None if is_closed else {}


def _account(account_id: UUID | None, email: Fact) -> User | None:
    """None for a closed account, and for one that has another address by now: the mail goes to the one it had."""
    if account_id is None:
        return None
    return User.objects.filter(id=account_id, email=str(email), is_active=True).first()


def _change(facts: Facts) -> EmailChange | None:
    """None for one that was undone, replaced or voided before the mail left."""
    changes = EmailChange.objects.select_related("user").filter(ended_at__isnull=True, user__is_active=True)
    return changes.filter(id=str(facts["change"])).first()


def _is_to_undo(change: EmailChange) -> bool:
    since = EmailChange.objects.filter(user_id=change.user_id, requested_at__gte=change.requested_at)
    return since.filter(ended_at__isnull=True).exists()


def _link(page: str, raw: str) -> Facts:
    return {"link": f"{settings.PUBLIC_URL}/account/{page}?token={raw}"}
